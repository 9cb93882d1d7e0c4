import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { smokeTest } from '../../src/training/smoke-test';
import { inTemporaryFolder } from '../support/clip-files';
import { writeSmallData } from '../support/small-training';

const shape = { emb_dim: 16, num_heads: 2, num_layers: 1, max_len: 12, batch_size: 4, num_buckets: 1 };

describe('a smoke test', () => {
  it('runs some of a training and its validation, and leaves nothing', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const { clips, trainLoss, valLoss } = await smokeTest({ data, save_dir: path.join(folder, 'models'), ema: true, ...shape });
      expect(clips).toEqual({ training: 22, validation: 7 });
      expect(trainLoss).toBeGreaterThan(0);
      expect(valLoss).toBeGreaterThan(0);
      expect(readdirSync(folder)).toEqual(['data']);
    });
  });

  it('fails where the training would', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      await expect(smokeTest({ data, ...shape, lr: 1e39 })).rejects.toThrow(
        /^--smoke-test: the (loss|norm of the gradient|validation's loss)/,
      );
      await expect(smokeTest({ data: path.join(folder, 'nowhere'), ...shape })).rejects.toThrow('nowhere');
    });
  });
});
