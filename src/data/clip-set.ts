import { createHash, hash } from 'node:crypto';
import type { KeypointLayout } from '../config/keypoint-layout';
import { elementAt, required } from '../foundation/required';
import type { DataProblem } from './data-error';

/** One labelled clip of a split, found and checked. */
export interface ClipEntry {
  /** The name in the labels CSV, without extension. */
  readonly name: string;
  /** Where it was read from; empty for a clip that a generator made. */
  readonly file: string;
  /** Frames in the file, before any cut. */
  readonly frames: number;
  readonly gloss: number;
  readonly category: number;
  /** From the labels' `occluded` column, where there is one. */
  readonly occluded: boolean | undefined;
}

/** The clips of one split (training or validation), in the order of its labels CSV. */
export interface ClipSet {
  readonly entries: readonly ClipEntry[];
  /** Numbers a frame: 156 for key points. */
  readonly width: number;
  /** Every clip's values where the set fits the memory budget, `[frames, width]` each, row by row; undefined where clips are read as they are needed. */
  readonly values: readonly Float32Array[] | undefined;
  /** The key in the `.npz` files that holds the values. */
  readonly key: string;
  /** What these numbers are; undefined for features and pictures. */
  readonly keypoints?: KeypointLayout | undefined;
  /** Where the clips are pictures: the side that they are brought to, in pixels. */
  readonly pictureSide?: number;
  /** sha256 of each clip's values, in the order of the entries; absent where a generator made them. */
  readonly digests?: readonly string[];
  /** Positions of clips that cannot be read any more: batches are planned with them and leave them out. */
  readonly unreadable?: ReadonlySet<number>;
}

/** A clip that could not be read any more in the middle of its use, with what is needed to plan with it all the same. */
export interface UnreadableClip {
  readonly split: 'train' | 'validation';
  readonly name: string;
  readonly frames: number;
  /** Of its values when they were read at first. */
  readonly digest: string;
  /** Whether it is left out from then on, even where it can be read again. */
  readonly leftOut: boolean;
}

/** The names behind the ids. */
export interface LabelNames {
  /** Position = gloss id. */
  readonly gloss: readonly string[];
  /** Position = category id. */
  readonly category: readonly string[];
}

/** Everything a training or an evaluation needs to know of its data. */
export interface Dataset {
  /** What people call it: the folder's path, or `synthetic demo set`. */
  readonly title: string;
  /** True where a generator made clips of it, as the demo set's: said wherever the data is named. */
  readonly synthetic: boolean;
  readonly train: ClipSet | undefined;
  readonly validation: ClipSet;
  readonly labels: LabelNames;
  /** The names that the data itself gives; undefined where it names no classes. */
  readonly givenLabels: LabelNames | undefined;
  /** sha256 over names, labels and values: the same data gives the same fingerprint wherever it lies. */
  readonly fingerprint: string;
  /** The same over the validation clips alone, whether training clips were opened or not. */
  readonly validationFingerprint: string;
  /** What is wrong with clips that were left out; empty unless that was asked for. */
  readonly leftOut: readonly DataProblem[];
}

/** What a fingerprint is made of: one clip of one split. */
export interface FingerprintedClip {
  readonly split: 'train' | 'validation';
  readonly name: string;
  readonly gloss: number;
  readonly category: number;
  /** From {@link digestOfValues}. */
  readonly digest: string;
}

/** sha256 of a clip's float32 values, in hexadecimal. */
export function digestOfValues(values: Float32Array): string {
  return hash('sha256', new Uint8Array(values.buffer, values.byteOffset, values.byteLength), 'hex');
}

/** sha256 over the clips' splits, names, ids and values, in hexadecimal: the order of the clips does not matter. */
export function fingerprint(clips: readonly FingerprintedClip[]): string {
  // Lines of JSON, `["train","name",3,0,"digest"]`.
  const lines = clips.map(
    ({ split, name, gloss, category, digest }) => `["${split}",${JSON.stringify(name)},${gloss},${category},"${digest}"]`,
  );
  return createHash('sha256').update(lines.sort().join('\n')).digest('hex');
}

/** Clips of a data set that could not be used when it was opened. */
export function filesLeftOut({ leftOut }: Pick<Dataset, 'leftOut'>): number {
  return new Set(leftOut.map(({ file }) => file)).size;
}

/** The names of the clips of a split that could no longer be read. */
export function namesLeftOut(unreadable: readonly UnreadableClip[], of: UnreadableClip['split']): ReadonlySet<string> {
  return new Set(unreadable.flatMap(({ split, name }) => (split === of ? [name] : [])));
}

/** A data set without the validation clips that could no longer be read while it was trained on. */
export function withoutUnreadable(dataset: Dataset, unreadable: readonly UnreadableClip[]): Dataset {
  const names = namesLeftOut(unreadable, 'validation');
  if (names.size === 0) return dataset;
  const { entries, values, digests, ...set } = dataset.validation;
  const kept = <Item>(items: readonly Item[] | undefined): Item[] | undefined =>
    items?.filter((_, index) => !names.has(elementAt(entries, index).name));
  const leftOut = entries
    .filter(({ name }) => names.has(name))
    .map(({ file }) => ({ file, problem: 'it could no longer be read while it was trained on' }));
  const left = required(kept(digests), 'the digests of the validation clips');
  const validation = { ...set, entries: required(kept(entries), 'the validation clips'), values: kept(values), digests: left };
  return { ...dataset, validation: { ...validation, unreadable: new Set<number>() }, leftOut: [...dataset.leftOut, ...leftOut] };
}
