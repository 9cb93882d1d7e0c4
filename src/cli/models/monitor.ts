import { UserError } from '../../foundation/errors';
import { findModelOrRelease } from '../../zoo/registered-models';
import { plainCommand, type Command } from '../command';
import { dataFlags, labelledDataOf, commonFlags, jsonFlag, type FlagTable } from '../flags';
import { modelsGiven } from '../own-models';
import { onlyName, registryFlags, rootOf, modelsOf } from './registry-flags';

const MONITOR = 'npm run models -- monitor';

const monitorFlags = {
  retrain: {
    type: 'boolean',
    group: 'Monitor:',
    description: 'After a drop, train anew with the model’s own settings on --data, in a new folder.',
  },
  'fail-if-worse': { type: 'boolean', group: 'Monitor:', description: 'Exit with 2 after a drop.' },
  data: {
    string: true,
    group: 'Data:',
    description: 'New labelled clips: a folder laid out as for training, its validation clips are evaluated.',
  },
  ...dataFlags,
  ...registryFlags,
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

/** `models monitor`. */
export const monitorCommand: Command = plainCommand(
  {
    command: MONITOR,
    takes: 'NAME',
    summary:
      'Evaluates a model on new data: NAME@1.0.0, or of NAME the last release, else the production checkpoint, else the best. Writes performance_history.csv and .png, and warns of a drop that chance would not explain.',
    flags: monitorFlags,
    examples: [
      [`${MONITOR} transformer_baseline_09-20 --data november/`, 'a row in its history'],
      [`${MONITOR} transformer_baseline_09-20@1.0.0 --data november/ --fail-if-worse`, 'for a schedule: exits with 2 after a drop'],
      [`${MONITOR} transformer_baseline_09-20 --data november/ --retrain`, 'and trains anew if it dropped'],
    ],
  },
  async (typed, terminal, positionals) => {
    const named = findModelOrRelease(rootOf(typed), onlyName(positionals, MONITOR), modelsOf(typed));
    const data = labelledDataOf(typed);
    if (data.data === undefined && data.keypoints_val === undefined && data.labels_val_csv === undefined)
      throw new UserError(`${MONITOR}: on which data? give --data, or --keypoints-val and --labels-val-csv`);
    const { runMonitoring } = await import('./run-monitoring.js'); // With TensorFlow: only when it is needed.
    return await runMonitoring(
      {
        named,
        modelFile: modelsGiven(typed['model']).given?.file,
        ...data,
        retrain: typed['retrain'] === true,
        failIfWorse: typed['fail-if-worse'] === true,
        json: typed['json'] === true,
        verbose: typed['verbose'] === true,
      },
      terminal,
    );
  },
);
