import { UserError, messageOf } from '../../foundation/errors';
import { required } from '../../foundation/required';
import { linesOf } from '../../foundation/text';
import { readBoundedFile } from '../file-reading';
import { decodeTable } from '../table-text';
import { folderOf, placeOf, withoutEnding, type FolderListing } from './folder-listing';
import type { LandmarkClip } from './landmarks';
import type { LandmarkFormat } from './landmark-format';
import { clipOfTable, isWanted, tableKind, type ColumnTable } from './landmark-table';
import { startOf } from './numpy-files';

const MOST_BYTES = 512 * 1024 * 1024;
/** A header of 1629 columns takes some 30 KB. */
const HEADER_BYTES = 256 * 1024;

/** CSV files of landmarks, one a clip: a row a frame and landmark, or a row a frame. */
export const csvTables: LandmarkFormat = {
  name: 'csv',
  title: 'a CSV of landmarks a clip',
  recognise: (listing) => {
    const tables = listing.files.filter((file) => /\.(csv|tsv)$/i.test(file));
    const kinds = new Map<string, ReturnType<typeof tableKind>>();
    // Tables of labels lie beside the clips' folders; within one, all are of a kind.
    const kindIn = (file: string): ReturnType<typeof tableKind> => {
      const key = folderOf(file) === '' ? file : folderOf(file);
      if (!kinds.has(key)) kinds.set(key, tableKind(headerOf(placeOf(listing, file)).columns));
      return kinds.get(key);
    };
    const files = tables.filter((file) => kindIn(file) !== undefined);
    const kind = files[0] === undefined ? undefined : kindIn(files[0]);
    if (kind === undefined) return Promise.resolve(undefined);
    return Promise.resolve({ clips: clipsOf(listing, files, readCsv), found: `a CSV a clip, ${kind}` });
  },
};

/** Parquet files of landmarks, one a clip, as the Kaggle contest of isolated signs has them. */
export const parquetTables: LandmarkFormat = {
  name: 'parquet',
  title: 'a parquet file of landmarks a clip',
  recognise: async (listing) => {
    const files = listing.files.filter((file) => /\.parquet$/i.test(file));
    const [first] = files;
    if (first === undefined) return undefined;
    const kind = await parquetColumns(placeOf(listing, first)).then(tableKind, () => undefined);
    return { clips: clipsOf(listing, files, readParquet), found: `a parquet file a clip, ${kind ?? 'columns that show no landmarks'}` };
  },
};

function clipsOf(
  listing: FolderListing,
  files: readonly string[],
  read: (file: string) => Promise<ColumnTable>,
): { name: string; files: string[]; signFolder: string; read: () => Promise<LandmarkClip> }[] {
  return files.map((file) => ({
    name: withoutEnding(file),
    files: [file],
    signFolder: folderOf(file),
    read: async () => clipOfTable(await read(placeOf(listing, file))),
  }));
}

interface Header {
  readonly columns: readonly string[];
  readonly delimiter: string;
}

function headerOf(file: string): Header {
  return headerIn(startOf(file, HEADER_BYTES).toString('utf8').split(/\r?\n/, 1)[0] ?? '');
}

/** The names of a header, parted by what it has most of. */
function headerIn(line: string): Header {
  const delimiter = required(
    [',', ';', '\t'].map((letter) => ({ letter, count: line.split(letter).length })).sort((one, other) => other.count - one.count)[0],
    'a delimiter',
  ).letter;
  return { columns: cellsOf(line.replace(/^\uFEFF/, ''), delimiter), delimiter };
}

function cellsOf(line: string, delimiter: string): string[] {
  return line.split(delimiter).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));
}

/** A table of numbers may have far more columns than tables that people fill in, so it is read by a way of its own. */
async function readCsv(file: string): Promise<ColumnTable> {
  const decoded = decodeTable(await readBoundedFile(file, MOST_BYTES, 'cut the clip'));
  if ('problems' in decoded) throw new UserError(decoded.problems[0] ?? 'it is no text');
  const lines = linesOf(decoded.text);
  const header = headerIn(String(lines.next().value ?? '').trim());
  const wanted = header.columns.flatMap((name, place) =>
    isWanted(name) ? [{ name: name.toLowerCase(), place, cells: [] as (number | string)[] }] : [],
  );
  let rows = 0;
  for (const line of lines) {
    if (line.trim() === '') continue;
    const cells = cellsOf(line, header.delimiter);
    if (cells.length !== header.columns.length)
      throw new UserError(`line ${rows + 2}: ${cells.length} cells where the header has ${header.columns.length}`);
    for (const { place, cells: column } of wanted) column.push(valueOf(required(cells[place], 'a cell')));
    rows++;
  }
  return { rows, columns: new Map(wanted.map(({ name, cells }) => [name, cells])) };
}

function valueOf(cell: string): number | string {
  const number = Number(cell);
  return cell === '' ? '' : Number.isNaN(number) && !/^nan$/i.test(cell) ? cell : number;
}

/** What a page may take unpacked: a column of a clip of 100,000 frames has less. */
const MOST_PAGE_BYTES = 512 * 1024 * 1024;
const MOST_ROWS = 60_000_000;

async function parquetColumns(file: string): Promise<string[]> {
  const { parquetMetadata, parquetSchema } = await import('hyparquet'); // An ES module, which nobody needs but who has such files.
  return parquetSchema(parquetMetadata(bufferOf(await readBoundedFile(file, MOST_BYTES, 'cut the clip')))).children.map(
    ({ element }) => element.name,
  );
}

async function readParquet(file: string): Promise<ColumnTable> {
  const bytes = bufferOf(await readBoundedFile(file, MOST_BYTES, 'cut the clip'));
  try {
    const { parquetMetadata, parquetRead, parquetSchema } = await import('hyparquet');
    const { compressors } = await import('hyparquet-compressors');
    const metadata = parquetMetadata(bytes);
    const rows = Number(metadata.num_rows);
    if (rows > MOST_ROWS) throw new UserError(`${rows} rows (at most ${MOST_ROWS} are read)`);
    const columns = parquetSchema(metadata)
      .children.map(({ element }) => element.name)
      .filter(isWanted);
    const read = new Map<string, (number | string)[]>(columns.map((name) => [name.toLowerCase(), []]));
    await parquetRead({
      file: { byteLength: bytes.byteLength, slice: (start, end) => bytes.slice(start, end) },
      metadata,
      columns,
      compressors: bounded(compressors),
      onChunk: ({ columnName, columnData, rowStart }) => {
        const column = read.get(columnName.toLowerCase());
        for (let place = 0; column !== undefined && place < columnData.length; place++)
          column[rowStart + place] = cellOf(columnData[place]);
      },
    });
    return { rows, columns: read };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`it is no readable parquet file: ${messageOf(error)}`, { cause: error });
  }
}

type Decompress = (input: Uint8Array, outputLength: number) => Uint8Array;

/** Ways to unpack that refuse to unpack more than any clip has. */
function bounded<Name extends string>(compressors: Partial<Record<Name, Decompress>>): Partial<Record<Name, Decompress>> {
  const entries = Object.entries<Decompress | undefined>(compressors).map(([name, decompress]): [string, Decompress | undefined] => [
    name,
    decompress === undefined
      ? undefined
      : (input, length) => {
          if (length > MOST_PAGE_BYTES) throw new UserError(`a page of ${length} bytes (at most ${MOST_PAGE_BYTES} are unpacked)`);
          return decompress(input, length);
        },
  ]);
  return Object.fromEntries(entries) as Partial<Record<Name, Decompress>>;
}

function cellOf(value: unknown): number | string {
  if (typeof value === 'number' || typeof value === 'string') return value;
  return typeof value === 'bigint' ? Number(value) : NaN;
}

function bufferOf(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
