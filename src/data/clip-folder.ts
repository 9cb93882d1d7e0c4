import { readdir } from 'node:fs/promises';
import path from 'node:path';

/** What a folder holds for a clip's name. */
export type FoundClip =
  | { readonly kind: 'found'; readonly file: string; readonly otherCase: boolean }
  | { readonly kind: 'several'; readonly names: readonly string[] }
  | { readonly kind: 'missing' };

const NPZ = /\.npz$/i;
const VIDEO = /\.(mp4|mov|avi|mkv|webm|m4v|mpg|mpeg)$/i;

/** A clip's name without what the file of a clip or of a video ends in. */
export function withoutExtension(name: string): string {
  return NPZ.test(name) ? name.replace(NPZ, '') : name.replace(VIDEO, '');
}

/** A folder's names, by how they are looked for. */
interface Listing {
  readonly place: string;
  readonly byName: ReadonlyMap<string, readonly string[]>;
  readonly byCaselessName: ReadonlyMap<string, readonly string[]>;
  /** By the name of the clip, without `.npz` and a video's extension. */
  readonly byCaselessClip: ReadonlyMap<string, readonly string[]>;
}

/**
 * A folder of clips, and those within it, each read once when it is first asked for. Names are compared in Unicode's normal form C: one letter may be written as
 * one character or as two, and a Mac writes two.
 */
export class ClipFolder {
  private readonly listings = new Map<string, Promise<Listing | undefined>>();

  constructor(private readonly root: string) {}

  /**
   * The file of a clip: `NAME.npz`, or a folder of pictures `NAME` (told as `NAME.npz` too); else the one that bears a video's extension besides,
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
    const clip = folders.pop() ?? '';
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
    names = entries.filter((entry) => !entry.isFile() || NPZ.test(entry.name)).map(({ name }) => name);
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
    const file = path.join(listing.place, NPZ.test(name) ? name : `${name}.npz`);
    return { kind: 'found', file, otherCase: otherCase || isOtherCase };
  };
  const file = listing.byName.get(`${clip}.npz`)?.[0] ?? listing.byName.get(clip)?.[0];
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
  return name.replace(NPZ, '').replace(VIDEO, '');
}
