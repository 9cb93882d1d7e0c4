import type { DataWatch } from '../evaluation/open-evaluation-data';
import type { Terminal } from './command';
import { showLoading } from './loading';

/** Shows in a terminal what happens while data is opened. */
export function dataWatch({ errors }: Terminal): DataWatch {
  return {
    onWarning: (text) => {
      errors.write(`warning: ${text}\n`);
    },
    onProgress: showLoading(errors),
  };
}
