import path from 'node:path';
import { describe, expect } from '@jest/globals';
import { readTrainingCheckpoint, readWeights, writeTrainingCheckpoint } from '../../src/checkpoint/training-checkpoint';
import { modelOfFile } from '../../src/evaluation/loaded-model';
import { inTemporaryFolder } from '../support/clip-files';
import { itWithShared } from '../support/shared';
import { optimizerForms } from '../../src/engine/optimizers/table';

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Buffer => Buffer.from(buffer, byteOffset, byteLength);

describe('a checkpoint of an InceptionV3GRU with its backbone', () => {
  itWithShared('fixtures/torch/iv3_gru_full.pt', 'is the same, to the last bit, read, written and read again', async (file) => {
    await inTemporaryFolder((folder) => {
      const copy = path.join(folder, 'copy.pt');
      writeTrainingCheckpoint(copy, readTrainingCheckpoint(file, [], optimizerForms));
      const [one, other] = [readWeights(file).model, readWeights(copy).model];
      expect([...other.keys()]).toEqual([...one.keys()]);
      expect(one.size).toBe(590);
      for (const [name, { shape, values, storedAs }] of one) {
        const again = other.get(name);
        expect({ name, shape: again?.shape, storedAs: again?.storedAs }).toEqual({ name, shape, storedAs });
        expect(Buffer.compare(bytesOf(values), bytesOf(again?.values ?? new Float32Array()))).toBe(0);
      }
      expect(one.get('feat_extractor.backbone.Conv2d_1a_3x3.bn.num_batches_tracked')?.storedAs).toBe('int64');
    });
  });

  itWithShared('fixtures/torch/iv3_gru_full.pt', 'has the parameters that the model declares, in their order and kinds', (file) => {
    const { model } = modelOfFile(file, { transform_input: true });
    const saved = readWeights(file).model;
    expect(model.parameters.map(({ name }) => name)).toEqual([...saved.keys()]);
    for (const { name, storedAs } of model.parameters) expect({ name, storedAs }).toEqual({ name, storedAs: saved.get(name)?.storedAs });
  });
});
