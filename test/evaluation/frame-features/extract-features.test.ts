import { copyFileSync, mkdirSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { clipFolders } from '../../../src/config/data-settings';
import type { DataProblem } from '../../../src/data/data-error';
import { openNpz, formatNpz } from '../../../src/data/npz';
import { startRuntime } from '../../../src/engine/runtime';
import { tf } from '../../../src/engine/tensorflow';
import {
  encodeClips,
  openAsFeatures,
  type ExtractionResult,
  holdsFeatures,
  writeFeatures,
  listPictureClips,
} from '../../../src/evaluation/frame-features/encode-clips';
import { PictureFeatures } from '../../../src/evaluation/frame-features/picture-features';
import type { PictureEncoder } from '../../../src/models/model';
import { inTemporaryFolder } from '../../support/clip-files';

beforeAll(async () => {
  await startRuntime();
});

const fixtures = path.resolve(__dirname, '../../fixtures/pictures');

/** A small encoder in InceptionV3's place, which has tests of its own: the means of red, green and blue, times a weight. */
const encoder: PictureEncoder = {
  side: 8,
  width: 3,
  identity: 'means',
  parameters: [{ name: 'weight', shape: [3], trainable: false, initialise: () => new Float32Array(3) }],
  prepare: (weights) => weights,
  encode: ({ weight }, pictures) => tf.mul(tf.mean(pictures, [1, 2]), weight ?? 1),
};

const featuresOf = (weight: number): PictureFeatures =>
  new PictureFeatures(encoder, new Map([['weight', new Float32Array(3).fill(weight)]]), { mode: 'captured' });

/** A folder clip, an `.npz` clip with key points, and a clip that is none. */
function writeFrames(folder: string): void {
  const pictures = path.join(folder, 'frames_val/sign_a');
  mkdirSync(pictures, { recursive: true });
  for (const name of ['frame_1.png', 'frame_2.jpg', 'frame_10.png']) copyFileSync(path.join(fixtures, name), path.join(pictures, name));
  const values = Uint8Array.from({ length: 2 * 4 * 4 * 3 }, (_, place) => [10, 20, 30][place % 3] ?? 0);
  const others: Parameters<typeof formatNpz>[0] = {
    timestamps_ms: { dtype: 'int64', shape: [2], values: BigInt64Array.of(0n, 33n) },
    meta: { dtype: 'text', shape: [], values: ['{"gloss":"HELLO"}'] },
  };
  writeFileSync(
    path.join(folder, 'frames_val/sign_b.npz'),
    formatNpz({ frames: { dtype: 'uint8', shape: [2, 4, 4, 3], values }, ...others }),
  );
  mkdirSync(path.join(folder, 'frames_val/broken'));
  writeFileSync(path.join(folder, 'frames_val/broken/1.jpg'), 'no picture');
}

async function extract(folder: string, features: PictureFeatures): Promise<ExtractionResult & { told: DataProblem[]; shown: number[] }> {
  const told: DataProblem[] = [];
  const shown: number[] = [];
  const result = await encodeClips(listPictureClips(folder), features, {
    framesKey: 'frames',
    fileOf: ({ name }) => path.join(folder, 'out', `${name}.npz`),
    onProblem: (problem) => told.push(problem),
    onProgress: ({ done }) => shown.push(done),
  });
  features.dispose();
  return { ...result, told, shown };
}

describe('encodeClips', () => {
  it('writes each clip’s features with what else is known of it, tells a bad clip and goes on', async () => {
    await inTemporaryFolder(async (folder) => {
      const frames = path.join(folder, 'data');
      writeFrames(frames);
      const result = await extract(frames, featuresOf(2));
      expect(result).toMatchObject({ computed: 2, skipped: 0, frames: 5, shown: [1, 2, 3] });
      expect(result.told).toEqual([
        { file: path.join(frames, 'frames_val/broken/1.jpg'), problem: expect.stringMatching(/cannot be read/) },
      ]);
      const npz = await openNpz(path.join(frames, 'out/frames_val/sign_b.npz'));
      const { shape, values } = await npz.read('X2048');
      expect(shape).toEqual([2, 3]);
      expect([...values].map(Number)).toEqual([20, 40, 60, 20, 40, 60]);
      expect(await npz.read('timestamps_ms')).toMatchObject({ values: BigInt64Array.of(0n, 33n) });
      const { values: meta } = await npz.read('meta');
      expect(JSON.parse(String(meta[0]))).toMatchObject({ gloss: 'HELLO', features: { encoder: expect.any(String) } });
      expect(npz.has('frames')).toBe(false);
    });
  });

  it('leaves alone what is done, and does anew what other pictures or weights made', async () => {
    await inTemporaryFolder(async (folder) => {
      writeFrames(folder);
      const clips = (result: ExtractionResult): [number, number] => [result.computed, result.skipped];
      const files = ['sign_a', 'sign_b'].map((name) => path.join(folder, 'out/frames_val', `${name}.npz`));
      const bytes = (): string[] => files.map((file) => readFileSync(file).toString('base64'));
      const once = async (weight: number): Promise<[number, number]> => {
        const features = featuresOf(weight);
        const listed = listPictureClips(folder).filter(({ name }) => name.startsWith('frames_val'));
        const result = await encodeClips(listed, features, {
          framesKey: 'frames',
          fileOf: ({ name }) => path.join(folder, 'out', `${name}.npz`),
        });
        features.dispose();
        return clips(result);
      };
      expect(await once(1)).toEqual([2, 0]);
      const before = bytes();
      expect(await once(1)).toEqual([0, 2]);
      expect(bytes()).toEqual(before);
      const changed = path.join(folder, 'frames_val/sign_a/frame_1.png');
      utimesSync(changed, statSync(changed).atime, new Date(Date.now() + 5000));
      expect(await once(1)).toEqual([1, 1]);
      writeFileSync(files[1] ?? '', 'damaged');
      expect(await once(1)).toEqual([1, 1]);
      expect(await once(3)).toEqual([2, 0]);
    });
  });
});

describe('openAsFeatures', () => {
  const request = (folder: string): Parameters<typeof openAsFeatures>[0] => ({
    source: { folder },
    key: 'frames',
    layout: clipFolders('frames'),
    width: 3,
    demoSeed: 0,
    memoryBudgetBytes: 1e9,
    needTrain: false,
  });
  const model = { pictureEncoder: encoder } as Parameters<typeof openAsFeatures>[1];
  const weights = new Map([['weight', new Float32Array(3).fill(1)]]);

  it('opens clips of pictures as clips of features', async () => {
    await inTemporaryFolder(async (folder) => {
      writeFrames(folder);
      writeFileSync(path.join(folder, 'val_labels.csv'), 'file,gloss,cat\nsign_a,0,0\nsign_b,1,0\n');
      const { title, validation } = await openAsFeatures(request(folder), model, weights, path.join(folder, 'cache'));
      expect(title).toBe(folder);
      expect(validation.entries.map(({ name, frames }) => [name, frames])).toEqual([
        ['sign_a', 3],
        ['sign_b', 2],
      ]);
      expect([...(validation.values?.[1] ?? [])]).toEqual([10, 20, 30, 10, 20, 30]);
    });
  });

  it('takes a share of the training clips to validate, where there are no others', async () => {
    await inTemporaryFolder(async (folder) => {
      writeFrames(folder);
      renameSync(path.join(folder, 'frames_val'), path.join(folder, 'frames_train'));
      writeFileSync(path.join(folder, 'train_labels.csv'), 'file,gloss,cat\nsign_a,0,0\nsign_b,0,0\n');
      const asked = { ...request(folder), needTrain: true, validationShare: { share: 0.5, seed: 1, refuseOwn: true } };
      const { title, train, validation } = await openAsFeatures(asked, model, weights, path.join(folder, 'cache'));
      expect(title).toBe(folder);
      expect([train?.entries, validation.entries].map((entries) => entries?.length)).toEqual([1, 1]);
      expect([...(train?.entries ?? []), ...validation.entries].map(({ name }) => name).sort()).toEqual(['sign_a', 'sign_b']);
      expect(validation.width).toBe(3);
    });
  });

  it('lists every clip that is missing or cannot be used', async () => {
    await inTemporaryFolder(async (folder) => {
      writeFrames(folder);
      writeFileSync(path.join(folder, 'val_labels.csv'), 'file,gloss,cat\nbroken,0,0\nabsent,1,0\n');
      const opened = openAsFeatures(request(folder), model, weights, path.join(folder, 'cache'));
      await expect(opened).rejects.toThrow(
        /2 problems in 2 files[^]*absent: no such clip[^]*\(line 3\)[^]*broken\/1\.jpg: the picture cannot be read/,
      );
    });
  });

  it('leaves out those that cannot be used where that is asked for, whatever was kept of them before', async () => {
    await inTemporaryFolder(async (folder) => {
      writeFrames(folder);
      writeFileSync(path.join(folder, 'val_labels.csv'), 'file,gloss,cat\nsign_a,0,0\nsign_b,1,0\n');
      const open = async (): ReturnType<typeof openAsFeatures> =>
        openAsFeatures({ ...request(folder), leaveOutBroken: true }, model, weights, path.join(folder, 'cache'));
      expect((await open()).leftOut).toEqual([]);
      const picture = path.join(folder, 'frames_val/sign_a/frame_1.png');
      writeFileSync(picture, 'no picture');
      const { validation, leftOut } = await open();
      expect(validation.entries.map(({ name }) => name)).toEqual(['sign_b']);
      expect(leftOut).toEqual([{ file: picture, problem: expect.stringMatching(/^the picture cannot be read/) }]);
      renameSync(path.join(folder, 'frames_val/sign_b.npz'), path.join(folder, 'away.npz'));
      await expect(open()).rejects.toThrow(
        /^data: 2 problems in 2 files\n[^]*sign_b: no such clip, neither a folder of pictures nor an \.npz/,
      );
    });
  });
});

describe('the meta of pictures', () => {
  it('is left out where it is nested too deep to be written again', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = path.join(folder, 'features.npz');
      const deep = `{"gloss":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
      const others = new Map([['meta', { dtype: 'text' as const, shape: [], values: [deep] }]]);
      const origin = { encoder: 'means', changed: 1, bytes: 2 };
      writeFeatures(file, new Float32Array(3), 3, { others, origin });
      expect(await holdsFeatures(file, origin)).toBe(true);
      expect((await (await openNpz(file)).read('meta')).values).toEqual([JSON.stringify({ features: origin })]);
    });
  });
});
