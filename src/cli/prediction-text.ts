import { csvText } from '../data/csv-table';
import type { Prediction, RankedClass } from '../evaluation/predict';
import { shortLabel } from '../foundation/text';
import { percentText } from './quantities';

/** What a model saw in the clips. */
export interface ModelPredictions {
  /** What the model is called. */
  readonly title: string;
  readonly file: string;
  /** Of the clips that could be read, in their order. */
  readonly predictions: readonly Prediction[];
}

/** For people: a block a clip, several models side by side. */
export function predictionsText(files: readonly string[], models: readonly ModelPredictions[]): string {
  const blocks = files.flatMap((file) => {
    const ofClip = models.map(({ title, predictions }) => ({
      title,
      prediction: predictions.find((prediction) => prediction.file === file),
    }));
    if (ofClip.every(({ prediction }) => prediction === undefined)) return [];
    const columns = ofClip.map(({ title, prediction }) => [
      ...(models.length > 1 ? [title] : []),
      ...rankedLines(prediction?.gloss ?? []),
      ...rankedLines(prediction?.category ?? []),
    ]);
    const widths = columns.map((column) => column.reduce((widest, cell) => Math.max(widest, cell.length), 0));
    const [first] = ofClip.flatMap(({ prediction }) => (prediction === undefined ? [] : [prediction]));
    const headings = [...(models.length > 1 ? [''] : []), ...headingOf('gloss', first?.gloss), ...headingOf('category', first?.category)];
    const lines = headings.map((heading, line) => {
      const cells = columns.map((column, place) => (column[line] ?? '').padEnd(widths[place] ?? 0));
      return `  ${heading.padEnd(10)}${cells.join('    ')}`.trimEnd();
    });
    return [`${[file, ...lines].join('\n')}\n`];
  });
  return blocks.join('\n');
}

/** For a script: one document. */
export function predictionsJson(files: readonly string[], models: readonly ModelPredictions[]): string {
  const predictions = inOrder(files, models).map(({ model, prediction: { file, ...heads } }) => ({ file, model: model.file, ...heads }));
  return `${JSON.stringify({ predictions }, null, 2)}\n`;
}

/** For a table: a line for each clip and model. */
export function predictionsCsv(files: readonly string[], models: readonly ModelPredictions[]): string {
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
  ];
  const rows = inOrder(files, models).map(({ model, prediction: { file, gloss, category } }) => [
    file,
    model.file,
    ...bestCells(gloss),
    ...bestCells(category),
    gloss.map(({ id, label, probability }) => `${label} (${id}) ${probability.toFixed(4)}`).join('; '),
  ]);
  return csvText([header, ...rows]);
}

function inOrder(
  files: readonly string[],
  models: readonly ModelPredictions[],
): { readonly model: ModelPredictions; readonly prediction: Prediction }[] {
  return files.flatMap((file) =>
    models.flatMap((model) =>
      model.predictions.filter((prediction) => prediction.file === file).map((prediction) => ({ model, prediction })),
    ),
  );
}

function bestCells([best]: readonly RankedClass[]): (string | number)[] {
  return best === undefined ? ['', '', ''] : [best.id, best.label, Number(best.probability.toFixed(6))];
}

/** The heading beside a ranking's first line, and nothing beside the others. */
function headingOf(title: string, classes: readonly RankedClass[] = []): string[] {
  return classes.map((_, rank) => (rank === 0 ? title : ''));
}

function rankedLines(classes: readonly RankedClass[]): string[] {
  const names = classes.map(({ label, id }) => `${shortLabel(label)} (${id})`);
  const widest = names.reduce((most, name) => Math.max(most, name.length), 0);
  return classes.map(({ probability }, rank) => `${(names[rank] ?? '').padEnd(widest)}  ${percentText(probability).padStart(7)}`);
}
