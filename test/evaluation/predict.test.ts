import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { HOLISTIC_78 } from '../../src/config/known-layouts';
import { readClip } from '../../src/data/clip';
import { formatNpz } from '../../src/data/npz';
import { packSet } from '../../src/data/pack/pack-set';
import { startRuntime } from '../../src/engine/runtime';
import { tf } from '../../src/engine/tensorflow';
import { modelOfFile } from '../../src/evaluation/loaded-model';
import { attendedFrames, frameShares } from '../../src/evaluation/attended-frames';
import { saveAttentionPicture } from '../../src/evaluation/pictures/attention';
import { clipFiles } from '../../src/evaluation/input-clips';
import { predict } from '../../src/evaluation/predict';
import { predictClips } from '../../src/evaluation/predict-clips';
import { clipArrays, inTemporaryFolder } from '../support/clip-files';
import { arrayNamed, parityFolder, readArrays, torchFolder } from '../support/parity';

beforeAll(async () => {
  await startRuntime();
});

const tiny = (): ReturnType<typeof modelOfFile> => modelOfFile(path.join(torchFolder, 'tiny_full.pt'));

function writeClip(file: string, frames = 20): string {
  writeFileSync(file, formatNpz(clipArrays(frames)));
  return file;
}

describe('the clips that are named', () => {
  it('are files, every clip of folders, and what fits patterns, each once', async () => {
    await inTemporaryFolder(async (folder) => {
      const [one, two] = ['a_one.npz', 'a_two.npz'].map((name) => writeClip(path.join(folder, name)));
      writeFileSync(path.join(folder, 'notes.txt'), '');
      mkdirSync(path.join(folder, 'empty'));
      expect(await clipFiles([folder])).toEqual([one, two]);
      expect(await clipFiles([path.join(folder, '*_two.npz'), folder])).toEqual([two, one]);
      await expect(clipFiles([path.join(folder, '*_three.npz')])).rejects.toThrow('no file fits this pattern');
      await expect(clipFiles([path.join(folder, 'three.npz')])).rejects.toThrow('no such file or folder');
      await expect(clipFiles([path.join(folder, 'empty')])).rejects.toThrow(
        'the folder holds no clip (.npz or .npy) and no folder of pictures',
      );
    });
  });

  it('may lie in folders below, as a set has one for each sign, in a pack as well', async () => {
    await inTemporaryFolder(async (folder) => {
      const set = path.join(folder, 'set');
      const [deep, flat] = ['keypoints/good morning/1.npz', 'keypoints/hello.npz'].map((name) => path.join(set, name));
      for (const clip of [deep, flat]) {
        mkdirSync(path.dirname(String(clip)), { recursive: true });
        writeClip(String(clip));
      }
      writeFileSync(path.join(set, 'labels.csv'), 'file,gloss,cat\ngood morning/1,0,0\nhello,1,0\n');
      expect(await clipFiles([set])).toEqual([deep, flat]);
      expect(await clipFiles([path.join(set, 'keypoints')])).toEqual([deep, flat]);
      const { file: pack } = await packSet({ data: set });
      expect(await clipFiles([path.join(pack, 'keypoints')])).toEqual(
        ['good morning/1.npz', 'hello.npz'].map((name) => path.join(pack, 'keypoints', name)),
      );
    });
  });

  it('are folders of pictures too', async () => {
    await inTemporaryFolder(async (folder) => {
      const clips = ['one', 'two'].map((name) => path.join(folder, name));
      for (const clip of clips) {
        mkdirSync(clip);
        writeFileSync(path.join(clip, '000.png'), '');
      }
      mkdirSync(path.join(folder, 'empty'));
      expect(await clipFiles([folder])).toEqual(clips);
      expect(await clipFiles([path.join(folder, 'two')])).toEqual(clips.slice(1));
    });
  });
});

describe('predicting', () => {
  it('draws attention into a .png alone', async () => {
    await inTemporaryFolder(async (folder) => {
      const input = writeClip(path.join(folder, 'clip.npz'));
      const asked = predict({ model: path.join(torchFolder, 'tiny_full.pt'), input, attention: path.join(folder, 'a.jpg') });
      await expect(asked).rejects.toThrow(/a\.jpg: the picture is a PNG; expected a name that ends in \.png/);
    });
  });

  it('goes on after a clip that cannot be read, where that is wanted, and says which key is missing', async () => {
    await inTemporaryFolder(async (folder) => {
      const good = writeClip(path.join(folder, 'good.npz'));
      const other = path.join(folder, 'other.npz');
      writeFileSync(other, formatNpz({ X2048: { dtype: 'float32', shape: [3, 2048], values: new Float32Array(3 * 2048) } }));
      const told: string[] = [];
      const options = { key: 'X', topK: 2, onBroken: ({ message }: Error) => told.push(message) };
      const predictions = await predictClips(tiny(), [other, good], options);
      expect(predictions.map(({ file }) => file)).toEqual([good]);
      expect(told).toEqual([expect.stringMatching(/other\.npz: no array "X"; the file holds: X2048/)]);
      await expect(predictClips(tiny(), [other], { key: 'X', topK: 2 })).rejects.toThrow(/no array "X"/);
    });
  });

  it('takes the values that a reader gives in place of those in the file', async () => {
    await inTemporaryFolder(async (folder) => {
      const clip = writeClip(path.join(folder, 'clip.npz'));
      const format = { key: 'X', width: 156, keypoints: HOLISTIC_78 };
      const [plain] = await predictClips(tiny(), [clip], { key: 'X', topK: 0 });
      const [read] = await predictClips(tiny(), ['elsewhere'], { key: 'none', topK: 0, read: () => readClip(clip, format) });
      expect(read).toEqual({ ...plain, file: 'elsewhere' });
    });
  });

  it('names the classes as a labels reference does where the checkpoint does not', async () => {
    await inTemporaryFolder(async (folder) => {
      const clip = writeClip(path.join(folder, 'clip.npz'));
      const labels = { gloss: ['A', 'B', 'C', 'D', 'E', 'F', 'G'], category: ['X', 'Y', 'Z'] };
      const [prediction] = await predictClips(tiny(), [clip], { key: 'X', topK: 0, labels });
      expect(prediction?.gloss.map(({ label }) => label).sort()).toEqual(labels.gloss);
      expect(prediction?.category.map(({ label }) => label).sort()).toEqual(labels.category);
    });
  });
});

describe('the frames that counted', () => {
  it('are the mean over heads and readers of PyTorch’s attention, without padding and class token', async () => {
    const arrays = await readArrays(path.join(parityFolder, 'transformer_forward.npz'));
    const values = arrayNamed(arrays, 'attn_layer0').subarray(0, 4 * 24 * 24);
    const frames = arrayNamed(arrays, 'lengths')[0] ?? 0;
    const weights = { shape: [1, 4, 24, 24], values: Float32Array.from(values) };
    const shares = frameShares(weights, frames, { layers: [], leadingPositions: 0, readFrom: undefined });
    expect(shares).toHaveLength(frames);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
    const expected = (frame: number): number => {
      let sum = 0;
      for (let head = 0; head < 4; head++) for (let row = 0; row < frames; row++) sum += values[(head * 24 + row) * 24 + frame] ?? 0;
      return sum / (4 * frames);
    };
    shares.forEach((share, frame) => {
      expect(share).toBeCloseTo(expected(frame), 6);
    });
    const token = frameShares({ shape: [1, 1, 3, 3], values: Float32Array.of(0.5, 0.3, 0.2, 0, 1, 0, 0, 0, 1) }, 2, {
      layers: [],
      leadingPositions: 1,
      readFrom: 0,
    });
    expect(token).toEqual([expect.closeTo(0.6, 6), expect.closeTo(0.4, 6)]);
  });

  it.each(['mean', 'cls'])('are read from every layer of a checkpoint with %s pooling, and drawn', async (pooling) => {
    await inTemporaryFolder(async (folder) => {
      const clip = writeClip(path.join(folder, 'clip.npz'), 21);
      const model = modelOfFile(path.join(torchFolder, 'tiny_full.pt'), { pooling_method: pooling });
      const { layers, overall } = await attendedFrames(model, clip, 'X');
      expect(layers).toHaveLength(2);
      for (const shares of [...layers, overall]) {
        expect(shares).toHaveLength(21);
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
      }
      expect(new Set(overall).size).toBeGreaterThan(1);
      const picture = path.join(folder, 'attention.png');
      const attended = { file: clip, key: 'X', best: { id: 1, label: 'B', probability: 0.5 } };
      const warnings: string[] = [];
      expect(await saveAttentionPicture(picture, model, attended, (warning) => warnings.push(warning))).toBe(true);
      expect(warnings).toEqual([]);
      expect(readFileSync(picture).length).toBeGreaterThan(10_000);
      expect(tf.memory().numTensors).toBe(0);
    });
  });
});
