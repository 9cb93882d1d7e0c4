import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { toFloat32Values, toHalves } from '../../src/checkpoint/tensor';
import { PythonOrderedDict } from '../../src/checkpoint/python-values';
import { weightTensors } from '../../src/checkpoint/state-dict';
import { readTorchFile } from '../../src/checkpoint/torch-file';
import { readTrainingCheckpoint, readWeights } from '../../src/checkpoint/training-checkpoint';
import { exportCheckpoint, type ExportRequest } from '../../src/conversion/export-checkpoint';
import { importCheckpoint } from '../../src/conversion/import-checkpoint';
import { toFloat32 } from '../../src/data/npy';
import { openNpz } from '../../src/data/npz';
import { startRuntime } from '../../src/engine/runtime';
import { tf } from '../../src/engine/tensorflow';
import { modelOfFile } from '../../src/evaluation/loaded-model';
import { trainedParameters } from '../../src/models/model';
import { inTemporaryFolder } from '../support/clip-files';
import { importOptions } from '../support/import-options';
import { arrayNamed, parityFolder, readArrays, relativeDifference, torchFolder } from '../support/parity';
import { itWithShared } from '../support/shared';
import { optimizerForms } from '../../src/engine/optimizers/table';

const tinyFull = path.join(torchFolder, 'tiny_full.pt');
const request = (changes: Partial<ExportRequest>): ExportRequest => ({
  file: tinyFull,
  format: 'torch',
  dtype: 'float32',
  weightsOnly: false,
  out: undefined,
  shape: {},
  batchSize: 1,
  frames: undefined,
  ...changes,
});

/** A model folder of tiny_full with names for its classes. */
async function importNamed(folder: string): Promise<string> {
  const labels = Array.from({ length: 7 }, (_, id) => `${id},SIGN ${id},${id % 3},KIND ${id % 3}`);
  writeFileSync(path.join(folder, 'labels.csv'), ['gloss_id,label,cat_id,category', ...labels].join('\n'));
  return (await importCheckpoint({ best: tinyFull }, importOptions(folder, { labels: path.join(folder, 'labels.csv') }))).folder;
}

beforeAll(async () => {
  await startRuntime({ verbose: false });
});

describe('exporting for PyTorch', () => {
  it('brings a model folder back as it was: every tensor, Adam’s state, schedule', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = path.join(await importNamed(folder), 'SignTransformer_last.pt');
      const { path: out } = exportCheckpoint(request({ file }));
      expect(out).toBe(path.join(path.dirname(file), 'exports', 'SignTransformer_last.pt'));
      const { model } = modelOfFile(out);
      const [ours, theirs] = [out, tinyFull].map((name) => readTrainingCheckpoint(name, trainedParameters(model), optimizerForms));
      for (const key of ['epoch', 'bestMetric', 'model', 'optimizer', 'scheduler'] as const) expect(ours?.[key]).toEqual(theirs?.[key]);
      expect(() => exportCheckpoint(request({ file }))).toThrow(/exports.*it is there already; give another place with --out/);
    });
  });

  it.each(['float16', 'bfloat16'] as const)('rounds weights to %s and leaves the optimiser as it is', async (dtype) => {
    await inTemporaryFolder((folder) => {
      const out = path.join(folder, 'half.pt');
      exportCheckpoint(request({ dtype, out }));
      readTorchFile(out, (value) => {
        for (const tensor of weightTensors(value).tensors.values()) expect(tensor.dtype).toBe(dtype);
      });
      const names = trainedParameters(modelOfFile(out).model);
      const [ours, theirs] = [out, tinyFull].map((name) => readTrainingCheckpoint(name, names, optimizerForms));
      expect(ours?.optimizer).toEqual(theirs?.optimizer);
      for (const [name, { values }] of theirs?.model ?? [])
        expect(ours?.model.get(name)?.values).toEqual(toFloat32Values(dtype, toHalves(dtype, values)));
    });
  });

  it('gives a bare state_dict of weights alone', async () => {
    await inTemporaryFolder((folder) => {
      const out = path.join(folder, 'weights.pt');
      exportCheckpoint(request({ weightsOnly: true, out }));
      readTorchFile(out, (value) => {
        expect(value).toBeInstanceOf(PythonOrderedDict);
        expect(weightTensors(value)).toMatchObject({ key: undefined, prefix: '' });
      });
      expect(readWeights(out).model).toEqual(readWeights(tinyFull).model);
    });
  });
});

it('a safetensors export holds the weights, and model and labels in its metadata', async () => {
  await inTemporaryFolder(async (folder) => {
    const imported = await importNamed(folder);
    const { path: out } = exportCheckpoint(request({ file: path.join(imported, 'SignTransformer_best.pt'), format: 'safetensors' }));
    const loaded = modelOfFile(out);
    expect(loaded.model.config).toEqual(modelOfFile(tinyFull).model.config);
    expect(loaded.labels?.gloss).toContain('SIGN 6');
    expect(readWeights(out)).toMatchObject({ epoch: 12, bestMetric: 11 / 13 });
    expect(new Map([...readWeights(out).model].sort())).toEqual(new Map([...readWeights(tinyFull).model].sort()));
  });
});

/** tfjs-node's own way to run a SavedModel, apart from everything that Kumpas does with graphs. */
interface TensorFlowNode {
  readonly node: {
    getMetaGraphsFromSavedModel(folder: string): Promise<{ tags: string[]; signatureDefs: Record<string, unknown> }[]>;
    loadSavedModel(
      folder: string,
      tags: string[],
      signature: string,
    ): Promise<{
      predict(inputs: Record<string, tf.Tensor>): Record<string, tf.Tensor>;
      dispose(): void;
    }>;
  };
}
const tensorflowNode = async (): Promise<TensorFlowNode> => (await import('@tensorflow/tfjs-node-gpu')) as unknown as TensorFlowNode;

async function runSavedModel(folder: string, features: tf.Tensor, mask: tf.Tensor): Promise<Record<string, Float32Array>> {
  const { node } = await tensorflowNode();
  const model = await node.loadSavedModel(folder, ['serve'], 'serving_default');
  const outputs = model.predict({ features, mask });
  const values = Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.dataSync<'float32'>().slice()]));
  for (const tensor of [features, mask, ...Object.values(outputs)]) tensor.dispose();
  model.dispose();
  return values;
}

describe('a SavedModel', () => {
  it('is loaded and run by TensorFlow through tfjs-node’s loadSavedModel, and gives PyTorch’s logits', async () => {
    const expected = await readArrays(path.join(parityFolder, 'tiny_full_forward.npz'));
    const lengths = arrayNamed(expected, 'lengths');
    await inTemporaryFolder(async (folder) => {
      const imported = await importNamed(folder);
      for (const [dtype, tolerance] of [
        ['float32', 1e-5],
        ['bfloat16', 2e-2], // Weights are rounded to 8 bits.
        ['float16', 2e-3], // Weights are rounded to 11 bits.
      ] as const) {
        const exported = exportCheckpoint(
          request({ file: path.join(imported, 'SignTransformer_best.pt'), format: 'saved-model', dtype, batchSize: 6, frames: 24 }),
        );
        const mask = Float32Array.from({ length: 6 * 24 }, (_, place) => (place % 24 < (lengths[Math.floor(place / 24)] ?? 0) ? 1 : 0));
        const outputs = await runSavedModel(exported.path, tf.tensor(arrayNamed(expected, 'X'), [6, 24, 156]), tf.tensor(mask, [6, 24]));
        expect(relativeDifference(outputs['gloss_logits'] ?? [], arrayNamed(expected, 'gloss'))).toBeLessThan(tolerance);
        expect(relativeDifference(outputs['category_logits'] ?? [], arrayNamed(expected, 'cat'))).toBeLessThan(tolerance);
        expect(outputs['gloss_probabilities']?.subarray(0, 7).reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
        expect(JSON.parse(readFileSync(path.join(exported.path, 'assets', 'labels.json'), 'utf8'))).toMatchObject({
          gloss: expect.arrayContaining(['SIGN 6']) as unknown as string[],
          category: ['KIND 0', 'KIND 1', 'KIND 2'],
        });
      }
      const files = readdirSync(path.join(imported, 'exports'));
      expect(files).toHaveLength(3);
      const size = (name: string): number => statSync(path.join(imported, 'exports', name, 'saved_model.pb')).size;
      expect(size('SignTransformer_best_float16_saved_model')).toBeLessThan(0.7 * size('SignTransformer_best_saved_model'));
      expect(tf.memory().numTensors).toBe(0);
    });
  });

  it('tells its signature', async () => {
    await inTemporaryFolder(async (folder) => {
      const { path: out } = exportCheckpoint(request({ format: 'saved-model', out: path.join(folder, 'served') }));
      const { node } = await tensorflowNode();
      expect(await node.getMetaGraphsFromSavedModel(out)).toMatchObject([
        {
          tags: ['serve'],
          signatureDefs: {
            serving_default: {
              inputs: { features: { dtype: 'float32' }, mask: { dtype: 'float32' } },
              outputs: { gloss_logits: {}, category_logits: {}, gloss_probabilities: {}, category_probabilities: {} },
            },
          },
        },
      ]);
    });
  });

  it('of more frames than the model takes is refused, and leaves nothing', async () => {
    await inTemporaryFolder((folder) => {
      const out = path.join(folder, 'served');
      expect(() => exportCheckpoint(request({ format: 'saved-model', frames: 65, out }))).toThrow(
        '--frames 65: the model takes at most 64',
      );
      expect(existsSync(out)).toBe(false);
    });
  });

  itWithShared('fixtures/torch/transformer_isl13_best.pt', 'of a real training gives PyTorch’s logits on a real clip', async (file) => {
    const clip = path.join(path.dirname(file), '../../data/isl13/keypoints_val/clip_0001_fail.npz');
    const values = toFloat32(await (await openNpz(clip)).read('X'));
    const expected = await readArrays(path.join(path.dirname(file), '../parity/transformer_isl13_val_logits.npz'));
    const frames = values.length / 156;
    await inTemporaryFolder(async (folder) => {
      const out = path.join(folder, 'served');
      exportCheckpoint(request({ file, format: 'saved-model', frames: 64, out }));
      const features = new Float32Array(64 * 156);
      features.set(values);
      const mask = Float32Array.from({ length: 64 }, (_, frame) => (frame < frames ? 1 : 0));
      const outputs = await runSavedModel(out, tf.tensor(features, [1, 64, 156]), tf.tensor(mask, [1, 64]));
      expect(relativeDifference(outputs['gloss_logits'] ?? [], arrayNamed(expected, 'gloss_logits').subarray(0, 13))).toBeLessThan(1e-4);
    });
  });
});
