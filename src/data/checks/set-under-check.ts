import path from 'node:path';
import { widthOfLayout, type KeypointLayout } from '../../config/keypoint-layout';
import { HOLISTIC_78 } from '../../config/known-layouts';
import { UserError } from '../../foundation/errors';
import type { LabelReference } from '../class-ids';
import type { ClipFormat } from '../clip-checks';
import { isClipFile, withoutExtension } from '../clip-names';
import type { LabelNames } from '../clip-set';
import { findCollection, type Collection, type CollectionClip, type CollectionProblem, type Split } from '../collections/read-collection';
import { DataError } from '../data-error';
import { judgeClassUse } from '../dataset-checks';
import { FEATURE_WIDTH } from '../keypoints';
import { LAYOUT_FILE } from '../layout-file';
import { layoutOfClips } from '../layout-of-clips';
import { kindOfPlace, namesIn } from '../places';
import { findingOf, type Finding, type FindingCode } from './findings';

/** What the clips of a set must be. */
export interface CheckedFormat extends ClipFormat {
  /** What the numbers of a frame are; undefined of features. */
  readonly keypoints: KeypointLayout | undefined;
}

/** A clip of a set that is checked. */
export interface SetClip {
  readonly file: string;
  readonly name: string;
  /** Undefined in a collection, which is not split, and of clips without labels. */
  readonly split: Split | undefined;
  /** Undefined of a clip that no line names. */
  readonly label: { readonly gloss: number; readonly category: number; readonly occluded: boolean | undefined } | undefined;
  /** From the labels' column `signer`. */
  readonly signer: string | undefined;
}

/** A set, a collection or a folder of clips, with what is wrong about its folders and tables; no clip was read yet. */
export interface SetUnderCheck {
  readonly folder: string;
  readonly kind: 'set' | 'collection' | 'clips';
  readonly format: CheckedFormat;
  /** Those that are there. */
  readonly clips: readonly SetClip[];
  /** The names of the classes; `gloss 3` where the data does not name them. */
  readonly names: LabelNames;
  readonly reference: LabelReference | undefined;
  /** The table that names the clips of each split, or of a collection all. */
  readonly tables: ReadonlyMap<Split | undefined, string>;
  readonly findings: readonly Finding[];
}

/** Folders and tables of a set or a collection, of key points or features. */
const OF_A_SET = /^((keypoints|features)(_train|_val)?|(train_|val_)?labels\.csv)$/;
/** Files that are looked at below a set, and how deep: more are no set of clips. */
const MOST_FILES = 1_000_000;
const DEEPEST = 16;

/**
 * Finds what a folder holds: a set as `train --data` takes it, a collection that is not split, or clips alone. What is wrong with folders, tables and labels comes
 * back as findings.
 * @param key the array that holds the values, where it is another than usual.
 * @throws DataError where there is no such folder, or nothing in it that could be checked.
 */
export async function openSet(folder: string, key: string | undefined): Promise<SetUnderCheck> {
  const isSet = (await namesOf(folder)).some((name) => OF_A_SET.test(name));
  const without = { folder, names: { gloss: [], category: [] }, reference: undefined, tables: new Map<Split | undefined, string>() };
  if (!isSet) {
    const clips = await clipsWithoutLabels(folder);
    return { ...without, kind: 'clips', clips, ...(await formatOfKeypoints(folder, clips, key)) };
  }
  let found: Awaited<ReturnType<typeof findCollection>>;
  try {
    found = await findCollection(folder);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    const missing = error.problems.map(({ file, problem }) => findingOf(file, { code: 'missing-part', text: problem }));
    const { format, findings } = await formatOfKeypoints(folder, [], key);
    return { ...without, kind: 'set', clips: [], format, findings: [...findings, ...missing] };
  }
  const { collection, problems } = found;
  const { format, findings } =
    collection.kind === 'features'
      ? { format: { key: key ?? 'X2048', width: FEATURE_WIDTH, keypoints: undefined }, findings: [] }
      : await formatOfKeypoints(folder, collection.clips, key);
  const set = await setOfCollection(collection, problems);
  return { ...set, format, findings: [...findings, ...set.findings] };
}

/** What clips of key points must be, as the set or its clips say; the usual 78 points, and what is wrong with the set's `keypoints.json`, where that cannot be read. */
async function formatOfKeypoints(
  folder: string,
  clips: readonly Pick<CollectionClip, 'file' | 'missing'>[],
  key = 'X',
): Promise<Pick<SetUnderCheck, 'format' | 'findings'>> {
  try {
    const { keypoints, saidBy } = await layoutOfClips([path.join(folder, 'keypoints')], clips, key, 'of the data');
    return { format: { key, width: widthOfLayout(keypoints), keypoints, saidBy }, findings: [] };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const finding = findingOf(path.join(folder, LAYOUT_FILE), { code: 'wrong-layout', text: error.message });
    return { format: { key, width: widthOfLayout(HOLISTIC_78), keypoints: HOLISTIC_78 }, findings: [finding] };
  }
}

/** The names in a folder or a pack. @throws DataError where it is neither. */
async function namesOf(folder: string): Promise<string[]> {
  const kind = await kindOfPlace(folder);
  if (kind === 'folder') return (await namesIn(folder)).map(({ name }) => name);
  const problem =
    kind === 'nothing'
      ? 'no such folder; check the path'
      : `expected the folder of a set or a pack, found ${kind === 'file' ? 'a file' : kind}`;
  throw new DataError([{ file: folder, problem }]);
}

async function clipsWithoutLabels(folder: string): Promise<SetClip[]> {
  const files = await clipFilesWithin(folder);
  if (files.length === 0)
    throw new DataError([{ file: folder, problem: 'no clips (.npz, .npy) and no labels in it; name a set or a folder of clips' }]);
  return files.map((file) => ({
    file: path.join(folder, file),
    name: withoutExtension(file),
    split: undefined,
    label: undefined,
    signer: undefined,
  }));
}

const CODES: Readonly<Record<CollectionProblem['about'], FindingCode>> = {
  tables: 'wrong-table',
  ids: 'id-out-of-range',
  splits: 'in-both-splits',
  'missing clips': 'missing-clip',
};

async function setOfCollection(
  { folder, isSplit, clips, names, isNamed, reference }: Collection,
  problems: readonly CollectionProblem[],
): Promise<Omit<SetUnderCheck, 'format'>> {
  const there = clips.filter(({ missing }) => missing === undefined);
  const tables = new Map(clips.map(({ split, labelsFile }) => [split, labelsFile]));
  const ofSplit = (...splits: readonly (Split | undefined)[]): CollectionClip[] => clips.filter(({ split }) => splits.includes(split));
  const findings = problems.map(({ file, problem, about }) => findingOf(file, { code: CODES[about], text: problem }));
  if (problems.length === 0) {
    const use = judgeClassUse({ train: ofSplit('train', undefined), validation: ofSplit('validation') }, names, {
      gloss: isNamed,
      category: isNamed,
    });
    findings.push(...use.problems.map(({ file, problem }) => findingOf(file, { code: 'class-gap', text: problem })));
  }
  if (isSplit && problems.length === 0 && ofSplit('validation').length === 0)
    findings.push(findingOf(folder, { code: 'no-validation-clips', text: 'no clip validates' }));
  findings.push(...there.flatMap((clip) => clipFindings(clip, reference)), ...(await unlabelledClips(folder, there)));
  return { folder, kind: isSplit ? 'set' : 'collection', clips: there.map(setClipOf), names, reference, tables, findings };
}

function setClipOf({ file, label: { name, gloss, category, occluded }, split, cell }: CollectionClip): SetClip {
  const signer = cell('signer')?.normalize('NFC');
  return { file, name, split, label: { gloss, category, occluded }, signer: signer === '' ? undefined : signer };
}

/** What is odd about the line of a clip. */
function clipFindings({ file, label, labelsFile, otherCase }: CollectionClip, reference: LabelReference | undefined): Finding[] {
  const line = `line ${label.line} of ${path.basename(labelsFile)}`;
  const expected = reference?.categoryOfGloss[label.gloss];
  const found: Finding[] = [];
  if (otherCase) found.push(findingOf([file, labelsFile], { code: 'other-case', text: `${line} has "${label.name}"` }));
  if (expected !== undefined && expected !== label.category) {
    const text = `${line} gives it category ${label.category}, and its gloss ${label.gloss} has category ${expected}`;
    found.push(findingOf([file, labelsFile], { code: 'category-contradicts-reference', text }));
  }
  return found;
}

/** Clips that lie in the folders of clips, and that no line names; where the table of a folder could not be read, that is told by itself. */
async function unlabelledClips(folder: string, clips: readonly CollectionClip[]): Promise<Finding[]> {
  const labelled = new Set(clips.map(({ file }) => file));
  const folders = (await namesOf(folder)).filter((name) => /^(keypoints|features)(_train|_val|_test)?$/.test(name)).sort();
  const files = await Promise.all(
    folders.map(async (name) => (await clipFilesWithin(path.join(folder, name))).map((file) => path.join(folder, name, file))),
  );
  return files
    .flat()
    .flatMap((file) => (labelled.has(file) ? [] : [findingOf(file, { code: 'unlabelled-clip', text: 'no line names it' })]));
}

/** The clips in a folder and those below it, by their paths from it, in order; hidden ones are left out, and links to folders are not followed. */
async function clipFilesWithin(folder: string): Promise<string[]> {
  const files: string[] = [];
  const waiting = [''];
  let seen = 0;
  for (let place = waiting.shift(); place !== undefined; place = waiting.shift()) {
    for (const entry of await namesIn(path.join(folder, place)).catch(() => [])) {
      if (entry.name.startsWith('.')) continue;
      if (++seen > MOST_FILES)
        throw new DataError([{ file: folder, problem: `more than ${MOST_FILES} files; name the folder of one set` }]);
      const name = path.join(place, entry.name);
      if (!entry.isDirectory() && isClipFile(entry.name)) files.push(name);
      else if (entry.isDirectory() && name.split(path.sep).length < DEEPEST) waiting.push(name);
    }
  }
  return files.sort();
}
