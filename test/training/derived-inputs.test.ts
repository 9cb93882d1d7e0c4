import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readTrainingCheckpoint, readWeights } from '../../src/checkpoint/training-checkpoint';
import { HOLISTIC_78 } from '../../src/config/known-layouts';
import { exportCheckpoint } from '../../src/conversion/export-checkpoint';
import { importCheckpoint } from '../../src/conversion/import-checkpoint';
import { inspectCheckpoint } from '../../src/conversion/inspect';
import type { Batch } from '../../src/data/batch';
import { openClips, type Clips } from '../../src/data/open-clips';
import { transformsInPython } from '../../src/data/transforms/pipeline';
import { optimizerForms } from '../../src/engine/optimizers/table';
import { startRuntime } from '../../src/engine/runtime';
import { evaluateModel } from '../../src/evaluation/evaluate';
import { modelOfFile } from '../../src/evaluation/loaded-model';
import { predict } from '../../src/evaluation/predict';
import { loadModel } from '../../src/evaluation/recogniser';
import { elementAt, required } from '../../src/foundation/required';
import { defineModel } from '../../src/models/define-model';
import { pool } from '../../src/models/layers/frame-rows';
import { linear, linearParameters } from '../../src/models/layers/linear';
import { trainedParameters, type ModelDefinition } from '../../src/models/model';
import { ownModels } from '../../src/models/model-table';
import type { TrainingRun } from '../../src/training/run';
import { resolveTraining } from '../../src/training/warm-start';
import { inTemporaryFolder } from '../support/clip-files';
import { importOptions } from '../support/import-options';
import { resumeSmall, smallSettings, trainSmall, writeSmallData } from '../support/small-training';

const ALL = { motion: 'true', bones: 'true', missingness: 'true' };
const TRANSFORMS = [
  { name: 'normalize', by: 'shoulders' },
  { name: 'derived_inputs', motion: true, bones: true, missingness: true },
];

beforeAll(async () => {
  await startRuntime();
});

/** Weights, their average, and the log. */
function outcome({ folder: { files } }: TrainingRun): unknown {
  const { model } = readWeights(files.last);
  return { weights: [...model], best: [...readWeights(files.best).model], log: readFileSync(files.log, 'utf8') };
}

async function batchesOf(clips: Clips): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of clips.batches({ batchSize: 4 })) batches.push(batch);
  return batches;
}

describe('a model that sees what is computed of key points', () => {
  it('learns of it, is bit for bit the same when it was interrupted, and is used, exported and gone on with as it was trained', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const recipe = { ...ALL, normalize: 'shoulders', augment_keypoint_dropout: '1', ema: 'true', accumulation_steps: '2', epochs: '2' };
      const { run: whole } = await trainSmall(smallSettings(folder, { ...recipe, description: 'whole' }));
      const { files } = whole.folder;
      expect(readWeights(files.best).config).toMatchObject({ transforms: TRANSFORMS, input_dim: 490 });
      expect(readWeights(files.best).model.get('embedding.weight')?.shape).toEqual([16, 490]);

      const controller = new AbortController();
      const onEvent = ({ kind }: { kind: string }): void => {
        if (kind === 'step') controller.abort();
      };
      const { run: first, end } = await trainSmall(smallSettings(folder, { ...recipe, description: 'parts' }), {
        signal: controller.signal,
        onEvent,
      });
      expect(end).toBe('interrupted');
      expect(outcome((await resumeSmall(first.folder.files.last)).run)).toEqual(outcome(whole));

      // Adam remembers a gradient of each kind: velocities, bones and what is missing.
      const { optimizer } = readTrainingCheckpoint(files.last, trainedParameters(whole.learner.model), optimizerForms);
      const slots = required(optimizer, 'the state of Adam').slots;
      expect(slots.size).toBe(2);
      for (const slot of slots.values())
        for (const [start, end] of [
          [156, 312],
          [312, 412],
          [412, 490],
        ])
          expect(
            slot
              .get('embedding.weight')
              ?.subarray(start, end)
              .some((value) => value !== 0),
          ).toBe(true);

      const loaded = modelOfFile(files.best);
      expect(loaded).toMatchObject({ clipWidth: 156, model: { width: 490 }, transforms: TRANSFORMS });
      const { scores, outputs } = await evaluateModel(loaded, whole.data.dataset, 4);
      expect(scores.gloss.accuracy).toBe(readWeights(files.best).bestMetric);

      // The same of a file, of values in memory, and of frames that the library makes.
      const clip = path.join(data, 'keypoints_val/val_0.npz');
      const recogniser = await loadModel(files.best);
      try {
        expect(recogniser.width).toBe(156);
        const { values } = await (await openClips({ data, split: 'validation' })).read(0);
        const known = await recogniser.predict(values, { topK: 0 });
        const { predictions } = await predict({ model: files.folder, input: clip, top_k: 0 });
        const ids = ({ gloss }: Pick<typeof known, 'gloss'>): number[] => gloss.map(({ id }) => id);
        expect(ids(known)).toEqual(predictions[0] && ids(predictions[0]));
        const logits = outputs.glossLogits;
        expect(ids(known)[0]).toBe(logits.subarray(0, 3).indexOf(Math.max(...logits.subarray(0, 3))));
        expect(predictions[0]?.gloss[0]?.probability).toBeCloseTo(known.gloss[0]?.probability ?? NaN, 6);
      } finally {
        recogniser.dispose();
      }
      const derived = await openClips({ data, split: 'validation', transforms: TRANSFORMS });
      expect(derived.width).toBe(490);
      const asNeeded = await openClips({ data, split: 'validation', transforms: TRANSFORMS, memoryBudget: 1 });
      const [batches, read] = [await batchesOf(derived), await batchesOf(asNeeded)];
      expect(read).toEqual(batches);
      for (const { width, frames, features } of batches) expect([width, features.length]).toEqual([490, 4 * frames * 490]);

      const python = transformsInPython(TRANSFORMS, HOLISTIC_78);
      const readme = readFileSync(files.readme, 'utf8');
      expect(readme).toContain(python?.definitions.join('\n'));
      expect(readme).toContain('X = derived_inputs(normalize(X))');
      const documented = transformsInPython(TRANSFORMS.slice(1), HOLISTIC_78)?.definitions.join('\n');
      expect(readFileSync(path.resolve(__dirname, '../../docs/data.md'), 'utf8')).toContain(documented);
      expect(inspectCheckpoint(files.best).model?.clip).toMatchObject({ width: 156, transforms: TRANSFORMS });

      const out = path.join(folder, 'exported.safetensors');
      const asFile = { file: files.best, dtype: 'float32', shape: {}, batchSize: 1, frames: undefined } as const;
      exportCheckpoint({ ...asFile, format: 'safetensors', weightsOnly: false, out });
      const imported = await importCheckpoint({ best: out }, importOptions(path.join(folder, 'imported')));
      expect(JSON.parse(readFileSync(path.join(imported.folder, 'config.json'), 'utf8'))).toMatchObject({
        motion: true,
        bones: true,
        missingness: true,
      });
      const ofExport = await predict({ model: imported.folder, input: clip, top_k: 0 });
      expect(ofExport.predictions[0]?.gloss).toEqual((await predict({ model: files.folder, input: clip, top_k: 0 })).predictions[0]?.gloss);

      // Bare weights say nothing of it, as a model that PyTorch trained on such inputs does.
      const bare = path.join(folder, 'bare.pt');
      exportCheckpoint({ ...asFile, format: 'torch', weightsOnly: true, out: bare });
      await expect(trainSmall(smallSettings(folder, { init_from: bare }))).rejects.toThrow(
        /expected 245 key points[^\n]*; where the model sees beside these what is computed of them, say so: npm run convert -- import FILE --motion --bones --missingness$/,
      );
      const { folder: told } = await importCheckpoint(
        { best: bare },
        importOptions(path.join(folder, 'told'), { shape: { n_heads: 2 }, inputs: TRANSFORMS }),
      );
      expect((await predict({ model: told, input: clip, top_k: 0 })).predictions[0]?.gloss).toEqual(ofExport.predictions[0]?.gloss);
      await expect(trainSmall(smallSettings(folder, { ...ALL, normalize: 'shoulders', init_from: bare }))).rejects.toThrow(
        /\n--motion: the file does not say that its model sees it; make a folder of it that does \(npm run convert -- import [^ ]*bare\.pt --motion\)/,
      );

      await expect(resumeSmall(files.last, { epochs: '3', motion: 'false' })).rejects.toThrow(
        /--motion: a resumed run keeps true, found false/,
      );
      const begun = resolveTraining({ commandLine: { init_from: files.best } });
      expect(begun.resolved.settings).toMatchObject({ motion: true, bones: true, missingness: true, normalize: 'shoulders' });
      await expect(trainSmall(smallSettings(folder, { ...ALL, bones: 'false', init_from: files.best }))).rejects.toThrow(
        /the training's architecture is not that of the weights\n--bones: its weights are of true, found false; leave it out$/,
      );
    });
  });

  it.each(['motion', 'bones', 'missingness'])('is asked for by %s alone too', (input) => {
    const { settings } = resolveTraining({ commandLine: { [input]: 'true' } }).resolved;
    expect(ownModels.get('transformer').clipLocation(settings).transforms).toEqual([{ name: 'derived_inputs', [input]: true }]);
  });

  it('is none on features', () => {
    expect(() => resolveTraining({ commandLine: { model: 'iv3_gru', motion: 'true' } })).toThrow(
      '--motion: a flag of model transformer, not of this one',
    );
  });
});

describe("a model of one's own", () => {
  const modelOf = (name: string, inputs?: number): ModelDefinition =>
    defineModel({
      name,
      settings: {},
      parameters: ({ input_dim, num_gloss, num_cat }) => [
        ...linearParameters('gloss_head', inputs ?? input_dim, num_gloss),
        ...linearParameters('category_head', inputs ?? input_dim, num_cat),
      ],
      forward: (_, parameters, { features, mask }) => {
        const pooled = pool('mean', features, mask);
        return { glossLogits: linear(parameters, 'gloss_head', pooled), categoryLogits: linear(parameters, 'category_head', pooled) };
      },
    });

  it('is told how many numbers a frame it sees, and a checkpoint keeps that', () => {
    const definition = modelOf('pooled');
    const models = ownModels.with([definition]);
    const { settings } = resolveTraining({ commandLine: { model: 'pooled', motion: 'true' } }, undefined, models).resolved;
    const model = definition.fromSettings(settings, { gloss: 3, category: 2 }, 312);
    expect(model).toMatchObject({ width: 312, config: { input_dim: 312, num_gloss: 3, num_cat: 2 } });
    expect(definition.recognise({ config: { model: 'pooled', ...model.config }, shapes: new Map() })?.model.width).toBe(312);
    expect(definition.fromSettings(settings, { gloss: 3, category: 2 }, 156).config).toEqual({ num_gloss: 3, num_cat: 2 });
    expect(elementAt(model.parameters, 0).shape).toEqual([3, 312]);
  });

  it('is refused them where its parameters are for its clips alone', () => {
    const definition = modelOf('fixed', 156);
    const { settings } = resolveTraining(
      { commandLine: { model: 'fixed', motion: 'true' } },
      undefined,
      ownModels.with([definition]),
    ).resolved;
    expect(() => definition.fromSettings(settings, { gloss: 3, category: 2 }, 312)).toThrow(
      'model fixed: its parameters are for 156 numbers a frame, and these are 312: leave out motion, bones and missingness, or make the parameters for input_dim numbers',
    );
  });
});
