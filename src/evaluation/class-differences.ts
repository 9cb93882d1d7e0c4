import type { ClipEntry, LabelNames } from '../data/clip-set';
import { excerpt, printableLine } from '../foundation/text';

/** The two kinds of classes. */
export type ClassKind = keyof LabelNames;

/** The classes that a model was trained on. */
export interface TrainedClasses {
  /** One for each class; `gloss 3` for one without a name. */
  readonly labels: LabelNames;
  /** Whether its checkpoint names them. */
  readonly known: boolean;
  /** How messages call it: `the model`, `the run`. */
  readonly calledBy: string;
}

const MOST_LISTED = 3;

/** The name that stands for a class without one. */
export function isUnnamed(kind: ClassKind, label: string, id: number): boolean {
  return label === `${kind} ${id}`;
}

/**
 * Where the classes of some data are not those that a model was trained on, the first few, a line each: ids mean something only where both name the same
 * classes. A class that one of the two does not name is taken to be the same.
 * @param clips of the data: the first one whose id the model does not have is named, for it may be a slip.
 */
export function classDifferences(trained: TrainedClasses, found: LabelNames, clips: readonly ClipEntry[] = []): string[] {
  return (['gloss', 'category'] as const).flatMap((kind) => differencesOf(kind, trained, found[kind], clips));
}

/** {@link classDifferences} of one kind. */
export function differencesOf(
  kind: ClassKind,
  { labels, known, calledBy }: TrainedClasses,
  theirs: readonly string[],
  clips: readonly ClipEntry[] = [],
): string[] {
  const ours = labels[kind];
  const unnamed = (label: string, id: number): boolean => isUnnamed(kind, label, id);
  // Labels without a reference say only how large their largest id is, and a model may have been given more classes than its data named.
  const mayBeFewer = theirs.every(unnamed) || (known && ours.every((label, id) => id < theirs.length || unnamed(label, id)));
  if (theirs.length > ours.length || (theirs.length < ours.length && !mayBeFewer))
    return [`${kind}: ${calledBy} has ${ours.length} classes, the data ${theirs.length}${clipBeyond(kind, ours.length, clips)}`];
  return theirs
    .flatMap((other, id) => {
      const label = ours[id];
      if (label === undefined || unnamed(label, id) || unnamed(other, id)) return [];
      // One name may be written in several Unicode forms, which look the same.
      const shown = printableLine(other);
      return label.normalize() === shown.normalize() ? [] : [`${kind} ${id}: ${calledBy} knows it as ${label}, the data as ${shown}`];
    })
    .slice(0, MOST_LISTED);
}

function clipBeyond(kind: ClassKind, classes: number, clips: readonly ClipEntry[]): string {
  const clip = clips.find((entry) => entry[kind] >= classes);
  if (clip === undefined) return '';
  return `: the labels give clip "${excerpt(clip.name)}" the ${kind} ${clip[kind]}, the last known one is ${classes - 1}`;
}
