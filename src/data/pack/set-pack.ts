import { closeSync, fstatSync, statSync } from 'node:fs';
import { beginsAsSafetensors, headerLength, LENGTH_SIZE, MalformedSafetensors, parseHeader } from '../../foundation/safetensors';
import { FileError } from '../data-error';
import { NO_SUCH_FILE } from '../file-reading';
import { openPackFile, packFileOf, readBytes, stampOf, type PackFile } from './pack-file';
import { indexOf, textsOf, withChecksums, type PackedFile, type PackedName } from './pack-index';
import { PACKED_ITEM_BYTES, verifiedBytes, type PackedClip } from './packed-clip';

/** Some 500,000 clips of four arrays. */
const MOST_TENSORS = 2_000_000;

/** An opened pack: its index in memory, its values on the disk. */
export class SetPack {
  private constructor(
    readonly packFile: PackFile,
    private readonly dataStart: number,
    private readonly files: ReadonlyMap<string, PackedFile>,
    private readonly folders: ReadonlyMap<string, ReadonlyMap<string, PackedName>>,
  ) {}

  /**
   * Reads and checks the index of a pack.
   * @throws FileError where the file is no pack, or contradicts itself.
   */
  static async open(file: string): Promise<SetPack> {
    const { descriptor, size } = openPackFile(file);
    try {
      const start = await readBytes(descriptor, 0, Math.min(size, LENGTH_SIZE + 1));
      if (!beginsAsSafetensors(start, size)) throw new FileError(file, `it is no safetensors file, which a pack of clips is; ${MAKE_ONE}`);
      const length = headerLength(start);
      const dataStart = LENGTH_SIZE + length;
      const header = Buffer.from((await readBytes(descriptor, LENGTH_SIZE, length)).buffer);
      const { tensors, metadata } = parseHeader(header, size - dataStart, PACKED_ITEM_BYTES, MOST_TENSORS);
      const texts = textsOf(metadata);
      if (texts === undefined)
        throw new FileError(file, `it is a safetensors file, but no pack of clips (are they weights of a model?); ${MAKE_ONE}`);
      const packed = await withChecksums(tensors, texts, (tensor) =>
        readBytes(descriptor, dataStart + tensor.begin, tensor.end - tensor.begin),
      );
      return new SetPack(packFileOf(file, stampOf(fstatSync(descriptor))), dataStart, ...indexOf(packed));
    } catch (error) {
      throw error instanceof MalformedSafetensors ? new FileError(file, error.message.replace(/\.$/, ''), { cause: error }) : error;
    } finally {
      closeSync(descriptor);
    }
  }

  /** What changes when the file is replaced or written into. */
  get stamp(): string {
    return this.packFile.stamp;
  }

  /** Its files, in their order. */
  get names(): string[] {
    return [...this.files.keys()];
  }

  kindOf(inner: string): 'folder' | 'file' | 'nothing' {
    return this.folders.has(inner) ? 'folder' : this.files.has(inner) ? 'file' : 'nothing';
  }

  /** What lies in one of its folders; undefined where there is no such folder. */
  namesIn(inner: string): readonly PackedName[] | undefined {
    const names = this.folders.get(inner);
    return names && [...names.values()];
  }

  /**
   * The bytes of a table.
   * @param shown what messages call it.
   * @throws FileError where there is none, it is larger than `mostBytes`, or damaged.
   */
  async readTable(inner: string, shown: string, mostBytes: number): Promise<Buffer> {
    const found = this.files.get(inner);
    if (found === undefined) throw new FileError(shown, NO_SUCH_FILE);
    if (found.kind !== 'table') throw new FileError(shown, 'it is a clip, packed as arrays; expected a table');
    const size = found.array.end - found.array.begin;
    if (size > mostBytes) throw new FileError(shown, `${size} bytes (at most ${mostBytes} are read); is this the right file?`);
    const { packFile, dataStart } = this;
    return Buffer.from(await verifiedBytes({ array: found.array, dataStart, packFile }, shown));
  }

  /** Where the arrays of a clip lie, whether it is there or not. */
  clip(inner: string): PackedClip {
    const { packFile, dataStart, files } = this;
    return { pack: packFile.file, stamp: packFile.stamp, dataStart, found: files.get(inner) };
  }
}

const MAKE_ONE = 'npm run data -- pack DIR makes one';

/** Packs that were opened, the newest last: opening reads their index, and clips are asked for one by one. */
const opening = new Map<string, { readonly stamp: string; readonly pack: Promise<SetPack> }>();
const MOST_OPEN = 4;

/** Packs that are held open, by their files. */
const held = new Map<string, SetPack>();

/**
 * Does work that reads many clips. Packs that places lead into are looked up and opened once for all of it, and closed behind it; one that is replaced meanwhile stays the one it was.
 * @param places of the clips, or folders of them.
 */
export async function whileHoldingPacks<Result>(places: readonly string[], work: () => Promise<Result>): Promise<Result> {
  const files = new Set(places.flatMap((place) => placeInPack(place)?.pack ?? []));
  const opened: SetPack[] = [];
  try {
    for (const file of files) {
      const pack = await openPack(file);
      pack.packFile.hold();
      opened.push(pack);
      held.set(file, pack);
    }
    return await work();
  } finally {
    for (const pack of opened) {
      const { packFile } = pack;
      packFile.release();
      if (!packFile.isHeld && held.get(packFile.file) === pack) held.delete(packFile.file);
    }
  }
}

/** {@link SetPack.open}, once for a file that stays as it is. */
export async function openPack(file: string): Promise<SetPack> {
  const open = held.get(file);
  if (open !== undefined) return open;
  const stamp = stampOf(statSync(file));
  const known = opening.get(file);
  if (known?.stamp === stamp) return known.pack;
  const pack = SetPack.open(file);
  opening.delete(file);
  opening.set(file, { stamp, pack });
  for (const other of [...opening.keys()].slice(0, -MOST_OPEN)) opening.delete(other);
  pack.catch(() => {
    if (opening.get(file)?.pack === pack) opening.delete(file);
  });
  return pack;
}

/**
 * The pack that a place leads into, and the place within it with `/` between folders, empty for the pack itself; undefined for any other place. Only a regular file whose
 * name ends as packs' names do is one.
 */
export function placeInPack(place: string): { readonly pack: string; readonly inner: string } | undefined {
  for (const { index, 0: ending } of place.matchAll(/\.safetensors(?=[\\/]|$)/gi)) {
    const pack = place.slice(0, index + ending.length);
    if (held.has(pack) || isFile(pack)) return { pack, inner: partsOf(place.slice(pack.length)).join('/') };
  }
  return undefined;
}

function partsOf(place: string): string[] {
  return place.split(/[\\/]+/).filter((part) => part !== '' && part !== '.');
}

function isFile(place: string): boolean {
  try {
    return statSync(place, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false; // Whoever reads it says why it cannot be read.
  }
}
