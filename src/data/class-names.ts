import type { LabelNames } from './clip-set';
import type { ClipLabel } from './labels';

/** Class counts that were asked for; undefined or null where they come from the data. */
export interface ClassCounts {
  readonly numGloss?: number | null | undefined;
  readonly numCat?: number | null | undefined;
  /** Where the counts come from the data: no fewer than these, as a training that goes on already has. */
  readonly atLeast?: { readonly gloss: number; readonly category: number };
}

/**
 * The names of all classes: as many as were asked for, or as the reference names, or else up to the largest id in the labels. Classes without a name are
 * called `gloss 3` and `category 1`.
 */
export function nameClasses(labels: readonly ClipLabel[], reference: LabelNames | undefined, counts: ClassCounts): LabelNames {
  const { numGloss, numCat, atLeast } = counts;
  const largest = (kind: keyof LabelNames): number => labels.reduce((count, label) => Math.max(count, label[kind] + 1), 0);
  const countOf = (asked: number | null | undefined, kind: keyof LabelNames): number =>
    asked ?? Math.max(atLeast?.[kind] ?? 0, reference?.[kind].length ?? largest(kind));
  return {
    gloss: fillNames(countOf(numGloss, 'gloss'), reference?.gloss, 'gloss'),
    category: fillNames(countOf(numCat, 'category'), reference?.category, 'category'),
  };
}

function fillNames(count: number, known: readonly string[] = [], noun: string): string[] {
  return Array.from({ length: count }, (_, id) => known[id] ?? `${noun} ${id}`);
}
