import { type CommandUsage, plainCommand, type Command } from './command';
import {
  dataFlags,
  labelledDataOf,
  modelFlags,
  optionalText,
  readingOf,
  requiredText,
  shapeOf,
  commonFlags,
  jsonFlag,
  type FlagTable,
} from './flags';

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
    reading: readingOf(typed),
    ...labelledDataOf(typed),
    outputDir: optionalText(typed, 'output-dir'),
    strict: typed['strict'] === true,
    json: typed['json'] === true,
    verbose: typed['verbose'] === true,
  };
  const { runEvaluation } = await import('./run-evaluation.js'); // With TensorFlow: only when it is needed.
  return await runEvaluation(request, terminal);
});
