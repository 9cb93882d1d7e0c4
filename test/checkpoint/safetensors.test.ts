import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { DTYPES, type Dtype, type TensorValues, tensorOf, TorchTensor } from '../../src/checkpoint/tensor';
import { writeSafetensors } from '../../src/checkpoint/safetensors';
import { readTorchFile } from '../../src/checkpoint/torch-file';
import { readWeights } from '../../src/checkpoint/training-checkpoint';
import { weightTensors } from '../../src/checkpoint/state-dict';
import { UserError } from '../../src/foundation/errors';
import { inTemporaryFolder } from '../support/clip-files';

const arrays: Record<Dtype, TensorValues> = {
  float64: Float64Array.of(1.5, -2, NaN, 2 ** -1000),
  float32: Float32Array.of(0.1, -0, Infinity, 2 ** -149),
  float16: Uint16Array.of(0, 0x3c00, 0x7e00, 1),
  bfloat16: Uint16Array.of(0, 0x3f80, 0xff80, 1),
  int64: BigInt64Array.of(0n, -1n, 2n ** 62n, 7n),
  int32: Int32Array.of(0, -1, 2 ** 31 - 1, 7),
  int16: Int16Array.of(0, -1, 32_767, 7),
  int8: Int8Array.of(0, -1, 127, 7),
  uint8: Uint8Array.of(0, 255, 127, 7),
  bool: Uint8Array.of(0, 1, 1, 0),
};

/** A file of a header and so many bytes of data. */
function fileOf(header: unknown, data = 8): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(data)]);
}

describe('a safetensors file', () => {
  it('gives back every tensor of every type, bit for bit', async () => {
    await inTemporaryFolder((folder) => {
      const file = path.join(folder, 'every.safetensors');
      const tensors = new Map(DTYPES.map((dtype) => [`tensor.${dtype}`, tensorOf(dtype, [2, 2], arrays[dtype])]));
      tensors.set('scalar', tensorOf('int64', [], BigInt64Array.of(3n)));
      tensors.set('transposed', new TorchTensor(tensorOf('float32', [4], Float32Array.of(1, 2, 3, 4)).storage, 0, [2, 2], [1, 2]));
      writeSafetensors(file, tensors, { format: 'pt' });
      readTorchFile(file, (value) => {
        const read = weightTensors(value).tensors;
        expect(new Set(read.keys())).toEqual(new Set(tensors.keys()));
        for (const [name, tensor] of tensors) {
          expect(read.get(name)).toMatchObject({ dtype: tensor.dtype, shape: tensor.shape });
          expect(read.get(name)?.values()).toEqual(tensor.values());
        }
      });
      const bytes = readFileSync(file);
      expect((8 + Number(bytes.readBigUInt64LE(0))) % 8).toBe(0);
    });
  });

  it('that the Python library wrote is read, its metadata included', () => {
    // Made with safetensors 0.8: save_file of a float16, an int64 and an empty tensor, metadata format, config and epoch.
    const { model, config, epoch, bestMetric } = readWeights(path.resolve(__dirname, '../fixtures/torch/python.safetensors'));
    expect([...model].map(([name, { shape, values }]) => [name, shape, [...values]])).toEqual(
      expect.arrayContaining([
        ['half', [2], [1.5, -2]],
        ['count', [], [7]],
        ['empty', [0, 3], []],
      ]),
    );
    expect({ config, epoch, bestMetric }).toEqual({ config: { n_heads: 4, labels: ['A'] }, epoch: 3, bestMetric: 0.5 });
  });

  it.each<[string, Buffer, RegExp]>([
    [
      'a gap before a tensor',
      fileOf({ a: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } }),
      /"a" begins at byte 4 of the data, expected 0/,
    ],
    [
      'tensors that overlap',
      fileOf({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] }, b: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } }),
      /"b" begins at byte 4 of the data, expected 8/,
    ],
    ['less data than it says', fileOf({ a: { dtype: 'F32', shape: [4], data_offsets: [0, 16] } }), /have 16 bytes, the file holds 8/],
    ['more data than it says', fileOf({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }), /have 4 bytes, the file holds 8/],
    ['a shape of another size', fileOf({ a: { dtype: 'F32', shape: [3], data_offsets: [0, 8] } }), /shape and the place of the tensor "a"/],
    ['a shape beyond all numbers', fileOf({ a: { dtype: 'F32', shape: [2 ** 40, 2 ** 40], data_offsets: [0, 8] } }), /shape and the place/],
    ['a negative place', fileOf({ a: { dtype: 'F32', shape: [2], data_offsets: [-8, 0] } }), /shape and the place/],
    [
      'a type that is not read',
      fileOf({ a: { dtype: 'F8_E4M3', shape: [8], data_offsets: [0, 8] } }),
      /type "F8_E4M3", which is not supported/,
    ],
    ['a header that is no JSON', fileOf('{"a": '), /header is no JSON/],
    ['a tensor named __proto__', fileOf('{"__proto__":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'), /named __proto__/],
    [
      'a name that comes twice',
      fileOf('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}'),
      /"a" begins at byte 4/,
    ],
    [
      'settings nested without end',
      fileOf(`{"__metadata__":{"config":"${'['.repeat(5000)}${']'.repeat(5000)}"}}`, 0),
      /nested deeper than 64/,
    ],
    ['no weights', fileOf('{}', 0), /"model" is empty/],
    ['metadata that is no text', fileOf({ __metadata__: { epoch: 3 } }, 0), /metadata "epoch" is no text/],
  ])('with %s is refused', async (_what, bytes, message) => {
    await inTemporaryFolder((folder) => {
      const file = path.join(folder, 'bad.safetensors');
      writeFileSync(file, bytes);
      expect(() => readWeights(file)).toThrow(UserError);
      expect(() => readWeights(file)).toThrow(message);
      expect(() => readWeights(file)).toThrow(`${file}: `);
    });
  });
});
