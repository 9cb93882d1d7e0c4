import path from 'node:path';
import { type ClipFolders, type DataPaths, type DataSource } from '../config/data-settings';
import { required } from '../foundation/required';
import { DataError, FileError, type DataProblem } from './data-error';
import { describeFolder } from './describe-folder';
import { kindOfPlace } from './places';

/** One split's clips and labels. */
export interface SplitPaths {
  readonly folder: string;
  readonly labels: string;
}

/** What of a set is wanted. */
export interface DataNeeds {
  readonly layout: ClipFolders;
  /** False where validation clips are all that is wanted. */
  readonly needTrain: boolean;
  /** Where a share of the training clips may validate. */
  readonly validationShare?: { readonly refuseOwn: boolean } | undefined;
}

/** What was looked for and is not there: paths. */
type Missing = ReadonlySet<string>;

/** Where everything lies. */
export interface LocatedData {
  readonly title: string;
  readonly train: SplitPaths | undefined;
  /** Undefined where a share of the training clips validates. */
  readonly validation: SplitPaths | undefined;
  readonly reference: string | undefined;
}

/**
 * Finds the folders and CSV files of a source.
 * @throws DataError naming everything that was looked for and is not there.
 */
export async function locateData(source: DataSource, needs: DataNeeds): Promise<LocatedData> {
  const { located, problems } = await lookForData(source, needs);
  if (problems.length > 0) throw new DataError(problems);
  return located;
}

/**
 * {@link locateData} that goes on where a part is not there, so that everything that is wrong can be told at once.
 * @returns where the parts should be, which of these are missing, and what is said of that.
 * @throws DataError where there is not even the folder.
 */
export async function lookForData(
  source: DataSource,
  needs: DataNeeds,
): Promise<{ readonly located: LocatedData; readonly missing: Missing; readonly problems: readonly DataProblem[] }> {
  const absent = 'folder' in source ? await problemAt('folder', source.folder) : undefined;
  if (absent !== undefined) throw new DataError([absent]);
  const located = 'folder' in source ? await locateInFolder(source.folder, needs) : locateNamed(source, needs);
  const looked = await Promise.all([
    ...[located.train, located.validation].flatMap((split) =>
      split === undefined ? [] : [problemAt('folder', split.folder), problemAt('file', split.labels)],
    ),
    ...(located.reference === undefined ? [] : [problemAt('file', located.reference)]),
  ]);
  const problems = looked.filter((problem) => problem !== undefined);
  const missing = new Set(problems.map(({ file }) => file));
  if (!('folder' in source) || problems.length === 0) return { located, missing, problems };
  return { located, missing, problems: [await layoutProblem(source.folder, located, problems)] };
}

/** What is said of a data folder that lacks some of its parts: what is expected, what is not there, and what is. */
async function layoutProblem(folder: string, { train, validation }: LocatedData, missing: readonly DataProblem[]): Promise<DataProblem> {
  const expected = [train, validation].flatMap((split) =>
    split === undefined ? [] : [`${path.basename(split.folder)}/`, path.basename(split.labels)],
  );
  const lacks = missing.map(({ file, problem }) =>
    problem.startsWith('no such') ? path.basename(file) : `${path.basename(file)} (${problem})`,
  );
  const found = await describeFolder(folder);
  const layout = `expected ${expected.join(', ')} in it, as docs/data.md describes; not there: ${lacks.join(', ')}`;
  const isTrainThere = train !== undefined && !missing.some(({ file }) => file === train.folder || file === train.labels);
  const advice =
    isTrainThere && validation !== undefined ? '; without validation clips, --val-share 0.2 takes a share of the training clips' : '';
  const isNothingThere = [train, validation].every((split) => split === undefined || missing.some(({ file }) => file === split.folder));
  const { nextCommand } = await import('./import/next-command.js'); // With all formats: only where a folder is none for training.
  const next = isNothingThere ? await nextCommand(folder) : undefined;
  return { file: folder, problem: `${layout}${advice}. Found: ${found}${next === undefined ? '' : `. ${next}`}` };
}

async function locateInFolder(folder: string, { layout, needTrain, validationShare }: DataNeeds): Promise<LocatedData> {
  const split = (clips: string, labels: string): SplitPaths => ({ folder: path.join(folder, clips), labels: path.join(folder, labels) });
  const reference = path.join(folder, 'labels_reference.csv');
  const { trainFolder, validationFolder } = await layoutThere(
    folder,
    layout,
    validationShare === undefined ? 'validationFolder' : 'trainFolder',
  );
  const own = split(validationFolder, 'val_labels.csv');
  const unsplit = split(layout.unsplitFolder, 'labels.csv');
  const isUnsplit = (await kindOfPlace(path.join(folder, trainFolder))) === 'nothing' && (await kindOfPlace(unsplit.folder)) === 'folder';
  const found = await Promise.all([own.folder, own.labels].map(kindOfPlace));
  const hasOwn = validationShare === undefined || found.some((kind) => kind !== 'nothing');
  if (validationShare?.refuseOwn === true && hasOwn) {
    const problem = `it has validation clips of its own (${validationFolder}/, val_labels.csv), so no training clips validate; leave --val-share out`;
    throw new DataError([{ file: folder, problem }]);
  }
  return {
    title: folder,
    train: needTrain || !hasOwn ? (isUnsplit && !hasOwn ? unsplit : split(trainFolder, 'train_labels.csv')) : undefined,
    validation: hasOwn ? own : undefined,
    reference: (await kindOfPlace(reference)) === 'nothing' ? undefined : reference,
  };
}

/** The layout whose clips of one split are there; the first where none is. */
async function layoutThere(folder: string, layout: ClipFolders, split: 'trainFolder' | 'validationFolder'): Promise<ClipFolders> {
  for (let next: ClipFolders | undefined = layout; next !== undefined; next = next.otherwise) {
    if ((await kindOfPlace(path.join(folder, next[split]))) === 'folder') return next;
  }
  return layout;
}

function locateNamed(paths: DataPaths, { needTrain, validationShare }: DataNeeds): LocatedData {
  const { keypoints_train: folder, labels_train_csv: labels, keypoints_val: ownFolder, labels_val_csv: ownLabels } = paths;
  const own = ownFolder === undefined || ownLabels === undefined ? undefined : { folder: ownFolder, labels: ownLabels };
  if (own === undefined && validationShare === undefined) throw new Error('missing: the validation clips and their labels');
  const isTrainWanted = needTrain || own === undefined;
  if (isTrainWanted && (folder === undefined || labels === undefined)) {
    const problem = 'the training clips and their labels were not named; give both --keypoints-train and --labels-train-csv';
    throw new DataError([{ file: folder ?? labels ?? required(ownFolder, 'the folder of the validation clips'), problem }]);
  }
  const train = isTrainWanted && folder !== undefined && labels !== undefined ? { folder, labels } : undefined;
  return {
    title: train?.folder ?? required(own, 'the validation clips').folder,
    train,
    validation: own,
    reference: paths.labels_reference,
  };
}

async function problemAt(expected: 'folder' | 'file', name: string): Promise<DataProblem | undefined> {
  try {
    const found = await kindOfPlace(name);
    if (found === expected) return undefined;
    const problem = found === 'nothing' ? `no such ${expected}` : `expected a ${expected}, found ${found}`;
    return { file: name, problem: `${problem}; check the path` };
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { file: error.file, problem: error.problem };
  }
}
