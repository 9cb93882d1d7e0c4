import { describe, expect, it } from '@jest/globals';
import { readWhole, zipOf } from '../../bench/damaged-checkpoints';
import { MemorySource } from '../../src/checkpoint/bytes';
import { plainFromPython } from '../../src/checkpoint/python-values';
import { readTorchFile, readTorchValue } from '../../src/checkpoint/torch-file';
import { itWithShared } from '../support/shared';

/** Reads a pickle as a checkpoint, all of it. */
function read(...parts: readonly string[]): void {
  const pickle = Buffer.from(`\x80\x02${parts.join('')}.`, 'latin1');
  const bytes = zipOf([
    ['m/data.pkl', pickle],
    ['m/data/0', new Uint8Array(4)],
  ]);
  const value = readTorchValue(new MemorySource(bytes));
  readWhole(value);
  plainFromPython(value);
}

const text = (value: string): string => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(value.length);
  return `X${length.toString('latin1')}${value}`;
};
const uint32 = (value: number): string => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes.toString('latin1');
};
/** A float32 tensor that repeats the one value of storage 0. */
const repeated = (count: number): string =>
  `ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x01tQK\0J${uint32(count)}\x85K\0\x85\x89NtR`;
const model = `${text('model')}}(${text('w')}${repeated(1)}u`;
const many = 50_000;

describe('a few bytes that stand for much are refused', () => {
  it('a list of one long tuple again and again, as the pairs of an OrderedDict', () => {
    const pickle = `(${'N'.repeat(many)}tq\0` + `0ccollections\nOrderedDict\n](${'h\0'.repeat(many)}e\x85R`;
    expect(() => {
      read(pickle);
    }).toThrow('an OrderedDict with an item that is no pair');
  });

  it('one long shape for any number of numpy arrays', () => {
    const state = `(${'K\x01'.repeat(many)}tq\x000cnumpy\ndtype\n(${text('f8')}K\0K\x01tRq\x010K\x01h\0h\x01\x87q\x020`;
    expect(() => {
      read(`${state}cnumpy.core.multiarray\n_reconstruct\n)R${'h\x02b'.repeat(many)}`);
    }).toThrow(`a numpy array of ${many} dimensions`);
  });

  it('a tensor of more dimensions than any has', () => {
    const ones = `(${'K\x01'.repeat(65)}t`;
    expect(() => {
      read(`}(${text('model')}}(${text('w')}${repeated(1).replace(`J${uint32(1)}\x85K\0\x85`, `${ones}${ones}`)}uu`);
    }).toThrow('a tensor of 65 dimensions');
  });

  it.each([
    ['whole numbers of the same lowest 64 bits', 50, (key: number) => `\x8a\x0d\x01\0\0\0\0\0\0\0${uint32(key)}\x01`],
    ['whole numbers of 64 bits', 4000, (key: number) => `\x8a\x07${uint32(key)}\0\0\x01`],
    ['numbers with a fraction', 4000, (key: number) => `G\x3f\xf8\0\0${uint32(key)}`],
  ])('a dict under %s, which a Map takes for neighbours', (_what, most, keyOf) => {
    const items = Array.from({ length: many }, (_, key) => `${keyOf(key)}N`).join('');
    expect(() => {
      read(`}(${items}u`);
    }).toThrow(`a dict of over ${most} items under large or broken numbers`);
  });

  it('an item of such a dict, set again and again behind its neighbours', () => {
    const neighbour = (key: number): string => `\x8a\x0d\x01\0\0\0\0\0\0\0${uint32(key)}\x01`;
    const others = Array.from({ length: 3000 }, (_, key) => `${neighbour(key + 1)}N`).join('');
    expect(() => {
      read(`${neighbour(0)}q\x000}(h\0N${others}${'h\0N'.repeat(4 * many)}u`);
    }).toThrow('a dict of over 50 items');
  });

  it('a value that is remembered under a number that no pickler reaches', () => {
    expect(() => {
      read(`Nr${uint32(1_000_001)}`);
    }).toThrow('stores a value as number 1000001');
  });

  it('settings under a name of one long text again and again', () => {
    expect(() => {
      read(`${text('a'.repeat(many))}q\x000}(${model}${text('config')}}((${'h\0'.repeat(many)}tNuu`);
    }).toThrow('more than 16000000 letters');
  });

  it('settings under a name that is a dict, whose own name is one', () => {
    let key = `}(${text('"')}Nu`;
    for (let level = 0; level < 40; level++) key = `}(${key}Nu`;
    expect(() => {
      read(`}(${model}${text('config')}${key}u`);
    }).toThrow('settings under a key with a dict of 1 items in it');
  });

  it('one tensor under many names, whose every value is the same one', () => {
    const names = Array.from({ length: 50 }, (_, place) => `${text(`w${place}`)}h\0`).join('');
    expect(() => {
      read(`${repeated(2 ** 23)}q\x000}(${text('model')}}(${names}uu`);
    }).toThrow('made of 4 bytes again and again');
  });

  itWithShared('cases/hostile/quad80000.pt', 'the tuple of the case', (file) => {
    expect(() => {
      readTorchFile(file, () => undefined);
    }).toThrow(/quad80000\.pt: .*no pair/);
  });
});

describe('what honest checkpoints hold is read', () => {
  it('a dict under the addresses of parameters, as an optimiser before PyTorch 1.4 had it', () => {
    const items = Array.from({ length: 2000 }, (_, key) => `\x8a\x07${uint32(key)}\x12\x7f\0N`).join('');
    expect(() => {
      read(`}(${model}${text('state')}}(${items}uu`);
    }).not.toThrow();
  });

  it('settings under a tuple', () => {
    const value = readTorchValue(
      new MemorySource(zipOf([['m/data.pkl', Buffer.from(`\x80\x02}(K\x01${text('a')}\x86Ku.`.replace('Ku', 'Nu'), 'latin1')]])),
    );
    expect(plainFromPython(value)).toEqual({ '[1,"a"]': null });
  });
});
