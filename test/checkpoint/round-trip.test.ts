import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { plainFromPython } from '../../src/checkpoint/python-values';
import { writeSafetensors } from '../../src/checkpoint/safetensors';
import { stateDictTensors, stateDictToPython, weightTensors } from '../../src/checkpoint/state-dict';
import type { TorchTensor } from '../../src/checkpoint/tensor';
import { readTorchFile, writeTorchFile } from '../../src/checkpoint/torch-file';
import { readWeights } from '../../src/checkpoint/training-checkpoint';
import { inTemporaryFolder } from '../support/clip-files';
import { torchFolder } from '../support/parity';
import { itWithShared } from '../support/shared';

/** Every tensor of a file: its type, shape and bytes. */
function tensorsOf(file: string): Map<string, string> {
  return readTorchFile(file, (value) => new Map([...weightTensors(value).tensors].map(([name, tensor]) => [name, fingerprint(tensor)])));
}

function fingerprint(tensor: TorchTensor): string {
  const values = tensor.values();
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return `${tensor.dtype} [${tensor.shape.join()}] ${bytes.toString('base64')}`;
}

/** Reads a file, writes what it holds, reads that: as it is, and by way of a safetensors file. */
async function expectSameTensors(file: string): Promise<void> {
  await inTemporaryFolder((folder) => {
    const [copy, tensors] = [path.join(folder, 'copy.pt'), path.join(folder, 'copy.safetensors')];
    readTorchFile(file, (value) => {
      writeTorchFile(copy, value);
      writeSafetensors(tensors, weightTensors(value).tensors, {});
    });
    const original = tensorsOf(file);
    expect(original.size).toBeGreaterThan(1);
    expect(tensorsOf(copy)).toEqual(original);
    expect(tensorsOf(tensors)).toEqual(original);
  });
}

const good = readdirSync(torchFolder).filter((name) => name.endsWith('.pt') && /^(tiny|iv3)/.test(name));

describe('reading and writing', () => {
  it.each(good)('%s changes no bit of any tensor', async (name) => {
    await expectSameTensors(path.join(torchFolder, name));
  });

  itWithShared('fixtures/torch/iv3_gru_full.pt', 'a whole InceptionV3-GRU changes no bit of any tensor', async (file) => {
    await expectSameTensors(file);
    await inTemporaryFolder((folder) => {
      // The way of a training: read as float32 and exact whole numbers, written as a state_dict.
      const again = path.join(folder, 'again.pt');
      writeTorchFile(again, stateDictToPython(readWeights(file).model));
      expect(tensorsOf(again)).toEqual(tensorsOf(file));
    });
  });

  it('a state_dict keeps whole numbers that float32 cannot hold', async () => {
    await inTemporaryFolder((folder) => {
      const file = path.join(folder, 'whole.pt');
      const exact = BigInt64Array.of(2n ** 53n + 1n);
      const model = new Map([['n', { shape: [], values: Float32Array.from(exact, Number), storedAs: 'int64' as const, exact }]]);
      writeTorchFile(file, stateDictToPython(model, 'float16'));
      expect(readWeights(file).model.get('n')).toEqual(model.get('n'));
      expect(
        stateDictTensors(new Map([['n', { shape: [1], values: Float32Array.of(3), storedAs: 'int64' as const }]]))
          .get('n')
          ?.values(),
      ).toEqual(BigInt64Array.of(3n));
    });
  });

  it('NumPy arrays beside the weights are passed over', () => {
    // Made with PyTorch 2.15 and NumPy 2: losses and names as arrays, and the states of three random generators, as training scripts keep them.
    const file = path.join(torchFolder, 'numpy_arrays.pt');
    expect(readWeights(file)).toMatchObject({ epoch: 3 });
    expect(readTorchFile(file, plainFromPython)).toMatchObject({
      history: { loss: 'numpy array f8 [1, 2]', names: 'numpy array U1 [2]' },
      rng: { numpy: ['MT19937', 'numpy array u4 [624]', 624, 0, 0], torch: 'tensor uint8 [4]' },
    });
  });

  it('tensors that were given attributes are plain tensors', () => {
    // Made with PyTorch 2.15: a tensor and a Parameter with an attribute each, which pickle as torch._tensor._rebuild_from_type_v2.
    const { model } = readWeights(path.join(torchFolder, 'tensor_attributes.pt'));
    expect([...model].map(([name, { values }]) => [name, [...values]])).toEqual([
      ['with_attribute', [0, 1, 2]],
      ['parameter', [5]],
    ]);
  });
});
