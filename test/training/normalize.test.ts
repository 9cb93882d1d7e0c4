import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readWeights } from '../../src/checkpoint/training-checkpoint';
import { HOLISTIC_78 } from '../../src/config/known-layouts';
import { exportCheckpoint } from '../../src/conversion/export-checkpoint';
import { importCheckpoint } from '../../src/conversion/import-checkpoint';
import { formatNpz } from '../../src/data/npz';
import { transformsInPython } from '../../src/data/transforms/pipeline';
import { startRuntime } from '../../src/engine/runtime';
import { evaluateModel } from '../../src/evaluation/evaluate';
import { modelOfFile } from '../../src/evaluation/loaded-model';
import { predictClips } from '../../src/evaluation/predict-clips';
import { resolveTraining } from '../../src/training/warm-start';
import { clipArrays, clipValues, inTemporaryFolder } from '../support/clip-files';
import { resumeSmall, smallSettings, trainSmall, writeSmallData } from '../support/small-training';

const TRANSFORMS = [{ name: 'normalize', by: 'shoulders' }];

beforeAll(async () => {
  await startRuntime();
});

/** A training of one epoch on normalised key points. */
async function trainNormalized(
  folder: string,
  typed: Readonly<Record<string, string>> = {},
): Promise<{ folder: string; best: string; last: string }> {
  writeSmallData(folder);
  const { run } = await trainSmall(smallSettings(folder, { epochs: '1', normalize: 'shoulders', ...typed }));
  const { files } = run.folder;
  return { folder: files.folder, best: files.best, last: files.last };
}

describe('a model of normalised key points', () => {
  it('says so in its checkpoint, config.json and README.md, with the lines of NumPy', async () => {
    await inTemporaryFolder(async (folder) => {
      const made = await trainNormalized(folder);
      expect(readWeights(made.best).config?.['transforms']).toEqual(TRANSFORMS);
      const record: unknown = JSON.parse(readFileSync(path.join(made.folder, 'config.json'), 'utf8'));
      expect(record).toMatchObject({ normalize: 'shoulders', run: { transforms: TRANSFORMS } });
      const python = transformsInPython(TRANSFORMS, HOLISTIC_78)?.definitions.join('\n') ?? 'none';
      expect(readFileSync(path.join(made.folder, 'README.md'), 'utf8')).toContain(python);
      expect(readFileSync(path.resolve(__dirname, '../../docs/data.md'), 'utf8')).toContain(python);
    });
  });

  it('predicts the same wherever the camera stood and however near, which one of raw key points does not', async () => {
    await inTemporaryFolder(async (folder) => {
      const made = await trainNormalized(folder);
      const values = clipValues(10, 3).map((value) => value || 0.5);
      const moved = values.map((value, at) => 0.5 * value + (at % 2 === 0 ? 0.3 : 0.1));
      const files = Object.entries({ values, moved }).map(([name, of]) => {
        const file = path.join(folder, `${name}.npz`);
        writeFileSync(file, formatNpz(clipArrays(10, 1, { X: { dtype: 'float32', shape: [10, 156], values: of } })));
        return file;
      });
      const differences = async (file: string): Promise<number> => {
        const [one, other] = await predictClips(modelOfFile(file), files, { key: 'X', topK: 0 });
        const probabilities = (prediction: typeof one): Map<number, number> =>
          new Map(prediction?.gloss.map(({ id, probability }) => [id, probability]));
        const here = probabilities(other);
        return Math.max(...[...probabilities(one)].map(([id, probability]) => Math.abs(probability - (here.get(id) ?? NaN))));
      };
      expect(await differences(made.best)).toBeLessThan(1e-5);
      const { run } = await trainSmall(smallSettings(folder, { epochs: '1' }));
      expect(readWeights(run.folder.files.best).config).not.toHaveProperty('transforms');
      expect(await differences(run.folder.files.best)).toBeGreaterThan(1e-3);
    });
  });

  it('is validated and evaluated alike, from memory and from files, without a flag', async () => {
    await inTemporaryFolder(async (folder) => {
      const made = await trainNormalized(folder);
      const { run } = await trainSmall(smallSettings(folder, { epochs: '1', normalize: 'shoulders', memory_budget_mb: '0.001' }));
      const [one, other] = [readWeights(made.last).model, readWeights(run.folder.files.last).model];
      for (const [name, { values }] of one) expect(other.get(name)?.values).toEqual(values);
      const loaded = modelOfFile(made.best);
      const { scores } = await evaluateModel(loaded, run.data.dataset, 4);
      const [row] = run.folder.rows;
      expect(scores.gloss.accuracy).toBeCloseTo(row?.gloss_acc ?? NaN, 6);
      expect(scores.gloss.accuracy).toBe(readWeights(made.best).bestMetric);
    });
  });

  it('is gone on with as it is, and refuses another normalisation', async () => {
    await inTemporaryFolder(async (folder) => {
      const made = await trainNormalized(folder);
      await expect(resumeSmall(made.last, { epochs: '2', normalize: 'none' })).rejects.toThrow(
        /--normalize: a resumed run keeps shoulders, found none; leave it out, or start a new training/,
      );
      await resumeSmall(made.last, { epochs: '2' });
      const { epoch, config } = readWeights(made.last);
      expect([epoch, config?.['transforms']]).toEqual([2, TRANSFORMS]);
    });
  });

  it('gives its normalisation to a training that begins with its weights, unless that is asked for another', async () => {
    await inTemporaryFolder(async (folder) => {
      const made = await trainNormalized(folder);
      const begun = resolveTraining({ commandLine: { init_from: made.best } });
      expect(begun.resolved.settings).toMatchObject({ normalize: 'shoulders' });
      expect(begun.notes).toEqual([]);
      const other = resolveTraining({ commandLine: { init_from: made.best, normalize: 'none' } });
      expect(other.resolved.settings).toMatchObject({ normalize: 'none' });
      expect(other.notes).toEqual([`${made.best} was trained with normalize shoulders; this training takes normalize none`]);
    });
  });

  it('stays one when it is exported and imported, and says what the clips must be', async () => {
    await inTemporaryFolder(async (folder) => {
      const made = await trainNormalized(folder);
      for (const format of ['torch', 'safetensors'] as const) {
        const out = path.join(folder, `exported.${format === 'torch' ? 'pt' : 'safetensors'}`);
        const { notes } = exportCheckpoint({
          file: made.best,
          format,
          dtype: 'float32',
          weightsOnly: false,
          out,
          shape: {},
          batchSize: 1,
          frames: undefined,
        });
        expect(notes).toContain('clips go through normalize before it sees them, in whatever uses it: docs/data.md has the NumPy lines');
        expect(modelOfFile(out).transforms).toEqual(TRANSFORMS);
        const imported = await importCheckpoint(
          { best: out },
          {
            model: undefined,
            shape: {},
            labels: undefined,
            description: format,
            saveDir: path.join(folder, 'imported'),
            date: new Date(2026, 8, 21),
            versions: { kumpas: '0.0.0', node: '20' },
          },
        );
        expect(modelOfFile(path.join(imported.folder, 'SignTransformer_best.pt')).transforms).toEqual(TRANSFORMS);
        expect(readFileSync(path.join(imported.folder, 'README.md'), 'utf8')).toContain('X = normalize(X)');
        expect(JSON.parse(readFileSync(path.join(imported.folder, 'config.json'), 'utf8'))).toMatchObject({ normalize: 'shoulders' });
      }
    });
  });

  it('is none on features: the setting belongs to models on key points', () => {
    expect(() => resolveTraining({ commandLine: { model: 'iv3_gru', normalize: 'shoulders' } })).toThrow(
      '--normalize: a flag of model transformer, not of this one',
    );
  });
});
