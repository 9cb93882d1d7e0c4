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
  /** Where the clips are pictures: the side that they are brought to, in pixels. */
  readonly pictureSide?: number;
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
