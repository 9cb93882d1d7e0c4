import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MemorySource } from '../../src/checkpoint/byte-source';
import { namingFile } from '../../src/checkpoint/malformed-checkpoint';
import { readTorchValue } from '../../src/checkpoint/torch-file';
import { weightsFromPython } from '../../src/checkpoint/training-checkpoint';
import { readZipDirectory, readZipEntry } from '../../src/checkpoint/zip-read';
import { StoredZipWriter } from '../../src/checkpoint/zip-write';
import { UserError } from '../../src/foundation/errors';

const fixture = (name: string): Buffer => readFileSync(path.resolve(__dirname, `../fixtures/torch/${name}.pt`));

/** Where and how a file is damaged; places are shares of its length. */
const damage = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('bit' as const), at: fc.double({ min: 0, max: 1, noNaN: true }), bit: fc.nat(7) }),
    fc.record({ kind: fc.constant('byte' as const), at: fc.double({ min: 0, max: 1, noNaN: true }), byte: fc.nat(255) }),
    fc.record({ kind: fc.constant('cut' as const), at: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({
      kind: fc.constant('copy' as const),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      from: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  ),
  { minLength: 1, maxLength: 4 },
);
type Damage = typeof damage extends fc.Arbitrary<infer Value> ? Value : never;

describe('a damaged file gives a result or one clear error, never anything else', () => {
  it.each<[string, number]>([
    ['tiny_half', 400],
    ['tiny_full_legacy_nonzip', 300],
    ['every_dtype', 800],
  ])('anywhere in %s', (name, runs) => {
    const whole = fixture(name);
    fc.assert(
      fc.property(damage, (changes) => {
        expectResultOrUserError(damaged(whole, changes));
      }),
      { numRuns: runs, seed: 7 },
    );
  });

  it('in the directory at the end of a zip file', () => {
    const whole = fixture('every_dtype');
    const directory = whole.indexOf(Buffer.from('PK\x01\x02', 'latin1'));
    fc.assert(
      fc.property(damage, (changes) => {
        expectResultOrUserError(Buffer.concat([whole.subarray(0, directory), damaged(whole.subarray(directory), changes)]));
      }),
      { numRuns: 800, seed: 8 },
    );
  });

  it('in a pickle whose checksum is right', () => {
    const source = new MemorySource(fixture('every_dtype'));
    const entries = [...readZipDirectory(source).values()].map((entry) => [entry.name, readZipEntry(source, entry)] as const);
    fc.assert(
      fc.property(damage, (changes) => {
        const parts: Uint8Array[] = [];
        const zip = new StoredZipWriter((bytes) => {
          parts.push(bytes);
        });
        for (const [name, bytes] of entries) zip.add(name, name.endsWith('data.pkl') ? damaged(Buffer.from(bytes), changes) : bytes);
        zip.finish();
        expectResultOrUserError(Buffer.concat(parts));
      }),
      { numRuns: 1500, seed: 9 },
    );
  });
});

function expectResultOrUserError(bytes: Uint8Array): void {
  try {
    namingFile('fuzz.pt', () => weightsFromPython(readTorchValue(new MemorySource(bytes))));
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toMatch(/^fuzz\.pt: .+/);
  }
}

function damaged(whole: Uint8Array, changes: Damage): Buffer {
  let bytes = Buffer.from(whole);
  for (const change of changes) {
    const at = Math.floor(change.at * Math.max(bytes.length - 1, 0));
    if (change.kind === 'cut') bytes = bytes.subarray(0, at);
    else if (change.kind === 'copy')
      bytes.copy(bytes, at, Math.floor(change.from * bytes.length), Math.floor(change.from * bytes.length) + 64);
    else if (bytes.length > 0) bytes[at] = change.kind === 'bit' ? (bytes[at] ?? 0) ^ (1 << change.bit) : change.byte;
  }
  return bytes;
}
