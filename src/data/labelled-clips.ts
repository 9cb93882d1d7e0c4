import type { DataSource } from '../config/data-settings';
import { classColumns, type ClassColumns, type LabelReference, type LabelsTable } from './class-ids';
import type { LabelNames } from './clip-set';
import type { DataProblem } from './data-error';
import { labelsOfTable, readLabelReference, readLabelsTable } from './labels';
import { locateClips, type LocatedClip } from './locate-clips';
import { lookForData, type DataNeeds, type SplitPaths } from './locate-data';
import { divideClips, type ValidationShare } from './validation-share';

/** What labelled clips are found by. */
interface LabelledClipsRequest extends DataNeeds {
  readonly validationShare?: ValidationShare | undefined;
  /** The names of the classes that a model has already: names in the labels get its ids. */
  readonly namesOfModel?: LabelNames | undefined;
}

/** Every clip that the labels of a set name, found or not, with what is known of its classes. */
export interface LabelledClips {
  readonly title: string;
  /** The folders of the clips. */
  readonly folders: readonly string[];
  readonly train: readonly LocatedClip[] | undefined;
  readonly validation: readonly LocatedClip[];
  readonly reference: LabelReference | undefined;
  /** The names of the classes, of those kinds that the data names. */
  readonly names: Partial<LabelNames>;
  /** What was made of the labels, a line each. */
  readonly notes: readonly string[];
  /** What is wrong with folders and tables. */
  readonly problems: readonly DataProblem[];
}

/**
 * Finds a set, reads its labels, and looks for the clips that they name. Where a part is missing or wrong the others are read all the same.
 * @throws DataError where there is no such set at all.
 */
export async function findLabelledClips(source: DataSource, request: LabelledClipsRequest): Promise<LabelledClips> {
  const { located, missing, problems } = await lookForData(source, request);
  const readTable = async (split: SplitPaths | undefined): Promise<LabelsTable | undefined> =>
    split === undefined || missing.has(split.labels) ? undefined : { file: split.labels, table: await readLabelsTable(split.labels) };
  const tables = { train: await readTable(located.train), validation: await readTable(located.validation) };
  const found = located.reference === undefined || missing.has(located.reference) ? undefined : await readLabelReference(located.reference);
  const columns = classColumns(
    [tables.train, tables.validation].filter((table) => table !== undefined),
    { reference: found?.reference, ofModel: request.namesOfModel, mayNumber: request.needTrain },
  );
  const clipsOf = async (split: SplitPaths | undefined, table: LabelsTable | undefined): Promise<ClipsOfSplit> =>
    split === undefined || table === undefined
      ? { clips: [], problems: [] }
      : clipsOfSplit(split, table, columns, !missing.has(split.folder));
  const train = await clipsOf(located.train, tables.train);
  const validation = await clipsOf(located.validation, tables.validation);
  const { validationShare, needTrain } = request;
  const isShared = located.validation === undefined && validationShare !== undefined;
  const split = isShared
    ? divideClips(train.clips, validationShare, { mayDraw: needTrain })
    : { train: train.clips, validation: validation.clips };
  return {
    title: located.title,
    folders: [located.train, located.validation].flatMap((part) => (part === undefined ? [] : [part.folder])),
    train: needTrain ? split.train : undefined,
    validation: split.validation,
    reference: found?.reference,
    names: { ...columns.names, ...found?.reference?.names },
    notes: isShared && needTrain ? [...columns.notes, shareNote(split)] : columns.notes,
    problems: [...problems, ...train.problems, ...validation.problems, ...columns.problems, ...(found?.problems ?? [])],
  };
}

function shareNote({ train, validation }: ReturnType<typeof divideClips>): string {
  return `${validation.length} of ${train.length + validation.length} clips validate and are not trained on; the model keeps which`;
}

interface ClipsOfSplit {
  readonly clips: readonly LocatedClip[];
  readonly problems: readonly DataProblem[];
}

/** @param isFolderThere where it is not, what is wrong with the labels is told all the same. */
async function clipsOfSplit(
  { folder, labels: file }: SplitPaths,
  { table }: LabelsTable,
  columns: ClassColumns,
  isFolderThere: boolean,
): Promise<ClipsOfSplit> {
  const { labels, problems } = labelsOfTable(table, file, columns);
  if (!isFolderThere) return { clips: [], problems };
  const located = await locateClips(folder, file, labels);
  return { clips: located.clips, problems: [...problems, ...located.problems] };
}
