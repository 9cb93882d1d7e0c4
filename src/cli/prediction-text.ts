import { csvText } from '../data/csv-table';
import type { RankedClass } from '../evaluation/predict-clips';
import type { ClipPrediction, Predicted } from '../evaluation/predict';
import { elementAt } from '../foundation/required';
import { shortLabel, percent } from '../foundation/text';
import { columns } from './quantities';

/** For people: a table of several clips, a line each; of one, its likeliest classes in each model side by side. */
export function predictionsText(predicted: Predicted): string {
  const files = new Set(predicted.predictions.map(({ file }) => file));
  return files.size > 1 ? tableText(predicted, [...files]) : rankingText(predicted);
}

/** A line a clip: what each model takes it for. */
function tableText({ models, predictions }: Predicted, files: readonly string[]): string {
  const several = models.length > 1;
  const headings = models.flatMap(({ title }) => (several ? [title, ''] : ['gloss', '', 'category', '']));
  const rows = files.map((file) => [
    file,
    ...models.flatMap(({ file: model }) => {
      const seen = predictions.find((prediction) => prediction.file === file && prediction.model === model);
      return [seen?.gloss ?? [], ...(several ? [] : [seen?.category ?? []])].flatMap(likeliestCells);
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
  const shown = models.map(({ file: model, title }) => {
    const seen = predictions.find((prediction) => prediction.model === model);
    return [...(several ? [title] : []), ...rankedLines(seen?.gloss ?? []), ...rankedLines(seen?.category ?? [])];
  });
  const widths = shown.map((column) => column.reduce((widest, cell) => Math.max(widest, cell.length), 0));
  const { file, gloss, category } = elementAt(predictions, 0);
  const headings = [...(several ? [''] : []), ...headingOf('gloss', gloss), ...headingOf('category', category)];
  const lines = headings.map((heading, line) => {
    const cells = shown.map((column, place) => (column[line] ?? '').padEnd(elementAt(widths, place)));
    return `  ${heading.padEnd(10)}${cells.join('    ')}`.trimEnd();
  });
  return `${[file, ...lines].join('\n')}\n`;
}

/** For a script: one document. */
export function predictionsJson({ predictions }: Predicted): string {
  const document = {
    predictions: predictions.map(({ file, model, gloss, category, doubts }) => ({
      file,
      model,
      gloss,
      category,
      warnings: doubts.map(({ text }) => text),
    })),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** For a table: a line for each clip and model. */
export function predictionsCsv({ predictions }: Predicted): string {
  const header = [
    'file',
    'model',
    'pred_gloss',
    'pred_gloss_label',
    'confidence',
    'pred_category',
    'pred_category_label',
    'category_confidence',
    'top_glosses',
    'warnings',
  ];
  const rows = predictions.map(({ file, model, gloss, category, doubts }: ClipPrediction) => [
    file,
    model,
    ...bestCells(gloss),
    ...bestCells(category),
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
