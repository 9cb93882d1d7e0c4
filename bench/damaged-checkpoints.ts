import fc from 'fast-check';
import { MemorySource, MalformedCheckpoint, namingFile } from '../src/checkpoint/bytes';
import { OPCODE } from '../src/checkpoint/pickle-instructions';
import { plainFromPython, type PythonValue } from '../src/checkpoint/python-values';
import { readTorchValue } from '../src/checkpoint/torch-file';
import { OpenCheckpoint } from '../src/checkpoint/training-checkpoint';
import { readZipDirectory, readZipEntry } from '../src/checkpoint/zip-read';
import { ZipWriter } from '../src/foundation/zip-write';
import { UserError } from '../src/foundation/errors';
import { optimizerForms } from '../src/engine/optimizers/table';

/**
 * Reads bytes as a checkpoint, all of it: weights, optimiser, settings.
 * @returns whether they were refused.
 * @throws Error for anything but a result or a clear error that names the file.
 */
export function readDamaged(bytes: Uint8Array): 'read' | 'refused' {
  try {
    namingFile('fuzz.pt', () => {
      const value = readTorchValue(new MemorySource(bytes));
      readWhole(value);
      plainFromPython(value);
    });
    return 'read';
  } catch (error) {
    if (error instanceof UserError && /^fuzz\.pt: [^\n]+$/.test(error.message)) return 'refused';
    throw error;
  }
}

/**
 * Reads a checkpoint's weights, settings and optimiser.
 * @throws MalformedCheckpoint also where the optimiser cannot be used.
 */
export function readWhole(value: PythonValue): void {
  const checkpoint = new OpenCheckpoint(value);
  const { model } = checkpoint.weights();
  const optimizer = checkpoint.optimizer({ forms: optimizerForms, parameters: [[...model.keys()]], model });
  if (optimizer?.usable === false) throw new MalformedCheckpoint(optimizer.reason);
}

/** A way to damage valid files: makes cases of a file. */
export interface Damage {
  readonly title: string;
  /** Cases of a valid file; undefined where it is of a form that cannot be damaged so. */
  readonly casesOf: (whole: Uint8Array) => fc.Arbitrary<Uint8Array> | undefined;
}

const share = fc.double({ min: 0, max: 1, noNaN: true });

/** Where and how bytes are damaged; places are shares of their length. */
const changes = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('bit' as const), at: share, bit: fc.nat(7) }),
    fc.record({ kind: fc.constant('byte' as const), at: share, byte: fc.nat(255) }),
    fc.record({ kind: fc.constant('cut' as const), at: share }),
    fc.record({ kind: fc.constant('copy' as const), at: share, from: share }),
    fc.record({ kind: fc.constant('insert' as const), at: share, bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }) }),
  ),
  { minLength: 1, maxLength: 4 },
);
type Change = (typeof changes extends fc.Arbitrary<infer Value> ? Value : never)[number];

/** The ways in which the tests and the bench damage files. */
export const damages: readonly Damage[] = [
  { title: 'anywhere', casesOf: (whole) => changes.map((list) => changed(whole, list)) },
  { title: 'in the directory at the end of a zip file', casesOf: directoryCases },
  { title: 'in a pickle whose checksum is right', casesOf: pickleCases },
  { title: 'with entries swapped, renamed, left out or doubled', casesOf: entryCases },
  { title: 'with a pickle of random instructions', casesOf: (whole) => (isZip(whole) ? randomPickles : undefined) },
  { title: 'in the header of a safetensors file whose length is right', casesOf: headerCases },
];

function directoryCases(whole: Uint8Array): fc.Arbitrary<Uint8Array> | undefined {
  const directory = Buffer.from(whole).indexOf(Buffer.from('PK\x01\x02', 'latin1'));
  if (!isZip(whole) || directory === -1) return undefined;
  return changes.map((list) => Buffer.concat([whole.subarray(0, directory), changed(whole.subarray(directory), list)]));
}

function pickleCases(whole: Uint8Array): fc.Arbitrary<Uint8Array> | undefined {
  if (!isZip(whole)) return undefined;
  const entries = entriesOf(whole);
  return changes.map((list) => zipOf(entries.map(([name, bytes]) => [name, name.endsWith('data.pkl') ? changed(bytes, list) : bytes])));
}

function entryCases(whole: Uint8Array): fc.Arbitrary<Uint8Array> | undefined {
  if (!isZip(whole)) return undefined;
  const entries = entriesOf(whole);
  const place = fc.nat(entries.length - 1);
  const edit = fc.record({ kind: fc.constantFrom('swap', 'rename', 'drop', 'double', 'escape'), first: place, second: place });
  return fc.array(edit, { minLength: 1, maxLength: 3 }).map((edits) => {
    const edited = [...entries];
    for (const { kind, first, second } of edits) {
      const [one, other] = [edited[first], edited[second]];
      if (one === undefined || other === undefined) continue;
      if (kind === 'swap') {
        edited[first] = [one[0], other[1]];
        edited[second] = [other[0], one[1]];
      } else if (kind === 'rename') edited[first] = [`${one[0]}x`, one[1]];
      else if (kind === 'drop') edited.splice(first, 1);
      else if (kind === 'double') edited.push(one);
      else edited[first] = [`../${one[0]}`, one[1]];
    }
    return zipOf(edited);
  });
}

const randomPickles = fc
  .array(fc.tuple(fc.constantFrom(...Object.values(OPCODE)), fc.uint8Array({ maxLength: 6 })), { maxLength: 60 })
  .map((instructions) => {
    const bytes = instructions.flatMap(([opcode, argument]) => [opcode, ...argument]);
    return zipOf([['m/data.pkl', Uint8Array.from([OPCODE.PROTO, 2, ...bytes, OPCODE.STOP])]]);
  });

function headerCases(whole: Uint8Array): fc.Arbitrary<Uint8Array> | undefined {
  if (isZip(whole) || whole[8] !== 0x7b) return undefined;
  const length = Number(Buffer.from(whole).readBigUInt64LE(0));
  return changes.map((list) => {
    const header = changed(whole.subarray(8, 8 + length), list);
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(header.length));
    return Buffer.concat([size, header, whole.subarray(8 + length)]);
  });
}

function changed(whole: Uint8Array, list: readonly Change[]): Uint8Array {
  let bytes = Buffer.from(whole);
  for (const change of list) {
    const at = Math.floor(change.at * Math.max(bytes.length - 1, 0));
    if (change.kind === 'cut') bytes = bytes.subarray(0, at);
    else if (change.kind === 'insert') bytes = Buffer.concat([bytes.subarray(0, at), change.bytes, bytes.subarray(at)]);
    else if (change.kind === 'copy') {
      const from = Math.floor(change.from * bytes.length);
      bytes.copy(bytes, at, from, from + 64);
    } else if (bytes.length > 0) bytes[at] = change.kind === 'bit' ? (bytes[at] ?? 0) ^ (1 << change.bit) : change.byte;
  }
  return bytes;
}

function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b;
}

type Entries = (readonly [name: string, bytes: Uint8Array])[];

function entriesOf(whole: Uint8Array): Entries {
  const source = new MemorySource(whole);
  return [...readZipDirectory(source).values()].map((entry) => [entry.name, readZipEntry(source, entry)] as const);
}

/** A zip file of stored entries with right checksums. */
export function zipOf(entries: Readonly<Entries>): Uint8Array {
  const parts: Uint8Array[] = [];
  const zip = new ZipWriter((bytes) => {
    parts.push(bytes);
  });
  for (const [name, bytes] of entries) zip.add(name, bytes);
  zip.finish();
  return Buffer.concat(parts);
}
