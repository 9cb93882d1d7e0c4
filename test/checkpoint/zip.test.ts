import { describe, expect, it } from '@jest/globals';
import { MemorySource, type ByteSource } from '../../src/checkpoint/bytes';
import { readZipDirectory, readZipEntry } from '../../src/checkpoint/zip-read';
import { DATA_ALIGNMENT } from '../../src/foundation/zip-format';
import { ZipWriter } from '../../src/foundation/zip-write';

describe('a zip file of stored entries', () => {
  const content: readonly [string, Uint8Array][] = [
    ['model/data.pkl', Buffer.from('pickle')],
    ['model/data/0', new Uint8Array(1000).fill(7)],
    ['model/empty', new Uint8Array(0)],
    ['model/Ñandú', Buffer.from('é')],
  ];

  it('reads back as it was written', () => {
    const source = new MemorySource(zipOf(content));
    const entries = readZipDirectory(source);
    expect([...entries.keys()]).toEqual(content.map(([name]) => name));
    for (const [name, data] of content) expect(readZipEntry(source, entryOf(source, name))).toEqual(new Uint8Array(data));
  });

  it('begins the data of every entry at a multiple of 64 bytes, padded with an FB field and without compression', () => {
    const bytes = zipOf(content);
    for (const [name, data] of content) {
      const { position } = entryOf(new MemorySource(bytes), name);
      expect(position % DATA_ALIGNMENT).toBe(0);
      const header = bytes.lastIndexOf(Buffer.from('PK\x03\x04', 'latin1'), position - 1);
      expect(bytes.readUInt16LE(header + 8)).toBe(0);
      expect(bytes.readUInt32LE(header + 18)).toBe(data.length);
      const extra = header + 30 + bytes.readUInt16LE(header + 26);
      expect(bytes.toString('latin1', extra, extra + 2)).toBe('FB');
      expect(extra + 4 + bytes.readUInt16LE(extra + 2)).toBe(position);
    }
  });

  it('has no zip64 records while none is needed', () => {
    expect(zipOf(content).includes(Buffer.from('PK\x06\x06', 'latin1'))).toBe(false);
  });

  it('goes on beyond 65,535 entries', () => {
    const names = Array.from({ length: 66_000 }, (_, index) => `a/${index}`);
    const source = new MemorySource(zipOf(names.map((name) => [name, new Uint8Array(0)])));
    expect(readZipDirectory(source).size).toBe(names.length);
  });

  it('goes on beyond 4 GiB', () => {
    const sparse = new SparseFile();
    const zip = new ZipWriter((bytes) => {
      sparse.append(bytes);
    });
    const zeros = new Uint8Array(2 ** 28);
    for (let index = 0; index < 17; index++) zip.add(`a/${index}`, zeros);
    zip.add('a/last', Buffer.from('end'));
    zip.finish();
    const last = entryOf(sparse, 'a/last');
    expect(last.position).toBeGreaterThan(2 ** 32);
    expect(Buffer.from(readZipEntry(sparse, last)).toString()).toBe('end');
  });
});

describe('a zip file that is damaged or hostile', () => {
  it.each([
    ['a changed byte', (bytes: Buffer) => bytes.write('X', bytes.indexOf('first data')), /"a\/one" is damaged: its checksum/],
    ['an end that is cut off', (bytes: Buffer) => bytes.fill(0, bytes.length - 22), /it is cut off/],
    [
      'a size beyond the file',
      (bytes: Buffer) => {
        setSizes(bytes, 1_000_000);
      },
      /overlaps|points at bytes/,
    ],
    [
      'a size that reaches into the next entry',
      (bytes: Buffer) => {
        setSizes(bytes, 100);
      },
      /"a\/one" overlaps "a\/two"/,
    ],
    ['two sizes that differ', (bytes: Buffer) => bytes.writeUInt32LE(3, directoryAt(bytes) + 24), /its sizes are forged/],
    ['a compressed entry', (bytes: Buffer) => bytes.writeUInt16LE(8, directoryAt(bytes) + 10), /"a\/one" is compressed/],
    ['an encrypted entry', (bytes: Buffer) => bytes.writeUInt16LE(1, directoryAt(bytes) + 8), /"a\/one" is encrypted/],
    [
      'an entry at another place',
      (bytes: Buffer) => bytes.writeUInt32LE(5, directoryAt(bytes) + 42),
      /is not where the zip directory says/,
    ],
    ['a count beyond the directory', (bytes: Buffer) => bytes.writeUInt16LE(3, bytes.length - 12), /claims 3 entries|fewer entries/],
    ['another name in its own header', (bytes: Buffer) => bytes.write('x', 30), /another name in its own header/],
  ])('is refused for %s', (_what, damage, message) => {
    const bytes = zipOf([
      ['a/one', Buffer.from('first data')],
      ['a/two', Buffer.from('second data')],
    ]);
    damage(bytes);
    expect(() => {
      readAll(bytes);
    }).toThrow(message);
  });

  it.each(['../escape', '/absolute', 'a//b', 'a/./b', 'a\\b', 'a\0b', ''])('is refused for the entry name %j', (name) => {
    expect(() => {
      readAll(zipOf([[name, Buffer.from('x')]]));
    }).toThrow(/unusable name/);
  });

  it('is refused for a name that comes twice', () => {
    const twice = zipOf([
      ['a/one', Buffer.from('x')],
      ['a/one', Buffer.from('y')],
    ]);
    expect(() => {
      readAll(twice);
    }).toThrow('the zip holds "a/one" twice.');
  });
});

function zipOf(content: readonly (readonly [string, Uint8Array])[]): Buffer {
  const parts: Uint8Array[] = [];
  const zip = new ZipWriter((bytes) => {
    parts.push(bytes);
  });
  for (const [name, data] of content) zip.add(name, data);
  zip.finish();
  return Buffer.concat(parts);
}

function readAll(bytes: Buffer): void {
  const source = new MemorySource(bytes);
  for (const entry of readZipDirectory(source).values()) readZipEntry(source, entry);
}

function entryOf(source: ByteSource, name: string): Parameters<typeof readZipEntry>[1] {
  const entry = readZipDirectory(source).get(name);
  if (!entry) throw new Error(`no entry ${name}`);
  return entry;
}

function directoryAt(bytes: Buffer): number {
  return bytes.indexOf(Buffer.from('PK\x01\x02', 'latin1'));
}

function setSizes(bytes: Buffer, size: number): void {
  bytes.writeUInt32LE(size, directoryAt(bytes) + 20);
  bytes.writeUInt32LE(size, directoryAt(bytes) + 24);
}

/** A file whose large blocks are zeros that are not kept. */
class SparseFile implements ByteSource {
  size = 0;
  private readonly blocks: { readonly at: number; readonly bytes: Uint8Array }[] = [];

  append(bytes: Uint8Array): void {
    if (bytes.length < 2 ** 20) this.blocks.push({ at: this.size, bytes: new Uint8Array(bytes) });
    this.size += bytes.length;
  }

  read(position: number, length: number): Uint8Array<ArrayBuffer> {
    const result = new Uint8Array(length);
    for (const { at, bytes } of this.blocks) {
      const start = Math.max(at, position);
      const end = Math.min(at + bytes.length, position + length);
      if (start < end) result.set(bytes.subarray(start - at, end - at), start - position);
    }
    return result;
  }
}
