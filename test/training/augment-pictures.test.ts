import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import { readTrainingCheckpoint } from '../../src/checkpoint/training-checkpoint';
import { augmentations, featureAugmentSettings, mixing, PICTURE_PARTS, pictureAugmentSettings } from '../../src/config/augment-settings';
import { clipFolders } from '../../src/config/data-settings';
import { resolveSettings } from '../../src/config/resolve';
import { formatNpz } from '../../src/data/npz';
import { optimizerForms } from '../../src/engine/optimizers/table';
import { startRuntime } from '../../src/engine/runtime';
import { RandomStream } from '../../src/foundation/random';
import { defineModel } from '../../src/models/define-model';
import { pool } from '../../src/models/layers/frame-rows';
import { linear, linearParameters } from '../../src/models/layers/linear';
import { trainedParameters } from '../../src/models/model';
import { ownModels } from '../../src/models/model-table';
import { prepareRun } from '../../src/training/prepare-run';
import { readResumePoint, resumedSettings } from '../../src/training/resume';
import { closeRun } from '../../src/training/run';
import { trainEpochs } from '../../src/training/training-loop';
import { inTemporaryFolder } from '../support/clip-files';
import { quietContext } from '../support/small-training';

const [SIDE, FRAMES, COUNT] = [8, 3, 12];
const layout = clipFolders('frames');

/** A model that sees pictures itself, as an InceptionV3 that is trained does, but in no time. */
const seesPictures = defineModel({
  name: 'sees_pictures',
  settings: {},
  clips: {
    width: SIDE * SIDE * 3,
    settings: { ...featureAugmentSettings, ...pictureAugmentSettings },
    sources: ['data'],
    check: () => [],
    location: (settings) => ({
      source: settings.data === null ? undefined : { folder: settings.data },
      key: 'frames',
      layout,
      pictures: { side: SIDE, encoded: false },
      transforms: [...augmentations(settings, PICTURE_PARTS), ...mixing(settings)],
    }),
    usual: { key: 'frames', layout },
  },
  parameters: ({ num_gloss, num_cat }) => [
    ...linearParameters('gloss_head', SIDE * SIDE * 3, num_gloss),
    ...linearParameters('category_head', SIDE * SIDE * 3, num_cat),
  ],
  forward: (_, parameters, { features, mask }, { dropout }) => {
    const pooled = dropout(pool('mean', features, mask), 0.2);
    return { glossLogits: linear(parameters, 'gloss_head', pooled), categoryLogits: linear(parameters, 'category_head', pooled) };
  },
});

function writePictures(folder: string): string {
  const random = new RandomStream(5);
  const data = path.join(folder, 'data');
  for (const split of ['train', 'val']) {
    mkdirSync(path.join(data, `frames_${split}`), { recursive: true });
    const lines = Array.from({ length: COUNT }, (_, clip) => {
      const values = Uint8Array.from({ length: FRAMES * SIDE * SIDE * 3 }, () => random.uniform(0, 256));
      const file = path.join(data, `frames_${split}`, `${split}_${clip}.npz`);
      writeFileSync(file, formatNpz({ frames: { dtype: 'uint8', shape: [FRAMES, SIDE, SIDE, 3], values } }));
      return `${split}_${clip},${clip % 3},${clip % 2}`;
    });
    writeFileSync(path.join(data, `${split}_labels.csv`), ['file,gloss,cat', ...lines, ''].join('\n'));
  }
  return data;
}

beforeAll(async () => {
  await startRuntime();
});

const models = ownModels.with([seesPictures]);

/** Trains, from a checkpoint on where one is given: the file of its last state, and everything that must not differ. */
async function learn(
  typed: Readonly<Record<string, string>>,
  resume?: string,
  stopAt = Infinity,
): Promise<{ last: string; outcome: unknown }> {
  const stop = new AbortController();
  let steps = 0;
  const context = quietContext(({ kind }) => {
    if (kind === 'step' && ++steps === stopAt) stop.abort();
  });
  const point = resume === undefined ? undefined : readResumePoint(resume, {}, { models });
  const settings = point === undefined ? resolveSettings({ commandLine: typed }, models).settings : resumedSettings(point, [], models);
  const run = await prepareRun(settings, point, { ...context, models });
  await trainEpochs(run, stop.signal).finally(() => closeRun(run));
  const { last } = run.folder.files;
  const { model, optimizer } = readTrainingCheckpoint(last, trainedParameters(run.learner.model), optimizerForms);
  return { last, outcome: { weights: [...model], optimizer, log: run.folder.rows } };
}

it('a training on augmented pictures is bit for bit the same where it was interrupted, or reads them as needed; otherwise than without', async () => {
  await inTemporaryFolder(async (folder) => {
    const data = writePictures(folder);
    const plain = { model: 'sees_pictures', data, epochs: '2', batch_size: '4', save_dir: path.join(folder, 'models') };
    const augmented = { ...plain, augment: 'strong', augment_mixup: '0.5' };
    const { outcome: whole } = await learn(augmented);
    const { last } = await learn(augmented, undefined, 2);
    expect((await learn({}, last)).outcome).toEqual(whole);
    expect((await learn({ ...augmented, memory_budget_mb: '0.001' })).outcome).toEqual(whole);
    expect((await learn(plain)).outcome).not.toEqual(whole);
  });
});
