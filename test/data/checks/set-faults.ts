import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { elementAt, required } from '../../../src/foundation/required';
import { clipWithHands, fault, type Fault } from './clip-faults';
import {
  changeRow,
  clipFile,
  LABELS,
  rowsOf,
  WIDTH,
  writeClip,
  writeLabels,
  writeReference,
  type MadeClip,
  type MadeSet,
  type Split,
} from './made-set';

function firstClip({ clips }: MadeSet, split: Split = 'train'): MadeClip {
  return elementAt(clips[split], 0);
}

/** Another clip than the first, of its gloss or of another. */
function otherClip(set: MadeSet, split: Split, { sameGloss }: { readonly sameGloss: boolean }): MadeClip {
  const first = firstClip(set);
  const other = set.clips[split].find(({ name, gloss }) => name !== first.name && (gloss === first.gloss) === sameGloss);
  return required(other, 'another clip');
}

/** The bytes of the first clip's file changed. */
function withBytes(set: MadeSet, change: (bytes: Buffer) => Buffer): string {
  const file = clipFile(set, 'train', firstClip(set).name);
  const bytes = change(readFileSync(file));
  rmSync(file);
  writeFileSync(file, bytes);
  return path.relative(set.folder, file);
}

/** Clips of a split with their lines taken away. */
function without(set: MadeSet, split: Split, isGone: (clip: MadeClip) => boolean): string {
  const gone = set.clips[split].filter(isGone).map(({ name }) => name);
  for (const name of gone) rmSync(clipFile(set, split, name));
  return writeLabels(
    set,
    split,
    rowsOf(set, split).filter(([name]) => !gone.includes(name)),
  );
}

function rounded(digits: number): (value: number) => number {
  return (value) => Number(value.toFixed(digits));
}

/** What is wrong with files, tables, and clips beside each other. */
export const SET_FAULTS: readonly Fault[] = [
  fault('no folder of training clips', 'missing-part', (set) => {
    rmSync(path.join(set.folder, 'keypoints_train'), { recursive: true });
    return '.';
  }),
  fault('a keypoints.json of no layout', 'wrong-layout', (set) => {
    writeFileSync(path.join(set.folder, 'keypoints.json'), '{"layout": "holistic79"}');
    return 'keypoints.json';
  }),
  fault('a table without its columns', 'wrong-table', (set) => {
    writeFileSync(path.join(set.folder, 'val_labels.csv'), 'file;sign\nval_000;0\n');
    for (const { name } of set.clips.val) rmSync(clipFile(set, 'val', name));
    return 'val_labels.csv';
  }),
  fault('a line twice', 'wrong-table', (set) => changeRow(set, 'train', firstClip(set).name, (row) => [row, row])),
  fault('a line without a file', 'missing-clip', (set) => {
    const file = clipFile(set, 'train', firstClip(set).name);
    rmSync(file);
    return path.relative(set.folder, file);
  }),
  fault('a file without a line', 'unlabelled-clip', (set) => {
    const { name } = firstClip(set, 'val');
    changeRow(set, 'val', name, () => []);
    return path.relative(set.folder, clipFile(set, 'val', name));
  }),
  fault('a name in another case', 'other-case', (set) => {
    const { name } = firstClip(set);
    const file = clipFile(set, 'train', name.toUpperCase());
    renameSync(clipFile(set, 'train', name), file);
    return path.relative(set.folder, file);
  }),
  fault('an empty file', 'empty-file', (set) => withBytes(set, () => Buffer.alloc(0))),
  fault('a file that was cut off', 'damaged-file', (set) => withBytes(set, (bytes) => bytes.subarray(0, bytes.length / 2))),
  fault('a flipped byte', 'damaged-file', (set) =>
    withBytes(set, (bytes) => {
      const at = bytes.length >> 2;
      bytes[at] = elementAt(bytes, at) ^ 0xff;
      return bytes;
    }),
  ),
  fault('an id without a class', 'id-out-of-range', (set) =>
    changeRow(set, 'train', firstClip(set).name, ([file, , category, signer]) => [[file, 77, category, signer]]),
  ),
  fault('a clip in both splits', 'in-both-splits', (set) => {
    const { name, gloss, category } = firstClip(set);
    // Other values: the clip is named twice, not copied.
    writeClip(
      set,
      'val',
      name,
      firstClip(set, 'val').values.map((value) => (value === 0 ? 0 : 0.9 * value + 0.01)),
    );
    return writeLabels(set, 'val', [...rowsOf(set, 'val'), [name, gloss, category, 'val-0']]);
  }),
  fault('a clip twice', 'duplicate', (set) =>
    writeClip(set, 'train', otherClip(set, 'train', { sameGloss: true }).name, firstClip(set).values),
  ),
  fault('a clip twice, rounded', 'near-duplicate', (set) =>
    writeClip(set, 'train', otherClip(set, 'train', { sameGloss: true }).name, firstClip(set).values.map(rounded(3))),
  ),
  fault('a clip twice, trimmed', 'near-duplicate', (set) =>
    writeClip(set, 'train', otherClip(set, 'train', { sameGloss: true }).name, firstClip(set).values.slice(3 * WIDTH, -2 * WIDTH)),
  ),
  fault('a training clip that validates', 'leak', (set) =>
    writeClip(set, 'val', otherClip(set, 'val', { sameGloss: true }).name, firstClip(set).values),
  ),
  fault('a training clip that validates, trimmed and rounded', 'leak', (set) =>
    writeClip(
      set,
      'val',
      otherClip(set, 'val', { sameGloss: true }).name,
      firstClip(set)
        .values.slice(2 * WIDTH)
        .map(rounded(3)),
    ),
  ),
  fault('a clip under two glosses', 'same-values-other-gloss', (set) =>
    writeClip(set, 'train', otherClip(set, 'train', { sameGloss: false }).name, firstClip(set).values),
  ),
  fault('a signer in both splits', 'signer-in-both-splits', (set) =>
    changeRow(set, 'val', firstClip(set, 'val').name, ([file, gloss, category]) => [[file, gloss, category, 'train-0']]),
  ),
  fault('a meta of another gloss', 'label-contradicts-meta', (set) => {
    const { name, values } = clipWithHands(set);
    return writeClip(set, 'train', name, values, { meta: { gloss: 'GOODBYE' } });
  }),
  fault('another category than the reference', 'category-contradicts-reference', (set) => {
    const { name } = firstClip(set);
    changeRow(set, 'train', name, ([file, gloss, category, signer]) => [[file, gloss, 1 - category, signer]]);
    return path.relative(set.folder, clipFile(set, 'train', name));
  }),
  fault('a gloss in two spellings', 'gloss-spellings', (set) => {
    writeReference(
      set,
      LABELS.map((label, id) => (id === 2 ? 'ＨＥＬＬＯ' : label)),
    );
    return 'labels_reference.csv';
  }),
  fault('a class that nobody signs', 'unused-class', (set) => {
    writeReference(set, [...LABELS, 'RAIN']);
    return 'train_labels.csv';
  }),
  fault('a gloss that nothing trains', 'class-without-training-clips', (set) => without(set, 'train', ({ gloss }) => gloss === 1)),
  fault('a gloss that nothing validates', 'class-without-validation-clips', (set) => without(set, 'val', ({ gloss }) => gloss === 1)),
  fault('a gloss with two clips', 'few-clips', (set) => {
    const kept = set.clips.train.filter(({ gloss }) => gloss === 1).slice(0, 2);
    return without(set, 'train', (clip) => clip.gloss === 1 && !kept.includes(clip));
  }),
];
