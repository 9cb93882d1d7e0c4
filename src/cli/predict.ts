import { csvText } from '../data/csv-table';
import { predictOptions } from '../evaluation/options';
import type { ClipPrediction, Predicted } from '../evaluation/predict';
import type { RankedClass } from '../evaluation/predict-clips';
import { hasCategories } from '../folder/config-file';
import { writeTextAtomically } from '../foundation/atomic-file';
import { UserError } from '../foundation/errors';
import { elementAt } from '../foundation/required';
import { shortLabel, percent } from '../foundation/text';
import { verbCommand, type Command } from './command';
import { USER_ERROR_EXIT_CODE } from './exit';
import { jsonFlag, optionalText } from './flags';
import { pathOfModel, ownModelFlags } from './model-flags';
import { hooksOf } from './progress';
import { flagsOfPredict } from './pytorch-flags';
import { columns } from './quantities';

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
    const { documentOf, predict } = await import('../evaluation/predict.js'); // With TensorFlow: only when it is needed.
    const predicted = await predict(
      { model: await Promise.all([model_path].flat().map(pathOfModel)), input, ...given },
      hooksOf(terminal, flags),
    );
    if (predicted.predictions.length === 0) return USER_ERROR_EXIT_CODE;
    const predictionsJson = (): string => `${JSON.stringify(documentOf(predicted.predictions), null, 2)}\n`;
    const text = json === true ? predictionsJson : csv === true ? predictionsCsv : predictionsText;
    terminal.output.write(text(predicted));
    if (output !== undefined) {
      writeTextAtomically(output, output.endsWith('.json') ? predictionsJson() : predictionsCsv(predicted));
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

/** For people: a table of several clips, a line each; of one, its likeliest classes in each model side by side. */
function predictionsText(predicted: Predicted): string {
  const files = new Set(predicted.predictions.map(({ file }) => file));
  return files.size > 1 ? tableText(predicted, [...files]) : rankingText(predicted);
}

/** A line a clip: what each model takes it for. */
function tableText({ models, predictions }: Predicted, files: readonly string[]): string {
  const several = models.length > 1;
  const withCategory = !several && models.some(({ classes }) => hasCategories(classes));
  const headings = models.flatMap(({ title }) => (several ? [title, ''] : ['gloss', '', ...(withCategory ? ['category', ''] : [])]));
  const rows = files.map((file) => [
    file,
    ...models.flatMap(({ file: model }) => {
      const seen = predictions.find((prediction) => prediction.file === file && prediction.model === model);
      return [seen?.gloss ?? [], ...(withCategory ? [seen?.category ?? []] : [])].flatMap(likeliestCells);
    }),
    predictions.some((prediction) => prediction.file === file && prediction.doubts.length > 0) ? '!' : '',
  ]);
  const marks = rows.some((row) => row.at(-1) === '!') ? ['', '  ! see the warnings'] : [];
  return `${[...columns([['clip', ...headings, ''], ...rows]), ...marks].join('\n')}\n`;
}

function likeliestCells([best]: readonly RankedClass[]): [string, string] {
  return best === undefined ? ['–', ''] : [shortLabel(best.label), percent(best.probability).padStart(7)];
}

function rankingText({ models, predictions }: Predicted): string {
  const several = models.length > 1;
  const withCategory = models.some(({ classes }) => hasCategories(classes));
  const shown = models.map(({ file: model, title }) => {
    const seen = predictions.find((prediction) => prediction.model === model);
    return [...(several ? [title] : []), ...rankedLines(seen?.gloss ?? []), ...(withCategory ? rankedLines(seen?.category ?? []) : [])];
  });
  const widths = shown.map((column) => column.reduce((widest, cell) => Math.max(widest, cell.length), 0));
  const { file, gloss, category } = elementAt(predictions, 0);
  const headings = [...(several ? [''] : []), ...headingOf('gloss', gloss), ...(withCategory ? headingOf('category', category) : [])];
  const lines = headings.map((heading, line) => {
    const cells = shown.map((column, place) => (column[line] ?? '').padEnd(elementAt(widths, place)));
    return `  ${heading.padEnd(10)}${cells.join('    ')}`.trimEnd();
  });
  return `${[file, ...lines].join('\n')}\n`;
}

/** For a table: a line for each clip and model. */
function predictionsCsv({ models, predictions }: Predicted): string {
  const withCategory = models.some(({ classes }) => hasCategories(classes));
  const header = [
    'file',
    'model',
    'pred_gloss',
    'pred_gloss_label',
    'confidence',
    ...(withCategory ? ['pred_category', 'pred_category_label', 'category_confidence'] : []),
    'top_glosses',
    'warnings',
  ];
  const rows = predictions.map(({ file, model, gloss, category, doubts }: ClipPrediction) => [
    file,
    model,
    ...bestCells(gloss),
    ...(withCategory ? bestCells(category) : []),
    gloss.map(({ id, label, probability }) => `${label} (${id}) ${probability.toFixed(4)}`).join('; '),
    doubts.map(({ text }) => text).join('; '),
  ]);
  return csvText([header, ...rows]);
}

function bestCells([best]: readonly RankedClass[]): (string | number)[] {
  return best === undefined ? ['', '', ''] : [best.id, best.label, Number(best.probability.toFixed(6))];
}

/** The heading beside a ranking's first line, and nothing beside the others. */
function headingOf(title: string, classes: readonly RankedClass[]): string[] {
  return classes.map((_, rank) => (rank === 0 ? title : ''));
}

function rankedLines(classes: readonly RankedClass[]): string[] {
  const names = classes.map(({ label, id }) => `${shortLabel(label)} (${id})`);
  const widest = names.reduce((most, name) => Math.max(most, name.length), 0);
  return classes.map(({ probability }, rank) => `${elementAt(names, rank).padEnd(widest)}  ${percent(probability).padStart(7)}`);
}
