import path from 'node:path';
import { required } from '../../foundation/required';
import { classColumns, type LabelReference, type LabelsTable } from '../class-ids';
import type { LabelNames } from '../clip-set';
import type { CsvRow } from '../csv-table';
import { DataError, type DataProblem } from '../data-error';
import { idProblems, overlapProblems, type IdKind } from '../dataset-checks';
import { describeFolder } from '../describe-folder';
import { labelsOfTable, nameClasses, readLabelReference, readLabelsTable } from '../labels';
import { locateClips, missingProblem, type LocatedClip } from '../locate-clips';
import { kindOfPlace } from '../places';
import { COLLECTION_LABELS, REFERENCE } from './collection-rows';

/** The parts that clips of a set are divided into. */
export type Split = 'train' | 'validation' | 'test';

/** A clip that a table of a collection or set names, with its row. */
export interface CollectionClip extends LocatedClip {
  /** The part of a set that it is in; undefined in a collection, which is not split yet. */
  readonly split: Split | undefined;
  /** What its row has in a column, by the column's name in small letters; undefined where its table lacks it. */
  readonly cell: (column: string) => string | undefined;
}

/** The clips of a folder, split or not, as one list. */
export interface Collection {
  readonly folder: string;
  /** What its clips are: folders of that name hold them, `keypoints/` or `keypoints_train/`. */
  readonly kind: ClipKind;
  readonly isSplit: boolean;
  /** In the order of the tables: training, validation, test. */
  readonly clips: readonly CollectionClip[];
  /** A name for every class; those that nobody names are called `gloss 3`. */
  readonly names: LabelNames;
  /** Whether a reference or the tables themselves name the glosses. */
  readonly isNamed: boolean;
  readonly reference: LabelReference | undefined;
  /** The columns of its tables beside `file`, `gloss` and `cat`, in small letters: `occluded`, `signer`, whatever there is. */
  readonly furtherColumns: readonly string[];
  /** What was made of the labels, a line each. */
  readonly notes: readonly string[];
}

type ClipKind = 'keypoints' | 'features';
const KINDS: readonly ClipKind[] = ['keypoints', 'features'];

/** Something that is wrong with a collection, and what with: its tables, ids without a class, clips in two splits, clips that are not there. */
export interface CollectionProblem extends DataProblem {
  readonly about: 'tables' | 'ids' | 'splits' | 'missing clips';
}

/** What the parts of a set are called in its folders and tables. */
export const SPLIT_NAMES = { train: 'train', validation: 'val', test: 'test' } as const satisfies Record<Split, string>;
const CLASS_COLUMNS: ReadonlySet<string> = new Set(['file', 'gloss', 'cat', 'category', '']);

/**
 * Reads the tables of a collection (`keypoints/`, `labels.csv`), or of a set that is laid out for training, and finds their clips; no clip is opened.
 * @throws DataError with everything that is wrong with the tables, and every clip that is not there.
 */
export async function readCollection(folder: string): Promise<Collection> {
  const { collection, problems } = await findCollection(folder);
  if (problems.length > 0) throw new DataError(problems);
  return collection;
}

/**
 * {@link readCollection} for those who tell themselves what is wrong: the clips are those of the lines that can be read, found or `missing`.
 * @throws DataError where the folder holds neither a collection nor a set.
 */
export async function findCollection(
  folder: string,
): Promise<{ readonly collection: Collection; readonly problems: readonly CollectionProblem[] }> {
  const { kind, parts } = await partsOf(folder);
  const tables: PartTable[] = [];
  for (const part of parts) tables.push({ ...part, table: await readLabelsTable(part.file) });
  const referenceFile = path.join(folder, REFERENCE);
  const found = (await isFile(referenceFile)) ? await readLabelReference(referenceFile) : undefined;
  const reference = found?.reference;
  const columns = classColumns(tables, { reference, ofModel: undefined, mayNumber: true });
  const problems: CollectionProblem[] = [];
  const add = (about: CollectionProblem['about'], ...more: readonly DataProblem[]): void => {
    problems.push(...more.map((problem) => ({ ...problem, about })));
  };
  add('tables', ...columns.problems, ...(found?.problems ?? []));
  const clips: CollectionClip[] = [];
  for (const part of tables) {
    const { labels, problems: ofTable } = labelsOfTable(part.table, part.file, columns);
    const located = await locateClips(part.clips, part.file, labels);
    const rows = new Map(part.table.rows.map((row) => [row.line, row]));
    clips.push(...located.clips.map((clip) => clipOf(clip, part.split, rows)));
    add('tables', ...ofTable, ...located.problems);
  }
  const known = { ...columns.names, ...reference?.names };
  const names = nameClasses(
    clips.map(({ label }) => label),
    known,
    {},
  );
  const missing = clips.filter((clip) => clip.missing !== undefined);
  add('ids', ...idProblems(clips, names, known, adviceOn(clips)));
  add('splits', ...overlapsOf(clips));
  add('missing clips', ...missing.map((clip) => ({ file: clip.file, problem: missingProblem(clip) })));
  const furtherColumns = [...new Set(tables.flatMap(({ table }) => table.columns))].filter((column) => !CLASS_COLUMNS.has(column));
  const isSplit = parts.some(({ split }) => split !== undefined);
  const isNamed = known.gloss !== undefined;
  return { collection: { folder, kind, isSplit, clips, names, isNamed, reference, furtherColumns, notes: columns.notes }, problems };
}

/** What to do about ids that have no class, which no flag of these commands makes room for. */
function adviceOn(clips: readonly CollectionClip[]): (kind: IdKind) => string {
  return ({ column, idOf }) => {
    const isOneBased = clips.every((clip) => idOf(clip) > 0);
    const usual = `correct it, or add the ${column === 'gloss' ? 'gloss' : 'category'} to ${REFERENCE}`;
    return isOneBased
      ? `${usual}; where ids count from 1, npm run data -- labels FILE.csv --one-based yes --in-place takes 1 off each`
      : usual;
  };
}

function clipOf(clip: LocatedClip, split: Split | undefined, rows: ReadonlyMap<number, CsvRow>): CollectionClip {
  const row = required(rows.get(clip.label.line), `line ${clip.label.line} of ${clip.labelsFile}`);
  return { ...clip, split, cell: (column) => row.cell(column) };
}

/** A clip may be in one part of a set alone. */
function overlapsOf(clips: readonly CollectionClip[]): DataProblem[] {
  const inPart = (wanted: Split): CollectionClip[] => clips.filter(({ split }) => split === wanted);
  const [train, validation, test] = [inPart('train'), inPart('validation'), inPart('test')];
  return [...overlapProblems(train, validation), ...overlapProblems([...train, ...validation], test)];
}

/** One table and the folder of its clips. */
interface Part {
  readonly split: Split | undefined;
  readonly clips: string;
  readonly file: string;
}

type PartTable = Part & LabelsTable;

/** The tables of a folder: those of a set where there is one, else that of a collection. */
async function partsOf(folder: string): Promise<{ readonly kind: ClipKind; readonly parts: readonly Part[] }> {
  if (!(await isFolder(folder))) {
    const problem = (await isFile(folder)) ? 'it is a file; give the folder that it lies in' : 'no such folder; check the path';
    throw new DataError([{ file: folder, problem }]);
  }
  const partOf = (kind: ClipKind, split: Split): Part => {
    const name = SPLIT_NAMES[split];
    return { split, clips: path.join(folder, `${kind}_${name}`), file: path.join(folder, `${name}_labels.csv`) };
  };
  for (const kind of KINDS) {
    const [train, validation, test] = [partOf(kind, 'train'), partOf(kind, 'validation'), partOf(kind, 'test')];
    if (!(await isFolder(train.clips))) continue;
    const further = [];
    for (const part of [validation, test]) if ((await isFile(part.file)) || (await isFolder(part.clips))) further.push(part);
    return { kind, parts: [train, ...further] };
  }
  for (const kind of KINDS) {
    const part: Part = { split: undefined, clips: path.join(folder, kind), file: path.join(folder, COLLECTION_LABELS) };
    if ((await isFolder(part.clips)) && (await isFile(part.file))) return { kind, parts: [part] };
  }
  throw new DataError([{ file: folder, problem: await whatIsThere(folder) }]);
}

async function whatIsThere(folder: string): Promise<string> {
  const expected = 'no collection of clips: expected keypoints/ and labels.csv, or keypoints_train/ and train_labels.csv';
  const advice = (await isFolder(path.join(folder, 'keypoints'))) ? `; npm run data -- labels ${folder} makes labels.csv` : '';
  return `${expected}${advice}. Found: ${await describeFolder(folder)}`;
}

async function isFolder(place: string): Promise<boolean> {
  return (await kindOfPlace(place)) === 'folder';
}

async function isFile(place: string): Promise<boolean> {
  return (await kindOfPlace(place)) === 'file';
}
