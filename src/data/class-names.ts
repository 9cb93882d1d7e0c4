import type { LabelNames } from './clip-set';
import type { ClipLabel } from './labels';

/** Class counts that were asked for; undefined or null where they come from the data. */
export interface ClassCounts {
  readonly numGloss?: number | null | undefined;
  readonly numCat?: number | null | undefined;
}

/**
 * The names of all classes: as many as were asked for, or as the reference names, or else up to the largest id in the labels. Classes without a name are
 * called `gloss 3` and `category 1`.
 */
export function nameClasses(labels: readonly ClipLabel[], reference: LabelNames | undefined, counts: ClassCounts): LabelNames {
  const countOf = (asked: number | null | undefined, known: readonly string[] | undefined, idOf: (label: ClipLabel) => number): number =>
    asked ?? known?.length ?? labels.reduce((count, label) => Math.max(count, idOf(label) + 1), 0);
  return {
    gloss: fillNames(
      countOf(counts.numGloss, reference?.gloss, (label) => label.gloss),
      reference?.gloss,
      'gloss',
    ),
    category: fillNames(
      countOf(counts.numCat, reference?.category, (label) => label.category),
      reference?.category,
      'category',
    ),
  };
}

function fillNames(count: number, known: readonly string[] = [], noun: string): string[] {
  return Array.from({ length: count }, (_, id) => known[id] ?? `${noun} ${id}`);
}
