import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { MemorySource, type ByteSource } from '../../src/checkpoint/bytes';
import { plainFromPython, PythonTuple, type PythonDict, type PythonValue } from '../../src/checkpoint/python-values';
import { weightTensors } from '../../src/checkpoint/state-dict';
import { tensorOf, TorchTensor } from '../../src/checkpoint/tensor';
import { readTorchFile, readTorchValue, writeTorchFile } from '../../src/checkpoint/torch-file';
import { readZipDirectory } from '../../src/checkpoint/zip-read';
import { ZipWriter } from '../../src/foundation/zip-write';
import { UserError } from '../../src/foundation/errors';

const fixtures = path.resolve(__dirname, '../fixtures/torch');
const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-torch-file-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('a file that PyTorch wrote with every kind of value', () => {
  // Made with PyTorch 2.15: torch.save of a dict of one tensor a dtype, views of torch.arange(24.0).view(4, 6), and Python's, NumPy's and torch's small values.
  const file = path.join(fixtures, 'every_dtype.pt');

  it.each<[string, string, number[], (number | bigint)[]]>([
    ['float64', 'float64', [3], [1.5, -2.25, Infinity]],
    ['float32', 'float32', [2, 2], [Math.fround(0.1), -0, 2 ** -149, Math.fround(3.4e38)]],
    ['float16', 'float16', [5], [0x3e00, 0xc000, 1, 0x7e00, 0x7bff]],
    ['bfloat16', 'bfloat16', [4], [0x3fc0, 0xc000, 1, 0xff80]],
    ['int64', 'int64', [2], [2n ** 40n, -3n]],
    ['int32', 'int32', [2], [7, -8]],
    ['int16', 'int16', [2], [300, -300]],
    ['int8', 'int8', [2], [-128, 127]],
    ['uint8', 'uint8', [2], [0, 255]],
    ['bool', 'bool', [3], [1, 0, 1]],
    ['scalar', 'float32', [], [4.5]],
    ['empty', 'float32', [0, 3], []],
    ['transposed', 'float32', [6, 4], Array.from({ length: 24 }, (_, index) => (index % 4) * 6 + Math.floor(index / 4))],
    ['slice', 'float32', [2, 3], [8, 9, 10, 14, 15, 16]],
    ['expanded', 'float32', [2, 3], [9, 9, 9, 9, 9, 9]],
    ['steps', 'int64', [3], [0n, 2n, 4n]],
    ['parameter', 'float32', [2], [2, 3]],
  ])('gives the tensor %s', (name, dtype, shape, values) => {
    readTorchFile(file, (value) => {
      const tensor = tensorAt(value, name);
      expect([tensor.dtype, tensor.shape, [...tensor.values()]]).toEqual([dtype, shape, values]);
    });
  });

  it('gives the values that are no tensors', () => {
    const plain = readTorchFile(file, plainFromPython);
    expect(plain).toMatchObject({
      size: [2, 3],
      device: 'cuda:1',
      dtype: 'torch.float16',
      defaultdict: { a: 1 },
      counter: { a: 2, b: 1 },
      namespace: { lr: 1, path: '/data/clips' },
      set: [5],
      bytes: '2 bytes',
      tuple: [1, 1, true, null],
      long: 2 ** 70,
      negative: -(2 ** 40),
      numpy: [0.5, -7, true, 2],
      text: 'Maganda\u0301 \u{1F44B}',
      int8: 'tensor int8 [2]',
    });
  });

  it('is written so that the same comes back, views and shared storages included', () => {
    const copy = path.join(folder, 'copy.pt');
    readTorchFile(file, (value) => {
      if (!(value instanceof Map)) throw new Error('no dict');
      value.delete('set');
      writeTorchFile(copy, value);
      readTorchFile(copy, (again) => {
        for (const [name, item] of value)
          if (item instanceof TorchTensor && typeof name === 'string') expect(tensorAt(again, name).values()).toEqual(item.values());
        expect(tensorAt(again, 'transposed').storage).toBe(tensorAt(again, 'slice').storage);
        expect(plainFromPython(again)).toEqual(plainFromPython(value));
      });
    });
  });
});

it('reads of a file only the tensors that are wanted', () => {
  const whole = new MemorySource(readFileSync(path.join(fixtures, 'tiny_full.pt')));
  let bytesRead = 0;
  const counting: ByteSource = {
    size: whole.size,
    read: (position, length) => {
      bytesRead += length;
      return whole.read(position, length);
    },
  };
  const { tensors } = weightTensors(readTorchValue(counting));
  const before = bytesRead;
  expect(before).toBeLessThan(whole.size / 3);
  expect(tensors.get('embedding.bias')?.toFloat32()).toHaveLength(32);
  expect(bytesRead - before).toBe(4 * 32);
});

it('tensors come from whichever device they were saved on', () => {
  for (const device of ['mps', 'xla', 'cud']) {
    const file = path.join(folder, 'device.pt');
    const pickle = Buffer.from(tensorPickle(2, 2).toString('latin1').replace('cpu', device), 'latin1');
    writeZip(file, { 'm/data.pkl': pickle, 'm/data/0': Buffer.from(Float32Array.of(1, 2).buffer) });
    readTorchFile(file, (value) => {
      expect(value instanceof TorchTensor && [...value.toFloat32()]).toEqual([1, 2]);
    });
  }
});

describe('a file written here', () => {
  const value: PythonDict = new Map<PythonValue, PythonValue>([['weight', tensorOf('float32', [2], Float32Array.of(1, 2))]]);

  it('is a zip of the entries that PyTorch expects, under the name of the file', () => {
    const file = path.join(folder, 'Name of it.pt');
    writeTorchFile(file, value);
    const bytes = readFileSync(file);
    const names = [...readZipDirectory(new MemorySource(bytes)).keys()];
    expect(names).toEqual(['data.pkl', 'byteorder', 'data/0', 'version'].map((name) => `Name of it/${name}`));
    expect(bytes.indexOf(Buffer.from(Float32Array.of(1, 2).buffer)) % 64).toBe(0);
    expect(bytes.includes('little')).toBe(true);
    expect(bytes.includes('3\n')).toBe(true);
  });

  it('has the same bytes each time', () => {
    const file = path.join(folder, 'again.pt');
    writeTorchFile(file, value);
    const first = readFileSync(file);
    writeTorchFile(file, value);
    expect(readFileSync(file).equals(first)).toBe(true);
  });

  it('calls the folder archive where the file has a name that is not ASCII', () => {
    const file = path.join(folder, 'Ñandú.pt');
    writeTorchFile(file, value);
    expect(readFileSync(file).includes('archive/data.pkl')).toBe(true);
  });

  it('writes a storage of several tensors once', () => {
    const whole = tensorOf('float32', [1000], new Float32Array(1000).fill(0.5));
    const part = new TorchTensor(whole.storage, 10, [2], [1]);
    const file = path.join(folder, 'shared.pt');
    writeTorchFile(file, [whole, part, whole]);
    expect(readFileSync(file).length).toBeLessThan(6000);
    readTorchFile(file, (list) => {
      expect(Array.isArray(list) && list[1] instanceof TorchTensor && [...list[1].toFloat32()]).toEqual([0.5, 0.5]);
    });
  });
});

it('big-endian files are turned round', () => {
  const file = path.join(folder, 'big.pt');
  writeTorchFile(file, [tensorOf('float32', [2], Float32Array.of(1, -2.5))]);
  const swapped = readFileSync(file);
  const at = swapped.indexOf(Buffer.from(Float32Array.of(1, -2.5).buffer));
  const pickle = swapped.subarray(swapped.indexOf('\x80\x02', 0, 'latin1'), swapped.indexOf('\x65.PK', 0, 'latin1') + 2);
  writeZip(file, {
    'x/data.pkl': pickle,
    'x/byteorder': Buffer.from('big'),
    'x/data/0': Buffer.from(swapped.subarray(at, at + 8)).swap32(),
  });
  readTorchFile(file, (list) => {
    expect(Array.isArray(list) && list[0] instanceof TorchTensor && [...list[0].toFloat32()]).toEqual([1, -2.5]);
  });
});

describe('a file that is none of PyTorch, or damaged,', () => {
  it.each<[string, Record<string, Uint8Array> | Buffer, RegExp]>([
    ['another zip', { 'X.npy': Buffer.from('x') }, /no PyTorch checkpoint: it holds no data\.pkl\. Found: X\.npy/],
    ['a TorchScript program', { 'm/data.pkl': Buffer.from('N.'), 'm/constants.pkl': Buffer.from('N.') }, /TorchScript/],
    ['two checkpoints', { 'a/data.pkl': Buffer.from('N.'), 'b/data.pkl': Buffer.from('N.') }, /more than one data\.pkl/],
    [
      'an unknown byte order',
      { 'm/data.pkl': Buffer.from('N.'), 'm/byteorder': Buffer.from('middle') },
      /"middle"; expected little or big/,
    ],
    ['a tensor without data', { 'm/data.pkl': tensorPickle(2, 2) }, /"data\/0" is missing/],
    [
      'a storage of another size',
      { 'm/data.pkl': tensorPickle(2, 2), 'm/data/0': Buffer.alloc(4) },
      /has 4 bytes; expected 8 \(2 values of float32\)/,
    ],
    [
      'a tensor larger than its storage',
      { 'm/data.pkl': tensorPickle(2, 3), 'm/data/0': Buffer.alloc(8) },
      /shape \[3\] reaches past its storage of 2/,
    ],
    ['a Python pickle', Buffer.from('\x80\x02}q\0.', 'latin1'), /not one that torch\.save wrote/],
    ['an array', Buffer.from('\x93NUMPY'), /begins with/],
  ])('is refused, naming the file: %s', (_what, content, message) => {
    const file = path.join(folder, 'bad.pt');
    if (Buffer.isBuffer(content)) writeFileSync(file, content);
    else writeZip(file, content);
    expect(() => {
      readTorchFile(file, () => undefined);
    }).toThrow(UserError);
    expect(() => {
      readTorchFile(file, () => undefined);
    }).toThrow(message);
    expect(() => {
      readTorchFile(file, () => undefined);
    }).toThrow(new RegExp(`^${file}: `));
  });

  it('is refused when it is missing or a folder', () => {
    expect(() => {
      readTorchFile(path.join(folder, 'none.pt'), () => undefined);
    }).toThrow('none.pt: no such file');
    expect(() => {
      readTorchFile(folder, () => undefined);
    }).toThrow('expected a file, found a folder');
  });

  it('of the form before PyTorch 1.6 is refused wherever it is cut off', () => {
    const whole = readFileSync(path.join(fixtures, 'tiny_full_legacy_nonzip.pt'));
    const file = path.join(folder, 'cut.pt');
    for (const length of [1, 10, 20, 100, 5000, 21_080, 24_830, whole.length - 1]) {
      writeFileSync(file, whole.subarray(0, length));
      expect(() => {
        readTorchFile(file, () => undefined);
      }).toThrow(/^.*cut\.pt: it ends in the middle|cut off/);
    }
  });

  it('cannot claim tensors of any size in a few bytes', () => {
    const file = path.join(folder, 'expanded.pt');
    const expanded = new TorchTensor(tensorOf('float32', [1], new Float32Array(1)).storage, 0, [2 ** 30], [0]);
    writeTorchFile(file, expanded);
    expect(() => {
      readTorchFile(file, () => undefined);
    }).toThrow(/it is forged/);
  });
});

function tensorAt(value: PythonValue, name: string): TorchTensor {
  const tensor = value instanceof Map ? value.get(name) : undefined;
  if (!(tensor instanceof TorchTensor)) throw new Error(`no tensor ${name}`);
  return tensor;
}

/** A one-dimensional tensor of `size` values on a storage that claims `length`. */
function tensorPickle(length: number, size: number): Buffer {
  const storage = `(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK${String.fromCharCode(length)}tQ`;
  return Buffer.from(
    `\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(${storage}K\0K${String.fromCharCode(size)}\x85K\x01\x85\x89NtR.`,
    'latin1',
  );
}

function writeZip(file: string, entries: Record<string, Uint8Array>): void {
  const parts: Uint8Array[] = [];
  const zip = new ZipWriter((bytes) => {
    parts.push(bytes);
  });
  for (const [name, data] of Object.entries(entries)) zip.add(name, data);
  zip.finish();
  writeFileSync(file, Buffer.concat(parts));
}

it('a tuple of sizes is a tuple', () => {
  const size = readTorchFile(path.join(fixtures, 'every_dtype.pt'), (value) => (value instanceof Map ? value.get('size') : undefined));
  expect(size).toEqual(new PythonTuple([2, 3]));
});
