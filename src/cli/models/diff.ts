import { UserError } from '../../foundation/errors';
import { diffModel } from '../../zoo/release/diff';
import { findModel } from '../../zoo/find-model';
import { commonFlags, jsonFlag, type FlagTable } from '../flags';
import { plainCommand, type Command } from '../command';
import { diffText } from './diff-text';
import { registryFlags, rootOf } from './registry-flags';

const command = 'npm run models -- diff';

const flags = { ...registryFlags, ...jsonFlag, ...commonFlags } as const satisfies FlagTable;

/** `models diff`. */
export const diffCommand: Command = plainCommand(
  {
    command,
    takes: 'NAME [VERSION] [VERSION]',
    summary:
      'Tells how two releases of a model differ, or a release (the last, unless you say which) and what its folder holds now: architecture, settings, classes, data, figures, how far the weights moved, sizes.',
    flags,
    examples: [
      [`${command} transformer_baseline_09-20 v1.0.0 v1.1.0`, 'two releases'],
      [`${command} transformer_baseline_09-20`, 'what has changed since the last release'],
    ],
  },
  (typed, { output }, [name, ...versions]) => {
    if (name === undefined || name === '') {
      throw new UserError(`${command}: expected the name of a model, then up to two versions; npm run models -- list shows the models`);
    }
    const root = rootOf(typed);
    const diff = diffModel(root, findModel(root, name), versions);
    output.write(typed['json'] === true ? `${JSON.stringify(diff, null, 2)}\n` : diffText(diff));
    return 0;
  },
);
