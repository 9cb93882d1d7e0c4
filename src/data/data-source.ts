import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { ClipFolders, DataPaths, DataSource } from '../config/data-settings';
import { messageOf } from '../foundation/errors';
import { DataError, type DataProblem } from './data-error';

/** One split's clips and labels. */
export interface SplitPaths {
  readonly folder: string;
  readonly labels: string;
}

/** Where everything lies. */
export interface LocatedData {
  readonly title: string;
  readonly train: SplitPaths | undefined;
  readonly validation: SplitPaths;
  readonly reference: string | undefined;
}

/**
 * Finds the folders and CSV files of a source.
 * @throws DataError naming everything that was looked for and is not there.
 */
export async function locateData(source: DataSource, layout: ClipFolders, needTrain: boolean): Promise<LocatedData> {
  const problems: DataProblem[] = [];
  if ('folder' in source && !(await lookFor('folder', source.folder, problems))) throw new DataError(problems);
  const located = 'folder' in source ? await locateInFolder(source.folder, layout, needTrain) : locateNamed(source, needTrain);
  for (const split of [located.train, located.validation]) {
    if (split === undefined) continue;
    await lookFor('folder', split.folder, problems);
    await lookFor('file', split.labels, problems);
  }
  if (located.reference !== undefined) await lookFor('file', located.reference, problems);
  if (problems.length > 0) throw new DataError(problems);
  return located;
}

async function locateInFolder(folder: string, layout: ClipFolders, needTrain: boolean): Promise<LocatedData> {
  const split = (clips: string, labels: string): SplitPaths => ({ folder: path.join(folder, clips), labels: path.join(folder, labels) });
  const reference = path.join(folder, 'labels_reference.csv');
  const { trainFolder, validationFolder } = await layoutThere(folder, layout);
  return {
    title: folder,
    train: needTrain ? split(trainFolder, 'train_labels.csv') : undefined,
    validation: split(validationFolder, 'val_labels.csv'),
    reference: (await kindOf(reference)) === 'nothing' ? undefined : reference,
  };
}

/** The layout whose validation clips are there; the first where none is. */
async function layoutThere(folder: string, layout: ClipFolders): Promise<ClipFolders> {
  for (let next: ClipFolders | undefined = layout; next !== undefined; next = next.otherwise) {
    if ((await kindOf(path.join(folder, next.validationFolder))) === 'folder') return next;
  }
  return layout;
}

function locateNamed(paths: DataPaths, needTrain: boolean): LocatedData {
  const { keypoints_train: folder, labels_train_csv: labels } = paths;
  if (needTrain && (folder === undefined || labels === undefined)) {
    const problem = 'the training clips and their labels were not named; give both --keypoints-train and --labels-train-csv';
    throw new DataError([{ file: folder ?? labels ?? paths.keypoints_val, problem }]);
  }
  const train = needTrain && folder !== undefined && labels !== undefined ? { folder, labels } : undefined;
  return {
    title: train?.folder ?? paths.keypoints_val,
    train,
    validation: { folder: paths.keypoints_val, labels: paths.labels_val_csv },
    reference: paths.labels_reference,
  };
}

async function lookFor(expected: 'folder' | 'file', name: string, problems: DataProblem[]): Promise<boolean> {
  const found = await kindOf(name);
  if (found === expected) return true;
  const problem = found === 'nothing' ? `no such ${expected}` : `expected a ${expected}, found ${found}`;
  problems.push({ file: name, problem: `${problem}; check the path` });
  return false;
}

async function kindOf(name: string): Promise<string> {
  try {
    const status = await stat(name);
    return status.isDirectory() ? 'folder' : status.isFile() ? 'file' : 'something else';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'nothing' : `nothing readable (${messageOf(error)})`;
  }
}
