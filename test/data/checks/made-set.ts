import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { clipArrays, type KeypointClip } from '../../../src/data/keypoint-clip';
import { demoDataset } from '../../../src/data/demo/generate';
import type { NpyArray } from '../../../src/data/npy-array';
import { formatNpz } from '../../../src/data/npz';
import { elementAt, required } from '../../../src/foundation/required';

export const WIDTH = 156;
/** Glosses of the set that faults are planted in: few, so that it is read quickly, and clips enough to tell what is usual. */
const GLOSSES = 4;

export type Split = 'train' | 'val';

/** A clip of the made set. */
export interface MadeClip {
  readonly name: string;
  readonly gloss: number;
  readonly category: number;
  readonly signer: string;
  readonly values: Float32Array;
}

/** A made set as it lies on the disk, with what was written: clips of the demo generator, which move as people do. */
export interface MadeSet {
  readonly folder: string;
  readonly clips: Readonly<Record<Split, readonly MadeClip[]>>;
}

export const LABELS = Array.from({ length: GLOSSES }, (_, gloss) => elementAt(['HELLO', 'GOOD MORNING', 'MOTHER', 'FATHER'], gloss));

/** Writes the clean set, which nothing is to be found in. */
export function writeCleanSet(folder: string): MadeSet {
  const demo = demoDataset({ seed: 5, clipsPerGloss: 5, validationClipsPerGloss: 2 });
  const made = (split: Split): MadeClip[] => {
    const { entries, values } = required(split === 'train' ? demo.train : demo.validation, 'the clips of the demo set');
    return entries.flatMap(({ gloss }, index): MadeClip[] => {
      if (gloss >= GLOSSES) return [];
      const number = String(index).padStart(3, '0');
      return [
        {
          name: `${split}_${number}`,
          gloss,
          category: gloss % 2,
          signer: `${split}-${index % 3}`,
          values: elementAt(required(values, 'values'), index),
        },
      ];
    });
  };
  const set = { folder, clips: { train: made('train'), val: made('val') } };
  for (const split of ['train', 'val'] as const) {
    mkdirSync(path.join(folder, `keypoints_${split}`), { recursive: true });
    for (const clip of set.clips[split])
      writeClip(set, split, clip.name, clip.values, { meta: clip.gloss === 0 ? { gloss: LABELS[0] } : {} });
    writeLabels(set, split, rowsOf(set, split));
  }
  writeReference(set, LABELS);
  return set;
}

/** The set again in another folder, its clips linked: what is planted there leaves it clean. */
export function copyOf(set: MadeSet, folder: string): MadeSet {
  for (const split of ['train', 'val']) {
    mkdirSync(path.join(folder, `keypoints_${split}`), { recursive: true });
    for (const name of readdirSync(path.join(set.folder, `keypoints_${split}`)))
      linkSync(path.join(set.folder, `keypoints_${split}`, name), path.join(folder, `keypoints_${split}`, name));
  }
  for (const name of ['train_labels.csv', 'val_labels.csv', 'labels_reference.csv'])
    writeFileSync(path.join(folder, name), readFileSync(path.join(set.folder, name)));
  return { ...set, folder };
}

export function clipFile({ folder }: MadeSet, split: Split, name: string): string {
  return path.join(folder, `keypoints_${split}`, `${name}.npz`);
}

/** What is written of a clip beside its values. */
export interface WrittenClip extends Partial<Pick<KeypointClip, 'mask' | 'meta'>> {
  /** Arrays in place of those that a clip has; undefined leaves one out. */
  readonly arrays?: Readonly<Record<string, NpyArray | undefined>>;
}

/** Writes a clip at 30 frames a second; a linked file is replaced, not written into. @returns the file, from the set's folder. */
export function writeClip(
  set: MadeSet,
  split: Split,
  name: string,
  values: Float32Array,
  { arrays = {}, ...clip }: WrittenClip = {},
): string {
  const frames = values.length / WIDTH;
  const timestampsMs = Array.from({ length: frames }, (_, frame) => Math.round((frame * 1000) / 30));
  const written = Object.entries({ ...clipArrays({ frames, values, timestampsMs, meta: {}, ...clip }), ...arrays });
  const file = clipFile(set, split, name);
  rmSync(file, { force: true });
  writeFileSync(file, formatNpz(Object.fromEntries(written.filter((entry): entry is [string, NpyArray] => entry[1] !== undefined))));
  return path.relative(set.folder, file);
}

export type Row = readonly [file: string, gloss: number, category: number, signer: string];

export function rowsOf({ clips }: MadeSet, split: Split): Row[] {
  return clips[split].map(({ name, gloss, category, signer }) => [name, gloss, category, signer]);
}

export function writeLabels({ folder }: MadeSet, split: Split, rows: readonly Row[]): string {
  const file = `${split}_labels.csv`;
  writeFileSync(path.join(folder, file), ['file,gloss,cat,signer', ...rows.map((row) => row.join(',')), ''].join('\n'));
  return file;
}

/** The labels of a split with one row changed. */
export function changeRow(set: MadeSet, split: Split, name: string, change: (row: Row) => readonly Row[]): string {
  return writeLabels(
    set,
    split,
    rowsOf(set, split).flatMap((row) => (row[0] === name ? change(row) : [row])),
  );
}

export function writeReference({ folder }: MadeSet, labels: readonly string[]): void {
  const rows = labels.map((label, id) => `${id},${label},${id % 2},${id % 2 === 0 ? 'EVEN' : 'ODD'}`);
  writeFileSync(path.join(folder, 'labels_reference.csv'), ['gloss_id,label,cat_id,category', ...rows, ''].join('\n'));
}
