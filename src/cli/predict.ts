import { type CommandUsage, plainCommand, type Command } from './command';
import { modelFlags, optionalText, readingOf, requiredTexts, shapeOf, wholeNumber, commonFlags, jsonFlag, type FlagTable } from './flags';
import type { PredictionRequest } from './run-prediction';
import { UserError } from '../foundation/errors';

const predictFlags = {
  ...modelFlags,
  'model-path': {
    string: true,
    array: true,
    group: 'Model:',
    description: 'A model folder (its _best.pt is used) or a .pt file; several are shown side by side.',
  },
  input: {
    string: true,
    array: true,
    group: 'Data:',
    description: 'Clips (.npz, or a folder of pictures), folders of clips, or patterns such as "clips/*_fail.npz".',
  },
  'kp-key': {
    string: true,
    alias: 'feature-key',
    group: 'Data:',
    description: 'The array in the .npz that holds the key points or features.',
    defaultDescription: 'as in training',
  },
  'labels-reference': {
    string: true,
    group: 'Data:',
    description: 'Names of glosses and categories, where the checkpoint has none.',
  },
  strict: { type: 'boolean', group: 'Data:', description: 'Exit with 1 where one of several clips cannot be read.' },
  attention: { string: true, group: 'Output:', description: 'A PNG to draw: which frames of the clip counted.' },
  csv: { type: 'boolean', group: 'Output:', description: 'Print a CSV, a line for each clip and model.' },
  'top-k': { string: true, group: 'Output:', description: 'Signs to name, most likely first; 0 for all.', defaultDescription: '5' },
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

const usage: CommandUsage = {
  command: 'npm run predict --',
  summary: 'Recognises the signs in clips.',
  flags: predictFlags,
  examples: [
    [
      'npm run predict -- --model-path trained_models/transformer/transformer_baseline_09-20 --input clip.npz',
      'the five most likely signs',
    ],
    ['npm run predict -- --model-path model.pt --input clips/ --top-k 0 --json', 'every clip of a folder, all classes, for a script'],
    ['npm run predict -- --model-path new/ old.pt --input clip.npz', 'two models side by side'],
    ['npm run predict -- --model-path model.pt --input clip.npz --attention attention.png', 'a picture of the frames that counted'],
  ],
};

/** The `predict` command. */
export const predictCommand: Command = plainCommand(usage, async (typed, terminal) => {
  const request = {
    modelPaths: requiredTexts(typed, 'model-path', 'a model folder or a .pt file'),
    shape: shapeOf(typed),
    reading: readingOf(typed),
    inputs: requiredTexts(typed, 'input', 'a clip (.npz) or a folder of clips'),
    key: optionalText(typed, 'kp-key'),
    labelsReference: optionalText(typed, 'labels-reference'),
    topK: wholeNumber(typed, 'top-k', 0) ?? 5,
    attention: optionalText(typed, 'attention'),
    strict: typed['strict'] === true,
    format: formatOf(typed),
    verbose: typed['verbose'] === true,
  };
  const { runPrediction } = await import('./run-prediction.js'); // With TensorFlow: only when it is needed.
  return await runPrediction(request, terminal);
});

function formatOf(typed: Readonly<Record<string, unknown>>): PredictionRequest['format'] {
  if (typed['json'] === true && typed['csv'] === true) throw new UserError('--json and --csv: give one of them');
  return typed['json'] === true ? 'json' : typed['csv'] === true ? 'csv' : 'text';
}
