import { csvText } from '../data/csv-table';
import type { RankedClass } from '../evaluation/predict-clips';
import type { ClipPrediction, Predicted } from '../evaluation/predict';
import { elementAt } from '../foundation/required';
import { shortLabel, percent } from '../foundation/text';

/** For people: a block a clip, several models side by side. */
export function predictionsText({ models, predictions }: Predicted): string {
  const several = models.length > 1;
  const files = [...new Set(predictions.map(({ file }) => file))];
  const blocks = files.map((file) => {
    const ofClip = predictions.filter((prediction) => prediction.file === file);
    const columns = models.map(({ file: model, title }) => {
      const seen = ofClip.find((prediction) => prediction.model === model);
      return [...(several ? [title] : []), ...rankedLines(seen?.gloss ?? []), ...rankedLines(seen?.category ?? [])];
    });
    const widths = columns.map((column) => column.reduce((widest, cell) => Math.max(widest, cell.length), 0));
    const { gloss, category } = elementAt(ofClip, 0);
    const headings = [...(several ? [''] : []), ...headingOf('gloss', gloss), ...headingOf('category', category)];
    const lines = headings.map((heading, line) => {
      const cells = columns.map((column, place) => (column[line] ?? '').padEnd(elementAt(widths, place)));
      return `  ${heading.padEnd(10)}${cells.join('    ')}`.trimEnd();
    });
    return `${[file, ...lines].join('\n')}\n`;
  });
  return blocks.join('\n');
}

/** For a script: one document. */
export function predictionsJson({ predictions }: Predicted): string {
  const document = { predictions: predictions.map(({ file, model, gloss, category }) => ({ file, model, gloss, category })) };
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
  ];
  const rows = predictions.map(({ file, model, gloss, category }: ClipPrediction) => [
    file,
    model,
    ...bestCells(gloss),
    ...bestCells(category),
    gloss.map(({ id, label, probability }) => `${label} (${id}) ${probability.toFixed(4)}`).join('; '),
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
