import type { Command } from './command';
import type { CommandUsage } from './command-line';
import { modelFlags, optionalText, requiredText, shapeOf, wholeNumber } from './model-flags';
import { commonFlags, jsonFlag, type FlagTable } from './options';
import { plainCommand } from './plain-command';

const predictFlags = {
  ...modelFlags,
  input: { string: true, group: 'Data:', description: 'A clip (.npz), or a folder of clips.' },
  'kp-key': {
    string: true,
    alias: 'feature-key',
    group: 'Data:',
    description: 'The array in the .npz that holds the key points or features.',
    defaultDescription: 'as in training',
  },
  'top-k': { string: true, group: 'Output:', description: 'Signs to name, most likely first; 0 for all.', defaultDescription: '5' },
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

const usage: CommandUsage = {
  command: 'npm run predict --',
  summary: 'Recognises the sign in a clip.',
  flags: predictFlags,
  examples: [
    [
      'npm run predict -- --model-path trained_models/transformer/transformer_baseline_09-20 --input clip.npz',
      'the five most likely signs',
    ],
    ['npm run predict -- --model-path model.pt --input clips/ --top-k 0 --json', 'every clip of a folder, all classes, for a script'],
  ],
};

/** The `predict` command. */
export const predictCommand: Command = plainCommand(usage, async (typed, terminal) => {
  const request = {
    modelPath: requiredText(typed, 'model-path', 'a model folder or a .pt file'),
    shape: shapeOf(typed),
    input: requiredText(typed, 'input', 'a clip (.npz) or a folder of clips'),
    key: optionalText(typed, 'kp-key'),
    topK: wholeNumber(typed, 'top-k', 0) ?? 5,
    json: typed['json'] === true,
    verbose: typed['verbose'] === true,
  };
  const { runPrediction } = await import('./run-prediction.js'); // With TensorFlow: only when it is needed.
  return await runPrediction(request, terminal);
});
