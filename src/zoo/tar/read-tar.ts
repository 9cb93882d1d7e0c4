import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { messageOf, UserError } from '../../foundation/errors';
import { openRegularFile } from '../../foundation/regular-file';
import { required } from '../../foundation/required';
import { printableLine } from '../../foundation/text';

/** A file of an archive. */
export interface TarEntry {
  readonly path: string;
  readonly bytes: number;
  readonly modified: Date | undefined;
  /** The file of the archive whose bytes it shares. */
  readonly sameAs: string | undefined;
}

/** Takes the bytes of one file as they are read. */
export interface TarSink {
  readonly write: (bytes: Uint8Array) => void;
  readonly end: () => void;
}

/** What an archive may hold. */
export interface TarRules {
  readonly hidden: boolean;
  /** Whether a file may share the bytes of one that comes before it. */
  readonly links: boolean;
  readonly mostEntries: number;
  readonly mostBytes: number;
}

const BLOCK = 512;
/** Files of one archive, and bytes in all, that no model comes near. */
export const USUAL_LIMITS = { mostEntries: 10_000, mostBytes: 64e9 } as const;
/** What unpacks to more than this must not do so from almost nothing. */
const UNSUSPICIOUS_BYTES = 100e6;
const MOST_RATIO = 200;
/** Writers fill their last record with zeros, of which the largest that any is told to make has a megabyte. */
const MOST_BEHIND_END = 2 ** 20;
/** Headers, long names and filling of one file, and of the archive itself. */
const MOST_BESIDE_FILE = 6 * BLOCK;
const MOST_BESIDE_ALL = 2 ** 18;
const MOST_NAME_BYTES = 2 * BLOCK;

/**
 * Goes through a `.tar.gz` once, and writes nothing itself. Refused are paths that are not contained, links, devices, files that come twice, and more than the
 * rules allow, as soon as they are met.
 * @param visit gets each file before its bytes, and returns what takes them; a UserError that it throws ends the reading.
 * @throws UserError that names the archive and the file in it.
 */
export async function readTar(file: string, rules: TarRules, visit: (entry: TarEntry) => TarSink | undefined): Promise<void> {
  const { descriptor, size: compressed } = openRegularFile(file);
  const reading = new TarReading(file, rules, visit);
  const mostBytes = Math.min(rules.mostBytes, Math.max(UNSUSPICIOUS_BYTES, compressed * MOST_RATIO));
  // Ending a pipeline early is an error of its own, which would hide why it was ended.
  let refusal: Error | undefined;
  try {
    await pipeline(createReadStream(file, { fd: descriptor }), createGunzip(), async (pieces: AsyncIterable<Buffer>) => {
      let total = 0;
      try {
        for await (const piece of pieces) {
          total += piece.length;
          if (total > mostBytes)
            throw new UserError(`${file}: it unpacks to more than ${mostBytes} bytes from ${compressed}; nothing was written`);
          reading.take(piece);
        }
        reading.finish();
      } catch (error) {
        refusal = error instanceof Error ? error : new Error(String(error));
        throw refusal;
      }
    });
  } catch (error) {
    const reason: unknown = refusal ?? error;
    if (reason instanceof UserError || !isArchiveFault(reason)) throw reason;
    throw new UserError(`${file}: it is damaged, or no .tar.gz (${messageOf(reason)}); get it anew`, { cause: reason });
  }
}

/** Faults of the compressed stream have codes of zlib's; those of the machine (a full disk) stay what they are. */
function isArchiveFault(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(Z_|ERR_|TAR_)/.test(String(error.code));
}

class TarReading {
  private readonly parser: Parser;
  private readonly paths = new PathSet();
  private readonly files = new Map<string, number>();
  private start: Buffer | undefined = Buffer.alloc(0);
  private failure: Error | undefined;
  private entries = 0;
  private open: string | undefined;
  private fed = 0;
  private fileBytes = 0;
  private nameBytes = 0;
  private ended = false;
  private behindEnd = 0;

  constructor(
    private readonly file: string,
    private readonly rules: TarRules,
    private readonly visit: (entry: TarEntry) => TarSink | undefined,
  ) {
    this.parser = new Parser({ strict: true });
    this.parser.on('entry', (entry: ReadEntry) => {
      this.guarded(() => {
        this.begin(entry);
      });
    });
    this.parser.on('ignoredEntry', (entry: ReadEntry) => {
      this.guarded(() => this.refuse(entry.path, 'it is of a kind that is not taken'));
    });
    this.parser.on('meta', (text: string) => {
      this.nameBytes += text.length;
    });
    this.parser.on('eof', () => {
      this.ended = true;
    });
    this.parser.on('error', (error: Error) => {
      this.failure ??= error;
    });
  }

  take(piece: Buffer): void {
    if (this.start === undefined) {
      this.feed(piece);
      return;
    }
    this.start = Buffer.concat([this.start, piece]);
    if (this.start.length < BLOCK) return;
    const { start } = this;
    this.start = undefined;
    // The parser would unpack what is compressed twice by itself, past all bounds.
    if (start.toString('latin1', 257, 262) !== 'ustar') throw new UserError(`${this.file}: it holds no tar archive`);
    this.feed(start);
  }

  finish(): void {
    if (this.start !== undefined) throw new UserError(`${this.file}: it holds no tar archive`);
    this.parser.end();
    this.throwFailure();
    if (this.open !== undefined) throw new UserError(`${this.file}: it ends in the middle of ${this.open}; get it anew`);
  }

  /** What comes behind the end is not looked at: for the parser, each block of zeros there is one more end. */
  private feed(piece: Buffer): void {
    if (this.ended) {
      this.behindEnd += piece.length;
      if (this.behindEnd > MOST_BEHIND_END)
        throw new UserError(`${this.file}: it goes on for more than ${MOST_BEHIND_END} bytes behind its end; nothing was written`);
      return;
    }
    this.parser.write(piece);
    this.throwFailure();
    this.fed += piece.length;
    const beside = this.fed - this.fileBytes;
    if (beside > MOST_BESIDE_ALL + MOST_BESIDE_FILE * this.entries || this.nameBytes > MOST_BESIDE_ALL + MOST_NAME_BYTES * this.entries)
      throw new UserError(`${this.file}: it holds far more between its files than any archive of ${this.entries}; nothing was written`);
  }

  private throwFailure(): void {
    const { failure } = this;
    if (failure === undefined) return;
    if (failure instanceof UserError || !('tarCode' in failure)) throw failure;
    throw new UserError(`${this.file}: it is damaged (${failure.message}); get it anew`, { cause: failure });
  }

  private guarded(action: () => void): void {
    if (this.failure !== undefined) return;
    try {
      action();
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error));
    }
  }

  private begin(entry: ReadEntry): void {
    const { path, size, type } = entry;
    this.entries++;
    if (this.entries > this.rules.mostEntries)
      throw new UserError(`${this.file}: it holds more than ${this.rules.mostEntries} files; nothing was written`);
    if (type === 'Directory') {
      this.refuseProblem(path, pathProblem(path.replace(/\/$/, ''), this.rules));
      entry.resume();
      return;
    }
    const isLink = type === 'Link' && this.rules.links;
    if (type !== 'File' && type !== 'OldFile' && !isLink) this.refuse(path, `it is a ${KINDS[type] ?? type}, no file`);
    this.refuseProblem(path, pathProblem(path, this.rules) ?? this.paths.add(path));
    if (!Number.isSafeInteger(size) || size < 0 || size > this.rules.mostBytes) this.refuse(path, 'its size is beyond all bounds');
    const sameAs = isLink ? this.linkedFile(entry) : undefined;
    const bytes = sameAs === undefined ? size : required(this.files.get(sameAs), `the size of ${sameAs}`);
    this.files.set(path, bytes);
    this.fileBytes += isLink ? 0 : size;
    this.pass(entry, this.visit({ path, bytes, modified: entry.mtime, sameAs }));
  }

  private pass(entry: ReadEntry, sink: TarSink | undefined): void {
    this.open = entry.path;
    entry.on('data', (bytes: Buffer) => {
      this.guarded(() => sink?.write(bytes));
    });
    entry.on('end', () => {
      this.open = undefined;
      this.guarded(() => sink?.end());
    });
  }

  private linkedFile({ path, linkpath, size }: ReadEntry): string {
    if (linkpath === undefined || size !== 0 || !this.files.has(linkpath))
      this.refuse(path, 'it is a link to what does not come before it');
    return linkpath;
  }

  private refuseProblem(path: string, problem: string | undefined): void {
    if (problem !== undefined) this.refuse(path, problem);
  }

  private refuse(path: string, problem: string): never {
    throw new UserError(`${this.file}: ${printableLine(JSON.stringify(path.slice(0, 200)))}: ${problem}; nothing was written`);
  }
}

const KINDS: Readonly<Record<string, string>> = {
  Link: 'link',
  SymbolicLink: 'symbolic link',
  CharacterDevice: 'device',
  BlockDevice: 'device',
  FIFO: 'pipe',
};

const LONGEST_PART = 160;
const LONGEST_PATH = 400;
const DEEPEST = 8;
/** Names that Windows keeps for devices, with whatever extension. */
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(\..*)?$/i;

/**
 * What keeps a path within an archive from being written safely on every system; undefined where nothing does. Paths have slashes and lead down from the
 * archive's top: nothing in them may climb out, hide, name a device or mean something else to another file system.
 * @param options.hidden whether names may start with a dot
 */
export function pathProblem(path: string, options: { readonly hidden: boolean }): string | undefined {
  if (path === '') return 'it has no name';
  if (Buffer.byteLength(path) > LONGEST_PATH) return `its path is longer than ${LONGEST_PATH} bytes`;
  if (path !== path.normalize('NFC')) return 'its name is not in the normal form of Unicode (NFC)';
  const parts = path.split('/');
  if (parts.length > DEEPEST) return `it lies more than ${DEEPEST} folders deep`;
  return parts.map((part) => partProblem(part, options.hidden)).find((problem) => problem !== undefined);
}

function partProblem(part: string, hidden: boolean): string | undefined {
  if (part === '') return 'its path is absolute, or has an empty part';
  if (part === '.' || part === '..') return 'its path leads out of its folder';
  if (Buffer.byteLength(part) > LONGEST_PART) return `a name in its path is longer than ${LONGEST_PART} bytes`;
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(part)) return 'its name has characters that do not show';
  if (/[\\:*?"<>|]/.test(part)) return 'its name has one of the characters \\ : * ? " < > |';
  if (/[. ]$/.test(part)) return 'its name ends in a dot or a space';
  if (/^[ -]/.test(part)) return 'its name begins with a space or a dash';
  if (RESERVED.test(part)) return 'its name is that of a device on Windows';
  if (/^\.git$/i.test(part)) return 'it is part of a git repository';
  return part.startsWith('.') && !hidden ? 'it is hidden' : undefined;
}

/** The paths of an archive, each once and none within another, whatever case a file system tells apart. */
export class PathSet {
  private readonly files = new Set<string>();
  private readonly folders = new Set<string>();

  /** Takes a file's path; returns why it cannot lie beside those that were taken, undefined where it can. */
  add(path: string): string | undefined {
    const key = path.toLowerCase();
    if (this.files.has(key)) return 'it comes twice, or another differs from it in case only';
    if (this.folders.has(key)) return 'it is a file and a folder';
    const parts = key.split('/');
    const above = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
    if (above.some((folder) => this.files.has(folder))) return 'it lies in what is a file';
    this.files.add(key);
    for (const folder of above) this.folders.add(folder);
    return undefined;
  }
}
