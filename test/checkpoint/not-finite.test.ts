import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { StateDict, WeightDtype } from '../../src/checkpoint/state-dict';
import {
  readTrainingCheckpoint,
  readWeights,
  writeTrainingCheckpoint,
  type TrainingCheckpoint,
} from '../../src/checkpoint/training-checkpoint';
import { exportCheckpoint, type ExportFormat, type ExportRequest } from '../../src/conversion/export-checkpoint';
import { readImport } from '../../src/conversion/read-import';
import { inspectCheckpoint } from '../../src/conversion/inspect';
import { startRuntime } from '../../src/engine/runtime';
import { modelOfFile } from '../../src/evaluation/loaded-model';
import { predictClips } from '../../src/evaluation/predict-clips';
import { recogniseWeights } from '../../src/evaluation/recognise';
import { optimizerParameters } from '../../src/models/model';
import { readResumePoint } from '../../src/training/resume';
import { inTemporaryFolder, writeDataFolder } from '../support/clip-files';
import { importOptions } from '../support/import-options';
import { torchFolder } from '../support/parity';
import { itWithShared } from '../support/shared';
import { optimizerForms } from '../../src/engine/optimizers/table';
import { slotOf } from '../support/optimizer-slots';

beforeAll(async () => {
  await startRuntime();
});

const original = path.join(torchFolder, 'tiny_full.pt');

/** The fixture's whole training, with some of its weights or of Adam's averages changed, as a file. */
function writeChanged(
  folder: string,
  change: (name: string, values: Float32Array) => Float32Array,
  changeAverage: (name: string, values: Float32Array) => Float32Array = (_, values) => values,
): string {
  const file = path.join(folder, 'changed.pt');
  const weights = readWeights(original);
  const { model: of } = recogniseWeights(weights.model, { n_heads: 4, ...weights.config }, original);
  const [, trained] = optimizerParameters(of);
  const read: TrainingCheckpoint = readTrainingCheckpoint(original, trained, optimizerForms);
  const model: StateDict = new Map([...read.model].map(([name, data]) => [name, { ...data, values: change(name, data.values.slice()) }]));
  const optimizer = read.optimizer && {
    ...read.optimizer,
    slots: new Map([
      ...read.optimizer.slots,
      ['exp_avg', new Map([...slotOf(read.optimizer, 'exp_avg')].map(([name, values]) => [name, changeAverage(name, values.slice())]))],
    ]),
  };
  writeTrainingCheckpoint(file, { ...read, model, optimizer });
  return file;
}

const spoil =
  (wanted: string, value: number) =>
  (name: string, values: Float32Array): Float32Array =>
    name === wanted ? values.fill(value, 1, 3) : values;

const refusal = /its weights are damaged: values that are not finite \(NaN or infinite\) in embedding\.bias \(2 of 32 values\)/;

describe('weights that are not finite', () => {
  it.each([NaN, Infinity, -Infinity])('are refused in one line by whoever reads a model, and told by an inspection: %p', async (value) => {
    await inTemporaryFolder((folder) => {
      const file = writeChanged(folder, spoil('embedding.bias', value));
      expect(() => modelOfFile(file)).toThrow(refusal);
      expect(() => readResumePoint(file)).toThrow(refusal);
      expect(() => readImport(file, importOptions(folder), undefined)).toThrow(refusal);
      expect(() => exportCheckpoint(exportTo(folder, file, 'torch', 'float32'))).toThrow(refusal);
      expect(inspectCheckpoint(file).notFinite).toEqual(['embedding.bias (2 of 32 values)']);
      expect(inspectCheckpoint(original).notFinite).toEqual([]);
    });
  });

  it('in an optimiser’s state are refused by a resumed training', async () => {
    await inTemporaryFolder((folder) => {
      const file = writeChanged(folder, (_, values) => values, spoil('embedding.bias', NaN));
      expect(() => readResumePoint(file)).toThrow(
        /"optimizer\.state of embedding\.bias: exp_avg": expected finite numbers, found 2 of 32 values that are NaN or infinite/,
      );
      expect(modelOfFile(file).weights.size).toBeGreaterThan(0);
    });
  });

  itWithShared('cases/checkpoints/nan-weight.pt', 'of a file from elsewhere are refused', (file) => {
    expect(() => modelOfFile(file)).toThrow(/embedding\.weight \(1 of 2496 values\)/);
    expect(() => readResumePoint(file)).toThrow(/embedding\.weight \(1 of 2496 values\)/);
  });
});

describe('weights that a narrow type cannot hold', () => {
  it.each<[ExportFormat]>([['torch'], ['safetensors'], ['saved-model']])('are not exported in it: %s', async (format) => {
    await inTemporaryFolder((folder) => {
      const file = writeChanged(folder, spoil('embedding.bias', 70_000));
      const request = exportTo(folder, file, format, 'float16');
      expect(() => exportCheckpoint(request)).toThrow(
        `${file}: float16 cannot hold its weights: 2 of 32 values of embedding.bias are larger than 65504 and would become infinite; take bfloat16 or float32.`,
      );
      expect(existsSync(request.out)).toBe(false);
    });
  });

  it('are exported in one that can', async () => {
    await inTemporaryFolder((folder) => {
      const file = writeChanged(folder, spoil('embedding.bias', 70_000));
      const { path: written } = exportCheckpoint(exportTo(folder, file, 'torch', 'bfloat16'));
      expect(readWeights(written).model.get('embedding.bias')?.values[1]).toBeCloseTo(70_000, -3);
      expect(readFileSync(written).length).toBeGreaterThan(0);
    });
  });
});

describe('a model whose values overflow for a clip', () => {
  it('predicts nothing for it, and says so', async () => {
    await inTemporaryFolder(async (folder) => {
      writeDataFolder(folder, { val: [{ name: 'clip', gloss: 0, category: 0, frames: 6 }], train: [] });
      const clip = path.join(folder, 'keypoints_val/clip.npz');
      const file = writeChanged(folder, (name, values) => (/^gloss_head\.\d\.weight$/.test(name) ? values.fill(3e38) : values));
      const options = { key: 'X', topK: 3 };
      await expect(predictClips(modelOfFile(file), [clip], options)).rejects.toThrow(
        `${clip}: ${file} gives values for it that are not finite (NaN or infinite)`,
      );
      expect(await predictClips(modelOfFile(original), [clip], options)).toHaveLength(1);
    });
  });
});

function exportTo(folder: string, file: string, format: ExportFormat, dtype: WeightDtype): ExportRequest & { readonly out: string } {
  return { file, format, dtype, weightsOnly: false, out: path.join(folder, `out-${format}`), shape: {}, batchSize: 1, frames: 8 };
}
