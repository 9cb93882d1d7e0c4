import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Dataset } from '../../src/data/clip-set';
import { DataError } from '../../src/data/data-error';
import { openDataset } from '../../src/data/dataset';
import { formatNpz } from '../../src/data/npz';
import { packSet } from '../../src/data/pack/pack-set';
import { required } from '../../src/foundation/required';
import { clipArrays, clipValues, inTemporaryFolder, writeDataFolder } from '../support/clip-files';

const FRAMES = 2600;
const BUDGET = 1_000_000;

/** A set of 18 MB: so much is worth remembering. */
function writeSet(folder: string): string {
  const data = path.join(folder, 'data');
  const clip = (name: string) => ({ name, gloss: 0, category: 0, frames: 2 });
  const train = Array.from({ length: 9 }, (_, index) => `t${index}`);
  const val = ['v0', 'v1'];
  writeDataFolder(data, { train: train.map(clip), val: val.map(clip) });
  for (const [split, names] of Object.entries({ train, val }))
    for (const [index, name] of names.entries()) {
      const odd = name === 't3' ? { mask: { dtype: 'bool', shape: [1, 78], values: new Uint8Array(78) } as const } : {};
      const X = { dtype: 'float32', shape: [FRAMES, 156], values: clipValues(FRAMES, index + 50 * names.length) } as const;
      const arrays = { ...clipArrays(FRAMES, 1, { ...odd, X }) };
      writeFileSync(path.join(data, `keypoints_${split}`, `${name}.npz`), formatNpz(arrays, { compress: false }));
    }
  return data;
}

/** What an opening gave and said, and of how many clips it said that they were being read. */
async function opened(
  data: string,
  checksCache: string | undefined,
  memoryBudgetBytes = BUDGET,
): Promise<{ dataset: Dataset; warnings: string[]; read: number }> {
  const warnings: string[] = [];
  const steps: number[] = [];
  const dataset = await openDataset(
    { folder: data },
    {
      key: 'X',
      width: 156,
      keypoints: 'of the data',
      memoryBudgetBytes,
      checksCache,
      needTrain: true,
      onProgress: (done) => steps.push(done),
      onWarning: (line) => warnings.push(line),
    },
  );
  const passedOver = steps[0] === 1 || steps[0] === undefined ? 0 : steps[0];
  return { dataset, warnings, read: 11 - passedOver };
}

describe('clips that were checked before', () => {
  it('are not read again as long as they stay as they are, and give the same set and warnings', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSet(folder);
      const cache = path.join(folder, 'checks');
      const fresh = await opened(data, undefined);
      expect(await opened(data, cache)).toEqual({ ...fresh, read: 11 });
      expect(fresh.warnings.join()).toMatch(/1 of 11 clips hold an array that is not read .*"mask"/);
      expect(await opened(data, cache)).toEqual({ ...fresh, read: 0 });
      expect(fresh.dataset.train?.values).toBeUndefined();

      // One that was written anew, of the same size and with its time set back, is.
      const clip = path.join(data, 'keypoints_train/t5.npz');
      const { atime, mtime, size } = statSync(clip);
      const bytes = readFileSync(clip);
      bytes.fill(255, 4000, 8000);
      writeFileSync(clip, bytes);
      utimesSync(clip, atime, mtime);
      expect(statSync(clip).size).toBe(size);
      await expect(opened(data, cache)).rejects.toThrow(/data: 1 problem in 1 file\n.*t5\.npz: array "X" is damaged/);

      // A set that fits is in memory whatever is remembered.
      bytes.fill(0, 4000, 8000);
      writeFileSync(clip, formatNpz(clipArrays(FRAMES, 3), { compress: false }));
      const inMemory = await opened(data, cache, 1e9);
      expect(inMemory.read).toBe(11);
      expect(inMemory.dataset.train?.values?.[5]).toEqual(clipValues(FRAMES, 3));
      const streamed = await opened(data, cache);
      expect(streamed.read).toBe(1);
      expect(streamed.dataset.fingerprint).toBe(inMemory.dataset.fingerprint);
    });
  });

  it('are checked again where what is remembered is damaged, of others, or cannot be kept', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSet(folder);
      const cache = path.join(folder, 'checks');
      const fresh = await opened(data, cache);
      const files = readdirSync(cache).map((name) => path.join(cache, name));
      expect(files).toHaveLength(2);
      const good = files.map((file) => readFileSync(file, 'utf8'));
      const damages: ((text: string) => string)[] = [
        () => '',
        (text) => text.slice(0, text.length / 2),
        (text) => text.replace('"checker":"1', '"checker":"0'),
        (text) => text.replaceAll(/"[0-9a-f]{64}"/g, '"none"'),
        (text) => text.replaceAll(',2600,', ',-1,'),
      ];
      for (const damage of damages) {
        for (const [index, file] of files.entries()) writeFileSync(file, damage(required(good[index], 'the text of the file')));
        expect((await opened(data, cache)).dataset).toEqual(fresh.dataset);
        expect(files.map((file) => readFileSync(file, 'utf8'))).toEqual(good);
      }
      const nowhere = path.join(folder, 'file');
      writeFileSync(nowhere, '');
      expect(await opened(data, path.join(nowhere, 'checks'))).toEqual({ ...fresh, read: 11 });
    });
  });

  it('of a pack are not read again until the pack is another; nothing is written where clips are few', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSet(folder);
      const cache = path.join(folder, 'checks');
      const { file } = await packSet({ data, out: path.join(folder, 'set.safetensors') });
      const fresh = await opened(file, cache);
      expect(fresh.read).toBe(11);
      expect(await opened(file, cache)).toEqual({ ...fresh, read: 0 });
      writeFileSync(path.join(data, 'keypoints_val/v1.npz'), formatNpz(clipArrays(FRAMES, 3), { compress: false }));
      await packSet({ data, out: file });
      expect((await opened(file, cache)).read).toBe(11);

      const [few, none] = [path.join(folder, 'few'), path.join(folder, 'none')];
      writeDataFolder(few, {
        train: [{ name: 'a', gloss: 0, category: 0, frames: 4 }],
        val: [{ name: 'b', gloss: 0, category: 0, frames: 4 }],
      });
      await opened(few, none, 0);
      expect(existsSync(none)).toBe(false);
      writeFileSync(path.join(few, 'keypoints_val/b.npz'), 'no zip');
      await expect(opened(few, none, 0)).rejects.toThrow(DataError);
    });
  });
});
