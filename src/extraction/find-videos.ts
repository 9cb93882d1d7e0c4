import { readdirSync, statSync, type Dirent } from 'node:fs';
import path from 'node:path';
import { VIDEO, withoutExtension } from '../data/clip-names';
import { readCsvTable } from '../data/csv-table';
import { DataError, type DataProblem } from '../data/data-error';
import { messageOf, UserError } from '../foundation/errors';
import { elementAt, required } from '../foundation/required';
import { listed, printableLine } from '../foundation/text';

/** A video of one sign, from which a clip is to be made. */
export interface Video {
  readonly file: string;
  /** How the user names it: its path within the folder, or as the table has it. */
  readonly source: string;
  /** The clip that is made of it: its file within `keypoints/`, without extension. */
  readonly name: string;
  readonly sign: string;
  readonly signer?: string;
  readonly split?: string;
}

/** The videos that were asked for. */
export interface Videos {
  readonly videos: readonly Video[];
  /** What a table says of the signs' categories; undefined where it says nothing. */
  readonly categories: ReadonlyMap<string, string> | undefined;
  /** Files that were passed over, for a note. */
  readonly others: number;
}

const DEEPEST = 8;

/**
 * Finds videos: in a folder that has one for each sign, or those that a table lists (`file,gloss`, and `category`, `signer`, `split` where it has them).
 * @throws UserError where there are none, or the table is wrong.
 */
export async function findVideos(place: string): Promise<Videos> {
  const found = isFile(place) ? await videosOfTable(place) : videosOfFolder(place);
  return { ...found, videos: withDistinctNames(found.videos) };
}

/** A video without the name that its clip is to have, but with what it is made of: the video's path within its sign's folder. */
type FoundVideo = Omit<Video, 'name'> & { readonly stem: string };

function isFile(place: string): boolean {
  const status = statSync(place, { throwIfNoEntry: false });
  if (status === undefined) throw new UserError(`--videos ${place}: there is no such folder or table`);
  return !status.isDirectory();
}

function videosOfFolder(folder: string): Omit<Videos, 'videos'> & { readonly videos: readonly FoundVideo[] } {
  const files = filesWithin(folder, '', 0);
  const found = files.filter((file) => VIDEO.test(file));
  const loose = found.filter((file) => !file.includes('/'));
  if (found.length === 0)
    throw new UserError(
      `--videos ${folder}: no video is in it; expected a folder for each sign with its videos (.mp4, .mov, .avi, .mkv, .webm and the like)`,
    );
  if (loose.length > 0)
    throw new UserError(
      `--videos ${folder}: ${listed(loose.map(printableLine), 3)} ${loose.length === 1 ? 'lies' : 'lie'} in no folder of a sign; expected ${path.join(folder, 'SIGN', elementAt(loose, 0))}, or a table: --videos FILES.csv with the columns file,gloss`,
    );
  const videos = found.map((source) => {
    const [sign = '', ...rest] = source.split('/');
    return { file: path.join(folder, source), source, sign: sign.normalize('NFC').trim(), stem: rest.join('/') };
  });
  return { videos, categories: undefined, others: files.length - found.length };
}

/** Paths within a folder, with `/` between folders, sorted; hidden ones are left out. */
function filesWithin(folder: string, name: string, depth: number): string[] {
  return entriesOf(path.join(folder, name))
    .filter((entry) => !entry.name.startsWith('.'))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((entry) => {
      const inner = path.posix.join(name, entry.name);
      const status = statSync(path.join(folder, inner), { throwIfNoEntry: false });
      if (status?.isDirectory() === true) return depth < DEEPEST ? filesWithin(folder, inner, depth + 1) : [];
      return status?.isFile() === true ? [inner] : [];
    });
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    throw new UserError(`${folder}: cannot be read as a folder (${messageOf(error)})`, { cause: error });
  }
}

async function videosOfTable(table: string): Promise<Omit<Videos, 'videos'> & { readonly videos: readonly FoundVideo[] }> {
  const { rows, columns, problems } = await readCsvTable(table, ['file', 'gloss']);
  if (problems.length > 0) throw new DataError(problems);
  const wrong: DataProblem[] = [];
  const categories = new Map<string, string>();
  const videos = rows.flatMap((row): FoundVideo[] => {
    const { line } = row;
    const text = (column: string): string | undefined => textIn(row.cell(column));
    const [source, sign, split] = [text('file'), text('gloss'), text('split')];
    const complain = (problem: string): void => void wrong.push({ file: table, problem: `line ${line}: ${problem}` });
    if (source === undefined || sign === undefined) {
      complain(`${source === undefined ? 'no file' : 'no gloss'} is named`);
      return [];
    }
    if (columns.includes('category')) {
      const category = text('category');
      const earlier = categories.get(sign);
      if (category === undefined) complain(`"${sign}" has no category`);
      else if (earlier !== undefined && earlier !== category)
        complain(`"${sign}" is of the category "${category}" here, and of "${earlier}" above`);
      else categories.set(sign, category);
    }
    const signer = text('signer');
    return [
      {
        file: path.resolve(path.dirname(table), source),
        source,
        sign,
        stem: path.basename(source),
        ...(signer === undefined ? {} : { signer }),
        ...(split === undefined ? {} : { split }),
      },
    ];
  });
  if (wrong.length > 0) throw new DataError(wrong);
  if (videos.length === 0)
    throw new UserError(`--videos ${table}: it lists no video; expected a line for each, with the columns file,gloss`);
  return { videos, categories: columns.includes('category') ? categories : undefined, others: 0 };
}

/** What a cell says, in one normal form: a Mac's file names have another. Undefined where it is empty. */
function textIn(cell: string | undefined): string | undefined {
  const text = (cell ?? '').normalize('NFC').trim();
  return text === '' ? undefined : text;
}

/**
 * Names each video's clip: the sign's folder and the video's name. Videos that would have one name keep their extensions, those of one name still are numbered; the
 * names of others do not change where a video is added.
 */
function withDistinctNames(found: readonly FoundVideo[]): Video[] {
  const plain = found.map(({ sign, stem }) => path.posix.join(asFileName(sign), ...stem.split('/').map(asFileName)));
  const count = countsOf(plain.map((name) => foldedName(withoutExtension(name))));
  const taken = new Set<string>();
  return found.map((video, place) => {
    const whole = elementAt(plain, place);
    const short = withoutExtension(whole);
    const wanted = required(count.get(foldedName(short)), 'the count of a name') === 1 ? short : whole.replace(/\.(?=[^.]*$)/, '_');
    let name = wanted;
    for (let number = 2; taken.has(foldedName(name)); number++) name = `${wanted}-${number}`;
    taken.add(foldedName(name));
    return { ...video, name };
  });
}

function countsOf(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** Names that a file system may take for one. */
function foldedName(name: string): string {
  return name.toLowerCase();
}

/** A text as the name of a file or folder on every system. */
function asFileName(text: string): string {
  const name = printableLine(text.normalize('NFC'))
    .replaceAll(/[\\/:*?"<>|\ufffd]/g, '_')
    .replace(/^\.+/, '_')
    .trim();
  return name === '' ? '_' : name;
}
