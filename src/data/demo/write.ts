import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { UserError } from '../../foundation/errors';
import { buildFolder } from '../../foundation/folders';
import type { ClipSet, LabelNames } from '../clip-set';
import { formatNpz } from '../npz-write';
import { demoLabels } from './labels';
import { keypointDemo, type DemoSet } from './sets';

/** What was written. */
export interface WrittenDemo {
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
  return { trainClips: train?.entries.length ?? 0, validationClips: validation.entries.length };
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
    const values = clips.values?.[index] ?? new Float32Array();
    writeFileSync(path.join(place, `${entry.name}.npz`), formatNpz(clipArrays(entry, values, labels)));
  }
  const rows = clips.entries.map(({ name, gloss, category, occluded }) => [name, gloss, category, occluded === true ? 1 : 0]);
  writeFileSync(path.join(folder, `${split}_labels.csv`), stringify([['file', 'gloss', 'cat', 'occluded'], ...rows]));
}

function referenceTable(): string {
  const { gloss, category, categoryOfGloss } = demoLabels();
  const rows = gloss.map((label, id) => [id, label, categoryOfGloss[id], category[categoryOfGloss[id] ?? -1]]);
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
