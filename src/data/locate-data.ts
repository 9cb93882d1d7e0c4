import { stat, readdir } from 'node:fs/promises';
import path from 'node:path';
import type { ClipFolders, DataPaths, DataSource } from '../config/data-settings';
import { messageOf } from '../foundation/errors';
import { required } from '../foundation/required';
import { nearestName } from '../foundation/text';
import { DataError, type DataProblem } from './data-error';
import { describeFolder } from './describe-folder';
import { isClipFile, NPY, NPZ, VIDEO, withoutExtension, type ClipLabel } from './labels';

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
  return { file: folder, problem: `${layout}${advice}. Found: ${found}` };
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
  const found = await Promise.all([own.folder, own.labels].map(kindOf));
  const hasOwn = validationShare === undefined || found.some((kind) => kind !== 'nothing');
  if (validationShare?.refuseOwn === true && hasOwn) {
    const problem = `it has validation clips of its own (${validationFolder}/, val_labels.csv), so no training clips validate; leave --val-share out`;
    throw new DataError([{ file: folder, problem }]);
  }
  return {
    title: folder,
    train: needTrain || !hasOwn ? split(trainFolder, 'train_labels.csv') : undefined,
    validation: hasOwn ? own : undefined,
    reference: (await kindOf(reference)) === 'nothing' ? undefined : reference,
  };
}

/** The layout whose clips of one split are there; the first where none is. */
async function layoutThere(folder: string, layout: ClipFolders, split: 'trainFolder' | 'validationFolder'): Promise<ClipFolders> {
  for (let next: ClipFolders | undefined = layout; next !== undefined; next = next.otherwise) {
    if ((await kindOf(path.join(folder, next[split]))) === 'folder') return next;
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
  const found = await kindOf(name);
  if (found === expected) return undefined;
  const problem = found === 'nothing' ? `no such ${expected}` : `expected a ${expected}, found ${found}`;
  return { file: name, problem: `${problem}; check the path` };
}

async function kindOf(name: string): Promise<string> {
  try {
    const status = await stat(name);
    return status.isDirectory() ? 'folder' : status.isFile() ? 'file' : 'something else';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'nothing' : `nothing readable (${messageOf(error)})`;
  }
}

/** One labelled clip that is to be read. */
export interface LocatedClip {
  readonly label: ClipLabel;
  /** Where it lies; of a clip of pictures that is a folder, with `.npz` behind the folder's name. */
  readonly file: string;
  /** The labels CSV that names it. */
  readonly labelsFile: string;
  /** True where the file's name differs from the label's in its letters' case. */
  readonly otherCase: boolean;
  /** Where there is no such clip: what may be meant instead. */
  readonly missing?: { readonly advice: string | undefined };
}

/** Missing clips that a near name is looked for, and names that are compared for each: comparing all with all takes too long. */
const MOST_COMPARED = { clips: 20, names: 2000 } as const;

/**
 * Finds the files of labelled clips in their folder.
 * @returns the clips, and what is wrong where two lines name one file.
 */
export async function locateClips(
  folder: string,
  labelsFile: string,
  labels: readonly ClipLabel[],
): Promise<{ clips: readonly LocatedClip[]; problems: readonly DataProblem[] }> {
  const names = new ClipFolder(folder);
  const clips: LocatedClip[] = [];
  const problems: DataProblem[] = [];
  const lineOfFile = new Map<string, ClipLabel>();
  for (const label of labels) {
    const found = await names.find(label.name);
    const file = found.kind === 'found' ? found.file : path.join(folder, `${label.name}.npz`);
    const earlier = found.kind === 'found' ? lineOfFile.get(file) : undefined;
    if (earlier !== undefined) {
      const both = `clip "${label.name}" and "${earlier.name}" of line ${earlier.line} are one file, ${path.basename(file)}`;
      problems.push({ file: labelsFile, problem: `line ${label.line}: ${both}; keep one of them` });
      continue;
    }
    lineOfFile.set(file, label);
    const several =
      found.kind === 'several' ? `${found.names.join(' and ')} are there: name the right one with all its letters` : undefined;
    clips.push({
      label,
      file,
      labelsFile,
      otherCase: found.kind === 'found' && found.otherCase,
      ...(found.kind === 'found' ? {} : { missing: { advice: several } }),
    });
  }
  return { clips: await withNearNames(clips, names), problems };
}

/** What is said of a clip that is not there. */
export function missingProblem({ label, labelsFile, missing }: LocatedClip): string {
  const named = `no such file, though ${path.basename(labelsFile)} names it (line ${label.line})`;
  return missing?.advice === undefined ? `${named}; add the clip or remove the line` : `${named}; ${missing.advice}`;
}

/** Names, for a clip that is not there, a file that no label names and whose name is near. */
async function withNearNames(clips: readonly LocatedClip[], folder: ClipFolder): Promise<LocatedClip[]> {
  const claimed = new Set(clips.map(({ file }) => file));
  let compared = 0;
  const advised: LocatedClip[] = [];
  for (const clip of clips) {
    let near: string | undefined;
    if (clip.missing?.advice === undefined && clip.missing !== undefined && compared < MOST_COMPARED.clips) {
      compared++;
      const free = (await besideOrAtRoot(folder, clip.label.name)).filter((file) => !claimed.has(file)).slice(0, MOST_COMPARED.names);
      const byClip = new Map(free.map((file) => [withoutExtension(path.basename(file)), path.basename(file)]));
      const nearest = nearestName(path.posix.basename(clip.label.name), byClip.keys());
      near = nearest === undefined ? undefined : byClip.get(nearest);
    }
    const advice =
      near === undefined ? undefined : `${near} is there, which no line names: correct the line, add the clip or remove the line`;
    advised.push(advice === undefined ? clip : { ...clip, missing: { advice } });
  }
  return advised;
}

/** What lies beside a clip; where its folder is not there, for labels may name the clips' own folder again, what lies at the root. */
async function besideOrAtRoot(folder: ClipFolder, name: string): Promise<readonly string[]> {
  const beside = await folder.beside(name);
  return beside.length > 0 ? beside : folder.beside(path.posix.basename(name));
}

/** What a folder holds for a clip's name. */
type FoundClip =
  | { readonly kind: 'found'; readonly file: string; readonly otherCase: boolean }
  | { readonly kind: 'several'; readonly names: readonly string[] }
  | { readonly kind: 'missing' };

/** A folder's names, by how they are looked for. */
interface Listing {
  readonly place: string;
  readonly byName: ReadonlyMap<string, readonly string[]>;
  readonly byCaselessName: ReadonlyMap<string, readonly string[]>;
  /** By the name of the clip, without `.npz` or `.npy` and a video's extension. */
  readonly byCaselessClip: ReadonlyMap<string, readonly string[]>;
}

/**
 * A folder of clips, and those within it, each read once when it is first asked for. Names are compared in Unicode's normal form C: one letter may be written as
 * one character or as two, and a Mac writes two.
 */
class ClipFolder {
  private readonly listings = new Map<string, Promise<Listing | undefined>>();

  constructor(private readonly root: string) {}

  /**
   * The file of a clip: `NAME.npz` or `NAME.npy`, or a folder of pictures `NAME` (told as `NAME.npz` too); else the one that bears a video's extension besides,
   * `NAME.mp4.npz`; else the one that differs in its letters' case alone.
   * @param name with `/` between folders, in normal form C, without extension.
   */
  async find(name: string): Promise<FoundClip> {
    const { listing, clip, otherCase } = await this.listingOf(name);
    if (listing === 'unreadable') return { kind: 'found', file: path.join(this.root, `${name}.npz`), otherCase: false };
    return listing === undefined ? { kind: 'missing' } : findIn(listing, clip, otherCase);
  }

  /** The files and folders that lie where a clip of that name would. */
  async beside(name: string): Promise<readonly string[]> {
    const { listing } = await this.listingOf(name);
    return typeof listing === 'object' ? [...listing.byName.values()].flat().map((file) => path.join(listing.place, file)) : [];
  }

  /** @returns no listing where a folder on the way is not there; a folder whose names cannot be read may still give its files. */
  private async listingOf(name: string): Promise<{ listing: Listing | 'unreadable' | undefined; clip: string; otherCase: boolean }> {
    const folders = name.split('/');
    const clip = required(folders.pop(), 'the name of a clip');
    let listing = await this.list(this.root);
    let otherCase = false;
    for (const folder of folders) {
      if (listing === undefined) break;
      const [same] = listing.byName.get(folder) ?? [];
      const [caseless, ...more] = listing.byCaselessName.get(folder.toLowerCase()) ?? [];
      const found: string | undefined = same ?? (more.length === 0 ? caseless : undefined);
      if (found === undefined) return { listing: undefined, clip, otherCase };
      otherCase ||= same === undefined;
      listing = await this.list(path.join(listing.place, found));
    }
    return { listing: listing ?? 'unreadable', clip, otherCase };
  }

  private list(place: string): Promise<Listing | undefined> {
    const known = this.listings.get(place) ?? readListing(place);
    this.listings.set(place, known);
    return known;
  }
}

async function readListing(place: string): Promise<Listing | undefined> {
  let names: string[];
  try {
    const entries = await readdir(place, { withFileTypes: true });
    // A video beside its clip is no clip.
    names = entries.filter((entry) => !entry.isFile() || isClipFile(entry.name)).map(({ name }) => name);
  } catch {
    return undefined;
  }
  const byName = new Map<string, string[]>();
  const byCaselessName = new Map<string, string[]>();
  const byCaselessClip = new Map<string, string[]>();
  for (const name of names) {
    const composed = name.normalize('NFC');
    addTo(byName, composed, name);
    addTo(byCaselessName, composed.toLowerCase(), name);
    addTo(byCaselessClip, clipOf(composed).toLowerCase(), name);
  }
  return { place, byName, byCaselessName, byCaselessClip };
}

function addTo(names: Map<string, string[]>, key: string, name: string): void {
  const group = names.get(key);
  if (group) group.push(name);
  else names.set(key, [name]);
}

function findIn(listing: Listing, clip: string, otherCase: boolean): FoundClip {
  const found = (name: string, isOtherCase: boolean): FoundClip => {
    const file = path.join(listing.place, isClipFile(name) ? name : `${name}.npz`);
    return { kind: 'found', file, otherCase: otherCase || isOtherCase };
  };
  const file = [`${clip}.npz`, `${clip}.npy`, clip].map((name) => listing.byName.get(name)?.[0]).find((name) => name !== undefined);
  if (file !== undefined) return found(file, false);
  const like = listing.byCaselessClip.get(clip.toLowerCase()) ?? [];
  const sameCase = like.filter((name) => clipOf(name.normalize('NFC')) === clip);
  const candidates = sameCase.length > 0 ? sameCase : like;
  const [only, ...more] = candidates;
  if (only === undefined) return { kind: 'missing' };
  return more.length === 0 ? found(only, sameCase.length === 0) : { kind: 'several', names: candidates.toSorted() };
}

/** The clip that a file is of: its name without `.npz`, and without the video's extension before that. */
function clipOf(name: string): string {
  return name.replace(NPZ, '').replace(NPY, '').replace(VIDEO, '');
}
