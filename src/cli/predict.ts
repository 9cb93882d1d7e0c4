import { predictOptions } from '../evaluation/options';
import { writeTextAtomically } from '../foundation/atomic-file';
import { UserError } from '../foundation/errors';
import { verbCommand, type Command } from './command';
import { USER_ERROR_EXIT_CODE } from './exit';
import { jsonFlag, optionalText } from './flags';
import { hooksOf } from './progress';
import { pathOfModel } from './model-names';
import { ownModelFlags } from './own-models';
import { flagsOfPredict } from './pytorch-flags';

const { model, ...options } = predictOptions;

/** The `predict` command. */
export const predictCommand: Command = verbCommand(
  {
    command: 'npm run predict --',
    takes: '[MODEL…]',
    positional: 'model_path',
    summary: 'Recognises the signs in clips.',
    options: { model_path: model, ...options },
    brought: flagsOfPredict,
    flags: {
      ...ownModelFlags,
      strict: { type: 'boolean', group: 'Data:', description: 'Exit with 1 where one of several clips cannot be read.' },
      csv: { type: 'boolean', group: 'Output:', description: 'Print a CSV, a line for each clip and model.' },
      output: { string: true, group: 'Output:', description: 'A file to write besides: .csv, a line for each clip and model, or .json.' },
      ...jsonFlag,
    },
    examples: [
      ['npm run predict -- transformer_baseline_09-20 --input clip.npz', 'the five most likely signs, by a model of trained_models'],
      ['npm run predict -- --model-path model.pt --input clips/ --output predictions.csv', 'every clip of a folder, a line each'],
      ['npm run predict -- --model-path model.pt --input clips/ --top-k 0 --json', 'all classes, for a script'],
      ['npm run predict -- --model-path new/ old.pt --input clip.npz', 'two models side by side'],
      ['npm run predict -- --model-path model.pt --input clip.npz --attention attention.png', 'a picture of the frames that counted'],
    ],
  },
  async ({ options: { model_path, input, ...given }, flags }, terminal) => {
    const { json, csv } = flags;
    if (json === true && csv === true) throw new UserError('--json and --csv: give one of them');
    if (input === undefined) throw new UserError('--input is missing: give a clip (.npz) or a folder of clips');
    const output = outputFile(flags);
    const { predict } = await import('../evaluation/predict.js'); // With TensorFlow: only when it is needed.
    const predicted = await predict(
      { model: (typeof model_path === 'string' ? [model_path] : model_path).map(pathOfModel), input, ...given },
      hooksOf(terminal, flags),
    );
    if (predicted.predictions.length === 0) return USER_ERROR_EXIT_CODE;
    const texts = await import('./prediction-text.js');
    const text = json === true ? texts.predictionsJson : csv === true ? texts.predictionsCsv : texts.predictionsText;
    terminal.output.write(text(predicted));
    if (output !== undefined) {
      writeTextAtomically(output, output.endsWith('.json') ? texts.predictionsJson(predicted) : texts.predictionsCsv(predicted));
      terminal.errors.write(`written: ${output}\n`);
    }
    if (predicted.attention !== undefined) terminal.errors.write(`attention: ${predicted.attention}\n`);
    return flags['strict'] === true && predicted.leftOut.length > 0 ? USER_ERROR_EXIT_CODE : 0;
  },
);

/** @throws UserError where its name does not say what it is to hold. */
function outputFile(flags: Readonly<Record<string, unknown>>): string | undefined {
  const file = optionalText(flags, 'output');
  if (file === undefined || /\.(csv|json)$/.test(file)) return file;
  throw new UserError(`--output ${file}: expected a name that ends in .csv or .json`);
}
