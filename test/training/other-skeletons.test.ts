import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  readTrainingCheckpoint,
  readWeights,
  writeTrainingCheckpoint,
  type PlainRecord,
  type TrainingCheckpoint,
} from '../../src/checkpoint/training-checkpoint';
import { widthOfLayout, type KeypointLayout } from '../../src/config/keypoint-layout';
import { HOLISTIC_78, KNOWN_LAYOUTS } from '../../src/config/known-layouts';
import { layoutDescribed } from '../../src/config/layout-description';
import { exportCheckpoint } from '../../src/conversion/export-checkpoint';
import { importCheckpoint } from '../../src/conversion/import-checkpoint';
import { writeClipFile } from '../../src/data/clip-file';
import { writeLayoutFile } from '../../src/data/layout-file';
import { optimizerForms } from '../../src/engine/optimizers/table';
import { startRuntime } from '../../src/engine/runtime';
import { evaluate } from '../../src/evaluation/evaluate';
import { modelOfFile } from '../../src/evaluation/loaded-model';
import { predict } from '../../src/evaluation/predict';
import type { RunFolder } from '../../src/folder/model-folder';
import { required } from '../../src/foundation/required';
import { optimizerParameters } from '../../src/models/model';
import { inTemporaryFolder } from '../support/clip-files';
import { importOptions } from '../support/import-options';
import { resumeSmall, smallSettings, trainSmall } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

const known = (name: string): KeypointLayout => required(KNOWN_LAYOUTS.get(name), name);

/** A skeleton of somebody's own: three points, x, y and z. */
const ownSkeleton = layoutDescribed(
  {
    name: 'glove',
    dimensions: 3,
    parts: [{ name: 'glove', points: ['left_shoulder', 'right_shoulder', 'hand'] }],
    mirror: [['left_shoulder', 'right_shoulder']],
  },
  'a test',
);

/** A clip whose points move, all in [0, 1]. */
function writeClip(file: string, layout: KeypointLayout, seed: number, frames = 6): void {
  const values = Float32Array.from(
    { length: frames * widthOfLayout(layout) },
    (_, place) => 0.05 + (((place * 31 + seed * 97) % 1009) / 1009) * 0.9,
  );
  writeClipFile(file, { frames, values, timestampsMs: Array.from({ length: frames }, (_, frame) => frame * 33), meta: {}, layout });
}

/** A data folder of clips of a layout: six to train on, three to validate, three glosses. */
function writeSet(folder: string, layout: KeypointLayout): string {
  const data = path.join(folder, 'data');
  for (const [split, count] of [
    ['train', 6],
    ['val', 3],
  ] as const) {
    const names = Array.from({ length: count }, (_, index) => `${split}_${index}`);
    names.forEach((name, index) => {
      writeClip(path.join(data, `keypoints_${split}`, `${name}.npz`), layout, index + (split === 'val' ? 50 : 0));
    });
    writeFileSync(
      path.join(data, `${split}_labels.csv`),
      ['file,gloss,cat', ...names.map((name, index) => `${name},${index % 3},0`), ''].join('\n'),
    );
  }
  writeLayoutFile(data, layout);
  return data;
}

/** A training of one epoch on such a set. */
async function trainOn(folder: string, layout: KeypointLayout, typed: Readonly<Record<string, string>> = {}): Promise<RunFolder> {
  writeSet(folder, layout);
  const { run } = await trainSmall(smallSettings(folder, { epochs: '1', ...typed }));
  return run.folder.files;
}

function recorded({ config }: RunFolder): unknown {
  return JSON.parse(readFileSync(config, 'utf8'));
}

describe('a model of other key points', () => {
  it.each([
    ['holistic75', known('holistic75'), { layout: 'holistic75' }, { augment: 'strong', augment_mirror: '1', normalize: 'shoulders' }],
    ['holistic543x3', known('holistic543x3'), { layout: 'holistic543x3' }, { normalize: 'shoulders' }],
    ["a skeleton of one's own", ownSkeleton, { name: 'glove', dimensions: 3 }, { augment_mirror: '1', normalize: 'shoulders' }],
  ])('of %s is trained, gone on with, evaluated, used, exported and imported', async (_, layout, described, typed) => {
    await inTemporaryFolder(async (folder) => {
      const files = await trainOn(folder, layout, typed);
      const width = widthOfLayout(layout);
      expect(readWeights(files.best).config).toMatchObject({ input_dim: width, keypoints: described });
      expect(recorded(files)).toMatchObject({ run: { keypoints: described, model: { input_dim: width } } });
      expect(readFileSync(files.readme, 'utf8')).toContain(`def normalize(X):  # float32 [frames, ${width}]`);

      const { run: resumed } = await resumeSmall(files.last, { epochs: '2' });
      expect(resumed.folder.rows).toHaveLength(2);
      expect(modelOfFile(files.last).keypoints).toEqual(layout);

      const { result } = await evaluate({ model: files.folder, out: path.join(folder, 'results') });
      expect(result.clips).toHaveLength(3);
      const clip = path.join(folder, 'data/keypoints_val/val_0.npz');
      const { predictions } = await predict({ model: files.folder, input: clip });
      expect(predictions).toMatchObject([{ doubts: [] }]);

      const out = path.join(folder, 'exported.pt');
      const weights = { dtype: 'float32', weightsOnly: false, shape: {}, batchSize: 1, frames: undefined } as const;
      exportCheckpoint({ file: files.best, format: 'torch', out, ...weights });
      const imported = await importCheckpoint({ best: out }, importOptions(path.join(folder, 'imported')));
      const again = modelOfFile(path.join(imported.folder, 'SignTransformer_best.pt'));
      expect(again).toMatchObject({ keypoints: layout, transforms: modelOfFile(files.best).transforms });
      expect((await predict({ model: imported.folder, input: clip })).predictions[0]?.gloss).toEqual(
        (await predict({ model: files.best, input: clip })).predictions[0]?.gloss,
      );
    });
  });

  it('refuses data and clips of another layout in a line that names both', async () => {
    await inTemporaryFolder(async (folder) => {
      const files = await trainOn(folder, known('hands42'));
      const other = writeSet(path.join(folder, 'other'), known('holistic75'));
      const said =
        /keypoints\.json: its clips are holistic75 \(75 key points .*\), as .*keypoints\.json says; expected hands42 \(42 key points .*\), as .*SignTransformer_best\.pt takes them: give clips of that layout$/;
      await expect(evaluate({ model: files.folder, data: other, out: path.join(folder, 'results') })).rejects.toThrow(said);
      expect(existsSync(path.join(folder, 'results'))).toBe(false);
      await expect(resumeSmall(files.last, { epochs: '2', data: other })).rejects.toThrow(
        /expected hands42 .*SignTransformer_last\.pt takes them/,
      );
      const begun = smallSettings(folder, { data: other, init_from: files.best });
      await expect(trainSmall(begun)).rejects.toThrow(/expected hands42 .*SignTransformer_best\.pt takes them/);
      // The usual key points, which their width tells.
      const usual = writeSet(path.join(folder, 'usual'), HOLISTIC_78);
      await expect(evaluate({ model: files.folder, data: usual, out: path.join(folder, 'results') })).rejects.toThrow(
        /its clips are holistic78 \(78 key points .*\), by the width of its frames; expected hands42/,
      );
      const { leftOut } = await predict({ model: files.folder, input: path.join(usual, 'keypoints_val/val_0.npz') });
      expect(leftOut).toMatchObject([
        {
          problem: expect.stringMatching(
            /^"X" is \[6, 156\], 156 numbers a frame; expected 84: 42 key points × \(x, y\): left hand 21, right hand 21, as .*SignTransformer_best\.pt takes them; this looks like key points as --model transformer reads them/,
          ) as unknown,
        },
      ]);
    });
  });

  it('refuses a clip of as many numbers whose meta says other key points', async () => {
    await inTemporaryFolder(async (folder) => {
      const files = await trainOn(folder, known('pose33'));
      const clip = path.join(folder, 'clip.npz');
      writeClip(
        clip,
        layoutDescribed(
          { name: 'x', dimensions: 3, parts: [{ name: 'thumbs', points: Array.from({ length: 22 }, (_, at) => `p${at}`) }] },
          'a test',
        ),
        1,
      );
      const { leftOut } = await predict({ model: files.folder, input: clip });
      expect(leftOut).toMatchObject([
        { problem: expect.stringMatching(/^"meta" says keypoints_total 22; expected 33, as .* takes them/) as unknown },
      ]);
    });
  });

  it('of 78 points says nothing of them: its files are as they were', async () => {
    await inTemporaryFolder(async (folder) => {
      const files = await trainOn(folder, HOLISTIC_78);
      expect(readWeights(files.best).config).not.toHaveProperty('keypoints');
      expect(JSON.stringify(recorded(files))).not.toContain('"keypoints":');
    });
  });

  it('of another program is taken for key points of which only the number is known, and goes on with data that says which', async () => {
    await inTemporaryFolder(async (folder) => {
      const files = await trainOn(folder, known('hands42'));
      const out = path.join(folder, 'foreign.pt');
      const { epoch, model, optimizer, scheduler, config } = readTraining(files.last);
      const { num_gloss, num_cat, n_heads, pooling_method, max_len } = config;
      const foreign = { num_gloss, num_cat, n_heads, pooling_method, max_len } as PlainRecord;
      writeTrainingCheckpoint(out, { epoch, model, optimizer, scheduler, bestMetric: 0, config: foreign, args: undefined });
      expect(modelOfFile(out).keypoints).toMatchObject({ name: 'unknown', dimensions: 2, parts: [] });
      const clip = path.join(folder, 'data/keypoints_val/val_0.npz');
      expect((await predict({ model: out, input: clip })).predictions).toHaveLength(1);
      const { run } = await resumeSmall(out, { epochs: '2', data: path.join(folder, 'data') });
      expect(modelOfFile(run.folder.files.last).keypoints).toBe(known('hands42'));
    });
  });
});

describe('a set of other key points', () => {
  it('is known by the meta of its clips where no file says it', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSet(folder, known('pose33x3'));
      rmSync(path.join(data, 'keypoints.json'));
      const { run } = await trainSmall(smallSettings(folder, { epochs: '1' }));
      expect(modelOfFile(run.folder.files.best).keypoints).toBe(known('pose33x3'));
    });
  });

  it.each([
    ['{"layout": "holistic57"}', /data\/keypoints\.json: layout: "holistic57" is not known; is holistic75 meant\?/],
    ['{"layout": ', /data\/keypoints\.json: no valid JSON: line 1, column \d+/],
    [
      '{"name": "x", "dimensions": 2, "parts": [{"name": "a", "points": ["b", "b"]}]}',
      /keypoints\.json: parts: the point "b" is there twice/,
    ],
    [
      '{"layout": "pose33"}',
      /train_0\.npz: "X" is \[6, 84\], 84 numbers a frame; expected 66: 33 key points × \(x, y\), as .*keypoints\.json says/,
    ],
  ])('is refused with a keypoints.json of %s', async (text, said) => {
    await inTemporaryFolder(async (folder) => {
      writeFileSync(path.join(writeSet(folder, known('hands42')), 'keypoints.json'), text);
      await expect(trainSmall(smallSettings(folder, { epochs: '1' }))).rejects.toThrow(said);
    });
  });

  it('says what it lacks for a transform that needs it', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSet(folder, known('hands42'));
      await expect(trainSmall(smallSettings(folder, { normalize: 'shoulders' }))).rejects.toThrow(
        'normalize by shoulders needs the points pose_11 and pose_12, or left_shoulder and right_shoulder; hands42 has neither; train with normalize none',
      );
    });
    await inTemporaryFolder(async (folder) => {
      writeSet(folder, known('pose33'));
      await expect(trainSmall(smallSettings(folder, { augment: 'strong' }))).rejects.toThrow(
        'finger_dropout needs a part left_hand, and the parts of pose33 are pose; augment_finger_dropout 0 turns it off',
      );
    });
  });
});

/** All that a training goes on from. */
function readTraining(file: string): TrainingCheckpoint {
  const names = optimizerParameters(modelOfFile(file).model)[0];
  return readTrainingCheckpoint(file, names, optimizerForms);
}
