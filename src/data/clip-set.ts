import { createHash } from 'node:crypto';
import type { KeypointLayout } from '../config/keypoint-layout';
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
  return createHash('sha256')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex');
}

/** sha256 over the clips' splits, names, ids and values, in hexadecimal: the order of the clips does not matter. */
export function fingerprint(clips: readonly FingerprintedClip[]): string {
  const lines = clips.map(({ split, name, gloss, category, digest }) => JSON.stringify([split, name, gloss, category, digest]));
  return createHash('sha256').update(lines.sort().join('\n')).digest('hex');
}
