import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  readCheckpoint,
  readTorchFile,
  readWeights,
  stateDictTensors,
  stateDictToPython,
  tensorOf,
  TorchTensor,
  writeCheckpoint,
  writeSafetensors,
  writeTorchFile,
  type StateDict,
} from '../../src/checkpoint';
import { inTemporaryFolder } from '../support/clip-files';

const weights: StateDict = new Map([
  ['layer.weight', { shape: [2, 2], values: Float32Array.of(1, 2, 3, 0.5) }],
  ['layer.bias', { shape: [2], values: Float32Array.of(-1, 0) }],
]);

describe('kumpas/torch', () => {
  it('writes a .pt and reads it again', async () => {
    await inTemporaryFolder((folder) => {
      const file = path.join(folder, 'numbers.pt');
      writeTorchFile(file, new Map([['weight', tensorOf('float32', [3], Float32Array.of(1, 2, 3))]]));
      const read = readTorchFile(file, (value) => {
        const tensor = value instanceof Map ? value.get('weight') : undefined;
        return tensor instanceof TorchTensor ? [tensor.dtype, tensor.shape, [...tensor.toFloat32()]] : undefined;
      });
      expect(read).toEqual(['float32', [3], [1, 2, 3]]);
    });
  });

  it('writes a checkpoint and reads its weights, and what stands beside them', async () => {
    await inTemporaryFolder((folder) => {
      const file = path.join(folder, 'model_last.pt');
      writeCheckpoint(file, {
        epoch: 7,
        bestMetric: 0.5,
        model: weights,
        optimizer: undefined,
        scheduler: { last_epoch: 7 },
        config: { note: 'mine' },
        args: undefined,
      });
      expect(readWeights(file)).toMatchObject({ epoch: 7, bestMetric: 0.5, config: { note: 'mine' }, model: weights });
      expect(readCheckpoint(file, (checkpoint) => [...checkpoint.weights().model.keys()])).toEqual(['layer.weight', 'layer.bias']);
    });
  });

  it.each(['float32', 'float16'] as const)('carries a state_dict from a .pt to safetensors and back in %s', async (dtype) => {
    await inTemporaryFolder((folder) => {
      const [torch, safetensors] = [path.join(folder, 'a.pt'), path.join(folder, 'a.safetensors')];
      writeTorchFile(torch, stateDictToPython(weights, dtype));
      writeSafetensors(safetensors, stateDictTensors(readWeights(torch).model, dtype), { format: 'pt' });
      expect(readWeights(safetensors).model).toEqual(weights);
    });
  });

  it('loads nothing of TensorFlow', () => {
    const entry = path.resolve(__dirname, '../../src/checkpoint/index.ts');
    const program = `
      require(${JSON.stringify(entry)});
      const loaded = Object.keys(require.cache);
      console.log(JSON.stringify([loaded.length > 20, loaded.filter((file) => file.includes('tensorflow') || file.includes('src/engine'))]));`;
    const output = execFileSync(process.execPath, ['--require', 'tsx/cjs', '--eval', program], {
      cwd: path.resolve(__dirname, '../..'),
      encoding: 'utf8',
    });
    expect(JSON.parse(output)).toEqual([true, []]);
  });
});
