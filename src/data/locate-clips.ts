import path from 'node:path';
import { required } from '../foundation/required';
import { nearestName } from '../foundation/text';
import { type DataProblem } from './data-error';
import { isClipFile, NPY, NPZ, VIDEO, withoutExtension } from './clip-names';
import type { ClipLabel } from './labels';
import { namesIn } from './places';

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
    if (found.kind === 'found') clips.push({ label, file, labelsFile, otherCase: found.otherCase });
    else clips.push({ label, file, labelsFile, otherCase: false, missing: { advice: several } });
  }
  return { clips: await withNearNames(clips, names), problems };
}

/** What is said of a clip that is not there. */
export function missingProblem({ label, labelsFile, missing }: LocatedClip): string {
  const named = `no such file, though ${path.basename(labelsFile)} names it (line ${label.line})`;
  return missing?.advice === undefined ? `${named}; add the clip or remove the line` : `${named}; ${missing.advice}`;
}

/** Names, for a clip that is not there, a file that no label names and whose name is near. */
async function withNearNames(clips: readonly LocatedClip[], folder: ClipFolder): Promise<readonly LocatedClip[]> {
  if (clips.every(({ missing }) => missing === undefined)) return clips;
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
class Listing {
  private readonly byName = new Map<string, string>();
  private caseless:
    { readonly names: ReadonlyMap<string, readonly string[]>; readonly clips: ReadonlyMap<string, readonly string[]> } | undefined;
  private readonly start: string;

  /** @param names of its folders and clips; a video beside its clip is no clip. */
  constructor(
    place: string,
    readonly names: readonly string[],
  ) {
    this.start = path.join(place, '_').slice(0, -1);
    for (const name of names) {
      const composed = name.normalize('NFC');
      if (!this.byName.has(composed)) this.byName.set(composed, name);
    }
  }

  /** Where a name of it lies. */
  at(name: string): string {
    return this.start + name;
  }

  /** The name that is the same, in normal form C. */
  same(name: string): string | undefined {
    return this.byName.get(name);
  }

  /** The names that differ in their letters' case at most. */
  caselessNames(name: string): readonly string[] {
    return this.withoutCase().names.get(name.toLowerCase()) ?? [];
  }

  /** The files of a clip that differ in their letters' case, and by a video's extension before `.npz` or `.npy`, at most. */
  caselessClips(clip: string): readonly string[] {
    return this.withoutCase().clips.get(clip.toLowerCase()) ?? [];
  }

  /** Only asked for where a name is not there as it is. */
  private withoutCase(): NonNullable<Listing['caseless']> {
    if (this.caseless !== undefined) return this.caseless;
    const names = new Map<string, string[]>();
    const clips = new Map<string, string[]>();
    for (const name of this.names) {
      const composed = name.normalize('NFC');
      addTo(names, composed.toLowerCase(), name);
      addTo(clips, clipOf(composed).toLowerCase(), name);
    }
    return (this.caseless = { names, clips });
  }
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
    return typeof listing === 'object' ? listing.names.map((file) => listing.at(file)) : [];
  }

  /** @returns no listing where a folder on the way is not there; a folder whose names cannot be read may still give its files. */
  private async listingOf(name: string): Promise<{ listing: Listing | 'unreadable' | undefined; clip: string; otherCase: boolean }> {
    const folders = name.split('/');
    const clip = required(folders.pop(), 'the name of a clip');
    let listing = await this.list(this.root);
    let otherCase = false;
    for (const folder of folders) {
      if (listing === undefined) break;
      const same = listing.same(folder);
      const caseless = same === undefined ? listing.caselessNames(folder) : [];
      const found = same ?? (caseless.length === 1 ? caseless[0] : undefined);
      if (found === undefined) return { listing: undefined, clip, otherCase };
      otherCase ||= same === undefined;
      listing = await this.list(listing.at(found));
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
  try {
    const entries = await namesIn(place);
    return new Listing(
      place,
      entries.filter((entry) => !entry.isFile() || isClipFile(entry.name)).map(({ name }) => name),
    );
  } catch {
    return undefined;
  }
}

function addTo(names: Map<string, string[]>, key: string, name: string): void {
  const group = names.get(key);
  if (group) group.push(name);
  else names.set(key, [name]);
}

function findIn(listing: Listing, clip: string, otherCase: boolean): FoundClip {
  const found = (name: string, isOtherCase: boolean): FoundClip => {
    return { kind: 'found', file: listing.at(isClipFile(name) ? name : `${name}.npz`), otherCase: otherCase || isOtherCase };
  };
  const file = listing.same(`${clip}.npz`) ?? listing.same(`${clip}.npy`) ?? listing.same(clip);
  if (file !== undefined) return found(file, false);
  const like = listing.caselessClips(clip);
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
