import { truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { FileError } from '../../src/data/data-error';
import { toFloat32 } from '../../src/data/npy';
import type { NpyArray } from '../../src/data/npy-array';
import { MAX_BYTES, openNpz, formatNpz } from '../../src/data/npz';
import { inTemporaryFolder } from '../support/clip-files';

const fixtures = path.join(__dirname, '../fixtures/npz');
const X: NpyArray = { dtype: 'float32', shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) };
const CENTRAL_ENTRY = 'PK\x01\x02';
/** Where a field of a central directory entry starts. */
const FIELD = { flags: 8, method: 10, crc: 16, packed: 20, unpacked: 24, localHeader: 42 } as const;

/** Writes a `.npz` whose bytes `damage` has changed, and opens it and reads X. */
function readDamaged(damage: (bytes: Buffer, centralEntry: number) => Buffer, compress = true): Promise<unknown> {
  return inTemporaryFolder(async (folder) => {
    const file = path.join(folder, 'clip.npz');
    const bytes = formatNpz({ X }, { compress });
    writeFileSync(file, damage(bytes, bytes.indexOf(CENTRAL_ENTRY, 0, 'latin1')));
    return (await openNpz(file)).read('X');
  });
}

describe('good files', () => {
  it('reads a stored .npz that NumPy wrote (with zip64 fields)', async () => {
    const npz = await openNpz(path.join(fixtures, 'stored.npz'));
    expect(npz.keys).toEqual(['X', 'meta']);
    expect(npz.has('mask')).toBe(false);
    expect(Array.from(toFloat32(await npz.read('X')))).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await npz.read('meta')).toEqual({ dtype: 'text', shape: [], values: ['{"a": 1}'] });
  });

  it.each([true, false])('reads what was written (deflated: %s), the same bytes each time', async (compress) => {
    await inTemporaryFolder(async (folder) => {
      const file = path.join(folder, 'clip.npz');
      const bytes = formatNpz({ X, empty: { dtype: 'float32', shape: [0], values: new Float32Array() } }, { compress });
      writeFileSync(file, bytes);
      const npz = await openNpz(file);
      expect(await npz.read('X')).toEqual(X);
      expect((await npz.read('empty')).shape).toEqual([0]);
      expect(bytes.equals(formatNpz({ X, empty: { dtype: 'float32', shape: [0], values: new Float32Array() } }, { compress }))).toBe(true);
    });
  });

  it('reads sizes from zip64 fields in the central directory', async () => {
    const array = await readDamaged((bytes, at) => {
      const zip64 = Buffer.alloc(20);
      zip64.writeUInt16LE(1, 0);
      zip64.writeUInt16LE(16, 2);
      zip64.writeBigUInt64LE(BigInt(bytes.readUInt32LE(at + FIELD.unpacked)), 4);
      zip64.writeBigUInt64LE(BigInt(bytes.readUInt32LE(at + FIELD.packed)), 12);
      bytes.writeUInt32LE(0xffffffff, at + FIELD.unpacked);
      bytes.writeUInt32LE(0xffffffff, at + FIELD.packed);
      bytes.writeUInt16LE(zip64.length, at + 30);
      const end = bytes.length - 22;
      bytes.writeUInt32LE(bytes.readUInt32LE(end + 12) + zip64.length, end + 12);
      return Buffer.concat([bytes.subarray(0, end), zip64, bytes.subarray(end)]);
    });
    expect(array).toEqual(X);
  });
});

describe('damaged and hostile files', () => {
  it.each<[string, (bytes: Buffer, at: number) => Buffer, RegExp]>([
    ['a wrong checksum', (bytes, at) => (bytes.writeUInt32LE(1, at + FIELD.crc), bytes), /damaged: .*CRC-32/],
    [
      'fewer bytes than declared',
      (bytes, at) => (bytes.writeUInt32LE(5000, at + FIELD.unpacked), bytes),
      /declares 5000 bytes and has 152/,
    ],
    ['more bytes than declared', (bytes, at) => (bytes.writeUInt32LE(100, at + FIELD.unpacked), bytes), /more than the 100 bytes/],
    [
      'a declared size beyond the bound',
      (bytes, at) => (bytes.writeUInt32LE(MAX_BYTES + 1, at + FIELD.unpacked), bytes),
      /at most \d+ are read/,
    ],
    ['a packed size beyond the file', (bytes, at) => (bytes.writeUInt32LE(99999, at + FIELD.packed), bytes), /overflows/],
    ['a place beyond the file', (bytes, at) => (bytes.writeUInt32LE(99999, at + FIELD.localHeader), bytes), /damaged/],
    ['an unknown compression', (bytes, at) => (bytes.writeUInt16LE(12, at + FIELD.method), bytes), /compression method 12 is not read/],
    ['an encrypted array', (bytes, at) => (bytes.writeUInt16LE(1, at + FIELD.flags), bytes), /encrypted/],
    ['no zip at all', () => Buffer.from('hello'), /it is no \.npz, which is a zip file of arrays: it begins with "hello"/],
    ['an empty file', () => Buffer.alloc(0), /it is no \.npz, which is a zip file of arrays: it is empty/],
    ['half a file', (bytes) => bytes.subarray(0, bytes.length / 2), /not a readable \.npz/],
    ['damaged packed bytes', (bytes) => (bytes.fill(0xff, 40, 60), bytes), /array "X" is damaged/],
  ])('refuses %s', async (_, damage, message) => {
    const reading = readDamaged(damage);
    await expect(reading).rejects.toThrow(FileError);
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toThrow(/clip\.npz: /);
  });

  it('refuses an array that is named twice', async () => {
    const twice = readDamaged(() => {
      const bytes = formatNpz({ X, Y: X });
      for (let at = bytes.indexOf('Y.npy'); at >= 0; at = bytes.indexOf('Y.npy')) bytes.write('X', at);
      return bytes;
    });
    await expect(twice).rejects.toThrow(/names the array "X" twice/);
  });

  it('names the arrays that are there when one is not', async () => {
    const npz = await openNpz(path.join(fixtures, 'stored.npz'));
    await expect(npz.read('X2048')).rejects.toThrow(/stored\.npz: no array "X2048"; the file holds: X, meta/);
  });

  it('refuses a missing file, a folder, and a file beyond the bound unread', async () => {
    await inTemporaryFolder(async (folder) => {
      await expect(openNpz(path.join(folder, 'nowhere.npz'))).rejects.toThrow(/nowhere\.npz: no such file/);
      await expect(openNpz(folder)).rejects.toThrow(FileError);
      const large = path.join(folder, 'large.npz');
      writeFileSync(large, '');
      truncateSync(large, MAX_BYTES + 1);
      await expect(openNpz(large)).rejects.toThrow(/at most \d+ are read/);
    });
  });
});
