import { closeSync, fstatSync, read, type Stats } from 'node:fs';
import { promisify } from 'node:util';
import { UserError } from '../../foundation/errors';
import { openRegularFile, type OpenFile } from '../../foundation/regular-file';
import { required } from '../../foundation/required';
import { MalformedSafetensors } from '../../foundation/safetensors';
import { FileError } from '../data-error';

const readAt = promisify(read);

/** A part of the file that is read at once. */
interface Piece {
  readonly begin: number;
  readonly end: number;
  readonly bytes: Promise<Uint8Array<ArrayBuffer>>;
}

const PIECE = 1024 * 1024;
/** What is longer is read by itself. */
const LONGEST_OF_PIECE = PIECE / 8;
/** As far behind what was asked for before, it is asked for in order. */
const NEAR = 64 * 1024;
/** Arrays of four kinds lie in places of their own, and some clips are read at once. */
const MOST_PIECES = 8;
const REMEMBERED = 32;
/** Items of any type lie at a multiple of this many bytes within a piece. */
const ALIGNMENT = 8;

/**
 * The bytes of a pack. While somebody holds it open, the file stays the one that it was, even where another takes its name; and what is asked for in order is read
 * a megabyte at a time.
 */
export class PackFile {
  private descriptor: number | undefined;
  private size = 0;
  private holders = 0;
  private pieces: Piece[] = [];
  private ends: number[] = [];

  /** @param stamp from {@link stampOf}, when its index was read: the file is refused where it is another by now. */
  constructor(
    readonly file: string,
    readonly stamp: string,
  ) {}

  get isHeld(): boolean {
    return this.holders > 0;
  }

  /** Keeps the file open until {@link release}. @throws FileError where it cannot be opened, or is another file by now. */
  hold(): void {
    if (this.descriptor === undefined) ({ descriptor: this.descriptor, size: this.size } = openPackFile(this.file));
    this.holders++;
  }

  release(): void {
    this.holders--;
    if (this.holders > 0 || this.descriptor === undefined) return;
    closeSync(this.descriptor);
    this.descriptor = undefined;
    this.pieces = [];
    this.ends = [];
  }

  /**
   * Bytes that nobody may change: others may be given the same.
   * @throws FileError where the file was changed since its index was read; MalformedSafetensors where it ends before.
   */
  async bytesAt(begin: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    this.hold();
    try {
      const piece = this.pieceOf(begin, end);
      return piece === undefined ? await this.readNow(begin, end) : (await piece.bytes).subarray(begin - piece.begin, end - piece.begin);
    } finally {
      this.release();
    }
  }

  /** The piece that holds a place, read from now on where the place follows what was asked for before. */
  private pieceOf(begin: number, end: number): Piece | undefined {
    const known = this.pieces.find((piece) => piece.begin <= begin && end <= piece.end);
    if (known !== undefined || end - begin > LONGEST_OF_PIECE) return known;
    const follows = this.ends.findIndex((before) => before <= begin && begin - before < NEAR);
    if (follows === -1) {
      this.ends = [...this.ends.slice(1 - REMEMBERED), end];
      return undefined;
    }
    const from = begin - (begin % ALIGNMENT);
    const to = Math.min(from + PIECE, this.size);
    if (to < end) return undefined;
    this.ends[follows] = to;
    const piece = { begin: from, end: to, bytes: this.readNow(from, to) };
    piece.bytes.catch(() => undefined); // Whoever waits for it sees its error.
    this.pieces = [...this.pieces.slice(1 - MOST_PIECES), piece];
    return piece;
  }

  private async readNow(begin: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    this.hold();
    try {
      const descriptor = required(this.descriptor, 'the file of a pack that is held open');
      if (stampOf(fstatSync(descriptor)) !== this.stamp)
        throw new FileError(this.file, 'it was replaced or changed while it was in use; leave the data alone, and begin again');
      return await readBytes(descriptor, begin, end - begin);
    } finally {
      this.release();
    }
  }
}

const packFiles = new Map<string, PackFile>();
let areKeptOpen = false;

/** From now on a pack that was read from stays open: for threads, which end with what they read. */
export function keepPacksOpen(): void {
  areKeptOpen = true;
}

/** The file of a pack as it was when its index was read: the same for all that read clips of it. */
export function packFileOf(file: string, stamp: string): PackFile {
  const known = packFiles.get(file);
  if (known?.stamp === stamp) return known;
  const packFile = new PackFile(file, stamp);
  if (areKeptOpen) {
    packFile.hold();
    known?.release();
  }
  packFiles.set(file, packFile);
  return packFile;
}

/** What changes when a file is replaced or written into. */
export function stampOf({ dev, ino, size, mtimeMs }: Stats): string {
  return [dev, ino, size, mtimeMs].join(' ');
}

/** @throws FileError where there is no such file, or it cannot be read. */
export function openPackFile(file: string): OpenFile {
  try {
    return openRegularFile(file);
  } catch (error) {
    if (!(error instanceof UserError) || !error.message.startsWith(`${file}: `)) throw error;
    throw new FileError(file, error.message.slice(`${file}: `.length), { cause: error });
  }
}

/** @throws MalformedSafetensors where the file ends before. */
export async function readBytes(descriptor: number, position: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  // All of it is read, or it is refused: nobody sees what was in that memory before.
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
  for (let filled = 0; filled < length;) {
    const { bytesRead } = await readAt(descriptor, bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) throw new MalformedSafetensors('it became shorter while it was being read');
    filled += bytesRead;
  }
  return bytes;
}
