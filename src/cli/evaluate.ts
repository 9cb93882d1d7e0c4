import type { Command } from './command';
import type { CommandUsage } from './command-line';
import { modelFlags, optionalText, requiredText, shapeOf, wholeNumber } from './model-flags';
import { commonFlags, jsonFlag, type FlagTable } from './options';
import { plainCommand } from './plain-command';

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

const evaluateFlags = {
  ...modelFlags,
  data: {
    string: true,
    group: 'Data:',
    description: 'Folder laid out as for training. Without any data flag: the data that the model was trained with.',
  },
  ...dataFlags,
  strict: { type: 'boolean', group: 'Data:', description: 'Exit with 1 where a clip had to be left out.' },
  'output-dir': {
    string: true,
    group: 'Output:',
    description: 'Where tables, pictures and report.html are written.',
    defaultDescription: 'evaluation_results beside the checkpoint',
  },
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

const usage: CommandUsage = {
  command: 'npm run evaluate --',
  summary: 'Evaluates a trained model on labelled clips, and writes tables, pictures and a report into its evaluation_results folder.',
  flags: evaluateFlags,
  examples: [
    [
      'npm run evaluate -- --model-path trained_models/transformer/transformer_baseline_09-20 --data clips/',
      'evaluate the best epoch of a run',
    ],
    ['npm run evaluate -- --model-path old.pt --num-heads 8 --data clips/ --json', 'a checkpoint from PyTorch; the result for a script'],
  ],
};

/** The `evaluate` command. */
export const evaluateCommand: Command = plainCommand(usage, async (typed, terminal) => {
  const request = {
    modelPath: requiredText(typed, 'model-path', 'a model folder or a .pt file'),
    shape: shapeOf(typed),
    data: optionalText(typed, 'data'),
    keypointsVal: optionalText(typed, 'keypoints-val'),
    labelsValCsv: optionalText(typed, 'labels-val-csv'),
    labelsReference: optionalText(typed, 'labels-reference'),
    key: optionalText(typed, 'kp-key'),
    outputDir: optionalText(typed, 'output-dir'),
    strict: typed['strict'] === true,
    batchSize: wholeNumber(typed, 'batch-size', 1) ?? 32,
    json: typed['json'] === true,
    verbose: typed['verbose'] === true,
  };
  const { runEvaluation } = await import('./run-evaluation.js'); // With TensorFlow: only when it is needed.
  return await runEvaluation(request, terminal);
});
