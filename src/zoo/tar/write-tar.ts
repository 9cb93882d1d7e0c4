import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { Header, Pax } from 'tar';
import { UserError } from '../../foundation/errors';

/** A file to put into an archive. */
export interface TarSource {
  /** Within the archive, with slashes. */
  readonly path: string;
  /** Where its bytes are: a file, a text, or those of another file of the archive (a hard link). */
  readonly from: { readonly file: string } | { readonly text: string } | { readonly sameAs: string };
  /** The same for all where nothing should depend on when a file was written. */
  readonly modified: Date;
}

const BLOCK = 512;
/** More than this gains little on weights, and takes long. */
const LEVEL = 6;

/**
 * Writes a `.tar.gz` of files, in the order given. Who owns them, their modes and the machine are left out: equal files and dates make equal bytes.
 * @param to is a new file: what is there is an error.
 */
export async function writeTar(to: string, sources: readonly TarSource[]): Promise<void> {
  const gzip = createGzip({ level: LEVEL });
  await pipeline(Readable.from(blocksOf(sources)), gzip, withoutSystem, createWriteStream(to, { flags: 'wx', flush: true }));
}

async function* blocksOf(sources: readonly TarSource[]): AsyncGenerator<Buffer> {
  for (const { path, from, modified } of sources) {
    if ('sameAs' in from) {
      yield headerOf({ path, modified, size: 0, linkpath: from.sameAs });
    } else if ('text' in from) {
      const bytes = Buffer.from(from.text);
      yield headerOf({ path, modified, size: bytes.length });
      yield* padded(bytes.length, [bytes]);
    } else {
      const { size } = statSync(from.file);
      yield headerOf({ path, modified, size });
      yield* padded(size, size === 0 ? [] : createReadStream(from.file, { end: size - 1, highWaterMark: 1 << 18 }), from.file);
    }
  }
  yield Buffer.alloc(2 * BLOCK);
}

function headerOf(facts: { readonly path: string; readonly modified: Date; readonly size: number; readonly linkpath?: string }): Buffer {
  const { path, modified: mtime, size, linkpath } = facts;
  const fields = { path, mtime, size, mode: 0o644, ...(linkpath === undefined ? {} : { linkpath }) };
  const block = Buffer.alloc(BLOCK);
  const header = new Header({ ...fields, type: linkpath === undefined ? 'File' : 'Link' });
  header.encode(block);
  return header.needPax ? Buffer.concat([new Pax(fields).encode(), block]) : block;
}

async function* padded(size: number, pieces: Iterable<Buffer> | AsyncIterable<Buffer>, file = ''): AsyncGenerator<Buffer> {
  let read = 0;
  for await (const piece of pieces) {
    read += piece.length;
    yield piece;
  }
  if (read !== size) throw new UserError(`${file}: it became shorter while it was read; is a training at work on it?`);
  const rest = read % BLOCK;
  if (rest > 0) yield Buffer.alloc(BLOCK - rest);
}

/** Byte 9 of a gzip file names the system that it was written on: here always the unknown one. */
async function* withoutSystem(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const piece of pieces) {
    if (at <= 9 && 9 - at < piece.length) piece[9 - at] = 255;
    at += piece.length;
    yield piece;
  }
}
