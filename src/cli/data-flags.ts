import { optionalText, wholeNumber } from './model-flags';
import type { FlagTable } from './options';
import type { EvaluationDataRequest } from '../evaluation/open-evaluation-data';

/** Flags that name labelled clips to evaluate on. */
export const dataFlags = {
  'keypoints-val': { string: true, alias: 'features-val', group: 'Data:', description: 'Folder with the clips, one .npz each.' },
  'labels-val-csv': { string: true, group: 'Data:', description: 'Their labels: file,gloss,cat[,occluded].' },
  'labels-reference': { string: true, group: 'Data:', description: 'Names of glosses and categories.' },
  'kp-key': {
    string: true,
    alias: 'feature-key',
    group: 'Data:',
    description: 'The array in each .npz that holds the key points or features.',
    defaultDescription: 'as in training',
  },
  'batch-size': { string: true, group: 'Data:', description: 'Clips in a batch.', defaultDescription: '32' },
} as const satisfies FlagTable;

/** What was typed of the clips to evaluate on, `--data` included. @throws UserError for a flag without its value. */
export function labelledDataOf(typed: Readonly<Record<string, unknown>>): EvaluationDataRequest & { readonly batchSize: number } {
  return {
    data: optionalText(typed, 'data'),
    keypointsVal: optionalText(typed, 'keypoints-val'),
    labelsValCsv: optionalText(typed, 'labels-val-csv'),
    labelsReference: optionalText(typed, 'labels-reference'),
    key: optionalText(typed, 'kp-key'),
    batchSize: wholeNumber(typed, 'batch-size', 1) ?? 32,
  };
}
