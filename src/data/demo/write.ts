import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { UserError } from '../../foundation/errors';
import type { ClipEntry, ClipSet, LabelNames } from '../clip-set';
import { formatNpz } from '../npz-write';
import { demoWidth } from './clip';
import { demoDataset } from './generate';
import { demoLabels } from './labels';
import { keypointCount } from './skeleton';

/** What was written. */
export interface WrittenDemo {
  readonly trainClips: number;
  readonly validationClips: number;
}

/**
 * Writes the demo set as a data folder: `keypoints_train/`, `keypoints_val/` (one `.npz` a clip), `train_labels.csv`, `val_labels.csv`,
 * `labels_reference.csv`, and a `README.txt` that says what it is. The folder appears whole or not at all.
 * @param seed as in {@link demoDataset}.
 * @throws UserError where something is in the folder already, or it is a file.
 */
export function writeDemoFolder(folder: string, seed: number): WrittenDemo {
  const target = path.resolve(folder);
  requireVacant(target, folder);
  const { train, validation, labels } = demoDataset({ seed });
  const temporary = `${target}.${randomBytes(4).toString('hex')}.partial`;
  mkdirSync(temporary, { recursive: true });
  try {
    if (train !== undefined) writeSplit(temporary, 'train', train, labels);
    writeSplit(temporary, 'val', validation, labels);
    writeFileSync(path.join(temporary, 'labels_reference.csv'), referenceTable());
    writeFileSync(path.join(temporary, 'README.txt'), readme(seed));
    if (existsSync(target)) rmdirSync(target);
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw error;
  }
  return { trainClips: train?.entries.length ?? 0, validationClips: validation.entries.length };
}

function requireVacant(target: string, asNamed: string): void {
  if (!existsSync(target)) return;
  if (!statSync(target).isDirectory()) throw new UserError(`${asNamed}: a file of this name is there; name a new folder with --out`);
  if (readdirSync(target).length > 0) throw new UserError(`${asNamed}: not empty; name a new or an empty folder with --out`);
}

function writeSplit(folder: string, split: 'train' | 'val', set: ClipSet, labels: LabelNames): void {
  const clips = path.join(folder, `keypoints_${split}`);
  mkdirSync(clips);
  for (const [index, entry] of set.entries.entries()) {
    const values = set.values?.[index] ?? new Float32Array();
    writeFileSync(path.join(clips, `${entry.name}.npz`), clipFile(entry, values, labels));
  }
  const rows = set.entries.map(({ name, gloss, category, occluded }) => [name, gloss, category, occluded === true ? 1 : 0]);
  writeFileSync(path.join(folder, `${split}_labels.csv`), stringify([['file', 'gloss', 'cat', 'occluded'], ...rows]));
}

/** One clip as the bytes of an `.npz`, with the arrays that a filmed clip's file has. */
function clipFile(entry: ClipEntry, values: Float32Array, labels: LabelNames): Buffer {
  const { frames } = entry;
  const mask = Uint8Array.from({ length: frames * keypointCount }, (_, point) => (isMissing(values, point) ? 0 : 1));
  const timestamps = BigInt64Array.from({ length: frames }, (_, frame) => BigInt(Math.floor((frame * 1000) / framesPerSecond)));
  const meta = {
    file: entry.name,
    gloss: labels.gloss[entry.gloss],
    synthetic: true,
    target_fps: framesPerSecond,
    frames,
    dims_per_frame: demoWidth,
    keypoints_total: keypointCount,
    order: 'pose25,left_hand21,right_hand21,face11',
    source: 'synthetic: made by the generator of the Kumpas demo set',
  };
  return formatNpz({
    X: { dtype: 'float32', shape: [frames, demoWidth], values },
    mask: { dtype: 'bool', shape: [frames, keypointCount], values: mask },
    timestamps_ms: { dtype: 'int64', shape: [frames], values: timestamps },
    meta: { dtype: 'text', shape: [], values: [JSON.stringify(meta)] },
  });
}

const framesPerSecond = 30;

function isMissing(values: Float32Array, point: number): boolean {
  return values[2 * point] === 0 && values[2 * point + 1] === 0;
}

function referenceTable(): string {
  const { gloss, category, categoryOfGloss } = demoLabels();
  const rows = gloss.map((label, id) => [id, label, categoryOfGloss[id], category[categoryOfGloss[id] ?? -1]]);
  return stringify([['gloss_id', 'label', 'cat_id', 'category'], ...rows]);
}

function readme(seed: number): string {
  return [
    'SYNTHETIC demo set of Kumpas',
    '',
    'Everything in this folder was made by a seeded generator. Nobody was filmed. The glosses have the names of real ones, but the',
    'movements are made up: no figure reached on this data says anything about a real sign language, and no model trained on it',
    'understands one.',
    '',
    `Seed: ${seed}. The same seed gives the same files.`,
    '',
    'keypoints_train/, keypoints_val/   one .npz a clip: X float32 [frames, 156] (78 key points, x and y in 0 to 1, a missing one (0, 0)),',
    '                                   mask bool [frames, 78], timestamps_ms int64 [frames], meta (JSON, with "synthetic": true)',
    'train_labels.csv, val_labels.csv   file,gloss,cat,occluded',
    'labels_reference.csv               gloss_id,label,cat_id,category',
    '',
    'The people in keypoints_val sign no clip of keypoints_train.',
    '',
  ].join('\n');
}
