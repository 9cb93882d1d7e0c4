import path from 'node:path';
import { UserError } from '../../foundation/errors';
import { excerpt, listed } from '../../foundation/text';
import { SIGN_COLUMNS } from '../collections/read-categories';
import { readCsvTable, type CsvRow, type CsvTable } from '../csv-table';
import { DataError } from '../data-error';
import { baseName, folderOf, placeOf, withoutEnding, type FolderListing } from './folder-listing';
import type { SourceClip } from './landmark-format';

/** What is known of a clip's content before it is read. */
export interface KnownSign {
  readonly sign: string;
  readonly signer?: string;
  readonly split?: string;
}

/** The signs of clips, and how they were told. */
export interface ToldSigns {
  /** Of each clip that shows a known sign. */
  readonly of: ReadonlyMap<SourceClip, KnownSign>;
  /** In words: `the names of folders`, `train.csv, its columns path and sign`. */
  readonly from: string;
  /** Clips that nothing is known of. */
  readonly unknown: readonly SourceClip[];
  /** Rows of a table whose clip is not there. */
  readonly absent: number;
}

const CLIP_COLUMNS = [
  'path',
  'file',
  'filename',
  'file_name',
  'file_path',
  'clip',
  'video',
  'video_path',
  'video_id',
  'sequence_id',
  'name',
  'id',
] as const;
const SIGNER_COLUMNS = ['signer', 'signer_id', 'participant_id', 'participant', 'person', 'user', 'subject'] as const;
const SPLIT_COLUMNS = ['split', 'subset', 'set', 'partition'] as const;

/** What parts of a set are called, as Kumpas names them. */
const SPLITS: Readonly<Record<string, string | undefined>> = {
  train: 'train',
  training: 'train',
  val: 'val',
  valid: 'val',
  validation: 'val',
  dev: 'val',
  test: 'test',
  testing: 'test',
};

/**
 * Tells which sign each clip shows: by the table that was given, or one that lies beside the clips; else by the folders that the clips lie in; else by their names,
 * without the number behind.
 * @param given a table of labels: a column that names the clip, one that names the sign, perhaps ones of signers and splits.
 * @throws UserError or DataError where the given table cannot be read, or has no such columns.
 */
export async function tellSigns(listing: FolderListing, clips: readonly SourceClip[], given?: string): Promise<ToldSigns> {
  if (given !== undefined) return signsOfTable(clips, given, await labelsTableOf(given), listing.folder);
  const beside = listing.files.filter(
    (file) => /\.(csv|tsv)$/i.test(file) && !clips.some(({ files }) => files[0] === file) && file.split('/').length <= 2,
  );
  for (const file of beside) {
    const place = placeOf(listing, file);
    const columns = columnsOf((await readCsvTable(place, [])).columns);
    if (columns === undefined) continue;
    const told = signsOfTable(
      clips,
      file,
      { table: await readCsvTable(place, [columns.clip, columns.sign]), columns },
      path.dirname(place),
    );
    if (told.of.size > 0) return told;
  }
  return signsOfPlaces(clips);
}

interface LabelColumns {
  readonly clip: string;
  readonly sign: string;
  readonly signer: string | undefined;
  readonly split: string | undefined;
}

function columnsOf(columns: readonly string[]): LabelColumns | undefined {
  const first = (choices: readonly string[]): string | undefined => choices.find((name) => columns.includes(name));
  const [clip, sign] = [first(CLIP_COLUMNS), first(SIGN_COLUMNS)];
  return clip === undefined || sign === undefined ? undefined : { clip, sign, signer: first(SIGNER_COLUMNS), split: first(SPLIT_COLUMNS) };
}

async function labelsTableOf(file: string): Promise<{ readonly table: CsvTable; readonly columns: LabelColumns }> {
  const table = await readCsvTable(file, []);
  if (table.problems.length > 0) throw new DataError(table.problems);
  const columns = columnsOf(table.columns);
  if (columns === undefined)
    throw new UserError(
      `${file}: its columns are ${listed(
        table.columns.map((name) => excerpt(name)),
        8,
      )}; expected one that names the clip (${CLIP_COLUMNS.slice(0, 4).join(', ')} …) and one that names the sign (${SIGN_COLUMNS.slice(0, 3).join(', ')} …)`,
    );
  return { table, columns };
}

function signsOfTable(
  clips: readonly SourceClip[],
  file: string,
  { table, columns }: { readonly table: CsvTable; readonly columns: LabelColumns },
  base: string,
): ToldSigns {
  const find = clipFinder(clips);
  const of = new Map<SourceClip, KnownSign>();
  let absent = 0;
  for (const row of table.rows) {
    const [named, sign] = [row.cell(columns.clip) ?? '', (row.cell(columns.sign) ?? '').normalize('NFC')];
    const clip = find(named, base);
    if (clip === undefined || sign === '') absent++;
    else of.set(clip, { sign, ...furtherOf(row, columns) });
  }
  return { of, from: `${file}, its columns ${columns.clip} and ${columns.sign}`, unknown: clips.filter((clip) => !of.has(clip)), absent };
}

function furtherOf(row: CsvRow, { signer, split }: LabelColumns): Omit<KnownSign, 'sign'> {
  const [person, part] = [signer === undefined ? '' : (row.cell(signer) ?? ''), split === undefined ? '' : (row.cell(split) ?? '')];
  return { ...(person === '' ? {} : { signer: person }), ...(part === '' ? {} : { split: SPLITS[part.toLowerCase()] ?? part }) };
}

/** Finds the clip that a cell names: by its path, with or without an ending, or where that is one alone by its name without folders. */
function clipFinder(clips: readonly SourceClip[]): (cell: string, base: string) => SourceClip | undefined {
  const byPath = new Map(clips.map((clip) => [clip.name.normalize('NFC'), clip]));
  const byName = new Map<string, SourceClip | undefined>();
  for (const clip of clips) {
    const name = path.posix.basename(clip.name).normalize('NFC');
    byName.set(name, byName.has(name) ? undefined : clip);
  }
  return (cell) => {
    const plain = path.posix.normalize(cell.replaceAll('\\', '/').normalize('NFC'));
    const parts = plain.split('/');
    // A table may have been made a folder or two above the one that is imported.
    for (let first = 0; first < parts.length; first++) {
      const rest = parts.slice(first).join('/');
      const clip = byPath.get(rest) ?? byPath.get(withoutEnding(rest));
      if (clip !== undefined) return clip;
    }
    return byName.get(path.posix.basename(plain)) ?? byName.get(baseName(plain));
  };
}

/** Signs by the folders that clips lie in, where these are several; else by clips' names, where these tell several signs; else by the one folder. */
function signsOfPlaces(clips: readonly SourceClip[]): ToldSigns {
  const folders = new Set(clips.map(({ signFolder }) => signFolder));
  const names = new Set(clips.map(nameOfSign));
  const byFolder =
    folders.size > 1 || (!folders.has('') && names.size <= 1) || (folders.size === 1 && !folders.has('') && names.size === clips.length);
  const of = new Map<SourceClip, KnownSign>();
  for (const clip of clips) {
    const sign = byFolder ? path.posix.basename(clip.signFolder) : nameOfSign(clip);
    if (sign !== '') of.set(clip, { sign: sign.normalize('NFC'), ...splitOf(clip) });
  }
  return {
    of,
    from: byFolder ? 'the names of folders' : "clips' names, without the numbers behind",
    unknown: clips.filter((clip) => !of.has(clip)),
    absent: 0,
  };
}

/** `hello` of `hello_01`, `hello-12`, `hello (3)`. */
function nameOfSign({ name }: SourceClip): string {
  return path.posix
    .basename(name)
    .replace(/[\s_.-]*\(?\d+\)?$/, '')
    .normalize('NFC');
}

/** The part of a set that a folder above a clip is called. */
function splitOf({ signFolder }: SourceClip): { readonly split?: string } {
  const above = folderOf(signFolder).split('/');
  const split = above.map((name) => SPLITS[name.toLowerCase()]).find((found) => found !== undefined);
  return split === undefined ? {} : { split };
}
