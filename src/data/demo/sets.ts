import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { clipFolders, KEYPOINT_FOLDERS, KEYPOINT_WIDTH, type ClipFolders } from '../../config/data-settings';
import { UserError } from '../../foundation/errors';
import { buildFolder } from '../../foundation/folders';
import { elementAt, required } from '../../foundation/required';
import type { ClipEntry, ClipSet, Dataset, LabelNames } from '../clip-set';
import { FEATURE_WIDTH, isMissing, KEYPOINT_ORDER, KEYPOINTS } from '../keypoints';
import type { NpyArray } from '../npy-array';
import { formatNpz } from '../npz';
import { featureDemoDataset, demoDataset, type DemoOptions } from './generate';
import { demoLabels } from './signs';

/** A kind of the demo set. */
interface DemoSet {
  readonly dataset: (options: DemoOptions) => Dataset;
  /** The array of a clip's file that holds the values. */
  readonly key: string;
  /** What its folders are called where it is written. */
  readonly layout: ClipFolders;
  /** The arrays of a clip's file. */
  readonly clipArrays: (entry: ClipEntry, values: Float32Array, labels: LabelNames) => Readonly<Record<string, NpyArray>>;
  /** For people, what these are. */
  readonly arrays: readonly string[];
}

const framesPerSecond = 30;

/** Clips of key points. */
const keypointDemo: DemoSet = {
  dataset: demoDataset,
  key: 'X',
  layout: KEYPOINT_FOLDERS,
  clipArrays: (entry, values, labels) => {
    const { frames } = entry;
    const mask = Uint8Array.from({ length: frames * KEYPOINTS }, (_, point) => (isMissing(values, 2 * point) ? 0 : 1));
    const keypoints = { dims_per_frame: KEYPOINT_WIDTH, keypoints_total: KEYPOINTS, order: KEYPOINT_ORDER };
    return {
      X: { dtype: 'float32', shape: [frames, KEYPOINT_WIDTH], values },
      mask: { dtype: 'bool', shape: [frames, KEYPOINTS], values: mask },
      timestamps_ms: timestamps(frames),
      meta: metaOf(entry, labels, keypoints),
    };
  },
  arrays: [
    'X float32 [frames, 156] (78 key points, x and y in 0 to 1, a missing one (0, 0)), mask bool [frames, 78],',
    'timestamps_ms int64 [frames], meta (JSON, with "synthetic": true)',
  ],
};

/** Clips of features. */
const featureDemo: DemoSet = {
  dataset: featureDemoDataset,
  key: 'X2048',
  layout: clipFolders('features'),
  clipArrays: (entry, values, labels) => ({
    X2048: { dtype: 'float32', shape: [entry.frames, FEATURE_WIDTH], values },
    timestamps_ms: timestamps(entry.frames),
    meta: metaOf(entry, labels, {}),
  }),
  arrays: ['X2048 float32 [frames, 2048] (made up, of no picture), timestamps_ms int64 [frames], meta (JSON, with "synthetic": true)'],
};

const SETS = new Map([
  [KEYPOINT_WIDTH, keypointDemo],
  [FEATURE_WIDTH, featureDemo],
]);

/** The demo set whose clips have so many numbers a frame. @throws UserError where there is none. */
export function demoSetOfWidth(width: number): DemoSet {
  const set = SETS.get(width);
  if (set === undefined)
    throw new UserError(
      `there is no demo set of clips with ${width} numbers a frame (only ${[...SETS.keys()].join(' and ')}); give --data`,
    );
  return set;
}

function timestamps(frames: number): NpyArray {
  const values = BigInt64Array.from({ length: frames }, (_, frame) => BigInt(Math.floor((frame * 1000) / framesPerSecond)));
  return { dtype: 'int64', shape: [frames], values };
}

function metaOf(entry: ClipEntry, labels: LabelNames, further: Readonly<Record<string, unknown>>): NpyArray {
  const meta = {
    file: entry.name,
    gloss: labels.gloss[entry.gloss],
    synthetic: true,
    target_fps: framesPerSecond,
    frames: entry.frames,
    ...further,
    source: 'synthetic: made by the generator of the Kumpas demo set',
  };
  return { dtype: 'text', shape: [], values: [JSON.stringify(meta)] };
}

/** What was written. */
interface WrittenDemo {
  readonly trainClips: number;
  readonly validationClips: number;
}

/**
 * Writes the demo set as a data folder: its two folders of clips (one `.npz` a clip), `train_labels.csv`, `val_labels.csv`,
 * `labels_reference.csv`, and a `README.txt` that says what it is. The folder appears whole or not at all.
 * @param seed decides who signs and how every clip turns out.
 * @throws UserError where something is in the folder already, or it is a file.
 */
export function writeDemoFolder(folder: string, seed: number, set: DemoSet = keypointDemo): WrittenDemo {
  const target = path.resolve(folder);
  requireVacant(target, folder);
  const { train, validation, labels } = set.dataset({ seed });
  buildFolder(target, (unfinished) => {
    if (train !== undefined) writeSplit(unfinished, 'train', set, train, labels);
    writeSplit(unfinished, 'val', set, validation, labels);
    writeFileSync(path.join(unfinished, 'labels_reference.csv'), referenceTable());
    writeFileSync(path.join(unfinished, 'README.txt'), readme(seed, set));
    if (existsSync(target)) rmdirSync(target);
  });
  return { trainClips: required(train, 'the training clips of the demo set').entries.length, validationClips: validation.entries.length };
}

function requireVacant(target: string, asNamed: string): void {
  if (!existsSync(target)) return;
  if (!statSync(target).isDirectory()) throw new UserError(`${asNamed}: a file of this name is there; name a new folder with --out`);
  if (readdirSync(target).length > 0) throw new UserError(`${asNamed}: not empty; name a new or an empty folder with --out`);
}

function writeSplit(folder: string, split: 'train' | 'val', { layout, clipArrays }: DemoSet, clips: ClipSet, labels: LabelNames): void {
  const place = path.join(folder, split === 'train' ? layout.trainFolder : layout.validationFolder);
  mkdirSync(place);
  for (const [index, entry] of clips.entries.entries()) {
    const values = elementAt(required(clips.values, 'the values of the demo set'), index);
    writeFileSync(path.join(place, `${entry.name}.npz`), formatNpz(clipArrays(entry, values, labels)));
  }
  const rows = clips.entries.map(({ name, gloss, category, occluded }) => [name, gloss, category, occluded === true ? 1 : 0]);
  writeFileSync(path.join(folder, `${split}_labels.csv`), stringify([['file', 'gloss', 'cat', 'occluded'], ...rows]));
}

function referenceTable(): string {
  const { gloss, category, categoryOfGloss } = demoLabels();
  const rows = gloss.map((label, id) => [id, label, elementAt(categoryOfGloss, id), elementAt(category, elementAt(categoryOfGloss, id))]);
  return stringify([['gloss_id', 'label', 'cat_id', 'category'], ...rows]);
}

function readme(seed: number, { layout, arrays }: DemoSet): string {
  return [
    'SYNTHETIC demo set of Kumpas',
    '',
    'Everything in this folder was made by a seeded generator. Nobody was filmed. The glosses have the names of real ones, but the',
    'movements are made up: no figure reached on this data says anything about a real sign language, and no model trained on it',
    'understands one.',
    '',
    `Seed: ${seed}. The same seed gives the same files.`,
    '',
    `${layout.trainFolder}/, ${layout.validationFolder}/   one .npz a clip:`,
    ...arrays.map((line) => `                                   ${line}`),
    'train_labels.csv, val_labels.csv   file,gloss,cat,occluded',
    'labels_reference.csv               gloss_id,label,cat_id,category',
    '',
    `The people in ${layout.validationFolder} sign no clip of ${layout.trainFolder}.`,
    '',
  ].join('\n');
}
