import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import { formatNpz } from '../../src/data/npz';
import { showAugmentation } from '../../src/evaluation/show-augmentation';
import { inTemporaryFolder } from '../support/clip-files';

const frames = 40;

/** Writes a clip whose points all move, each on its own way. */
function writeClip(folder: string, width = 156, name = 'clip.npz', phase = 0): string {
  const kept = Float32Array.from({ length: frames * width }, (_, at) => {
    const [frame, number] = [Math.floor(at / width), at % width];
    return 0.5 + 0.3 * Math.sin(number) + 0.1 * Math.sin(frame / 4 + number + phase);
  });
  const file = path.join(folder, name);
  writeFileSync(file, formatNpz({ X: { dtype: 'float32', shape: [frames, width], values: kept } }));
  return file;
}

describe('the picture of an augmentation', () => {
  it('has a row for each part, each of which shows another clip than the first row', async () => {
    await inTemporaryFolder(async (folder) => {
      const out = path.join(folder, 'sheet.png');
      const { parts, leftOut } = await showAugmentation({ input: writeClip(folder), out, size: 60, frames: 20 });
      expect(parts).toEqual([
        ...['speed', 'crop', 'time_warp', 'shift', 'mirror', 'rotation', 'scale', 'translation', 'perspective', 'noise'],
        ...['finger_dropout', 'hand_dropout', 'keypoint_dropout', 'time_mask'],
      ]);
      expect(leftOut).toEqual([]);
      const rows = parts.length + 2;
      const { data, info } = await sharp(out).greyscale().raw().toBuffer({ resolveWithObject: true });
      const height = (info.height - 12) / rows;
      expect(Number.isInteger(height)).toBe(true);
      const title = 5; // Above the figures, where the rows' names stand. Below them is how many frames there are, which is all that speed changes here.
      const figures = (row: number): string =>
        data.subarray((row * height + 12 + title) * info.width, (row + 1) * height * info.width).toString('base64');
      const same = parts.filter((_, place) => figures(place + 1) === figures(0));
      expect(same).toEqual([]);
      expect(figures(rows - 1) === figures(0)).toBe(false);
    });
  });

  it('is of the parts that light has, and the same for the same seed', async () => {
    await inTemporaryFolder(async (folder) => {
      const [input, out] = [writeClip(folder), path.join(folder, 'sheet.png')];
      const drawn = async (seed: number): Promise<string> => {
        const { parts } = await showAugmentation({ input, out, seed, augment: 'light', size: 60, frames: 2 });
        expect(parts).toEqual(['speed', 'shift', 'rotation', 'scale', 'translation', 'noise', 'time_mask']);
        return (await sharp(out).raw().toBuffer()).toString('base64');
      };
      const first = await drawn(1);
      expect((await drawn(1)) === first).toBe(true);
      expect((await drawn(2)) === first).toBe(false);
    });
  });

  it('has rows of both clips mixed, where another one is given', async () => {
    await inTemporaryFolder(async (folder) => {
      const [input, other, out] = [writeClip(folder), writeClip(folder, 156, 'other.npz', 2), path.join(folder, 'sheet.png')];
      const options = { input, out, augment: 'light', size: 60, frames: 6 } as const;
      await showAugmentation(options);
      const alone = (await sharp(out).metadata()).height;
      await showAugmentation({ ...options, with: other });
      const { data, info } = await sharp(out).greyscale().raw().toBuffer({ resolveWithObject: true });
      const height = (alone - 12) / 9;
      expect(info.height).toBe(alone + 3 * height);
      const rowFromBelow = (row: number): string =>
        data
          .subarray((info.height - 12 - (row + 1) * height + 5) * info.width, (info.height - 12 - row * height) * info.width)
          .toString('base64');
      expect(new Set([0, 1, 2].map(rowFromBelow)).size).toBe(3);
      await expect(showAugmentation({ ...options, with: writeClip(folder, 50, 'fewer.npz') })).rejects.toThrow(
        /^--with .*fewer\.npz: expected .* as the first clip has, found/,
      );
    });
  });

  it('of pictures, a folder or an .npz, has a row for each part that changes pictures', async () => {
    await inTemporaryFolder(async (folder) => {
      const frame = (place: number): Buffer => Buffer.from(Array.from({ length: 40 * 30 * 3 }, (_, at) => (at * 7 + place * 40) % 256));
      const pictures = path.join(folder, 'clip');
      mkdirSync(pictures);
      for (const place of [1, 2])
        await sharp(frame(place), { raw: { width: 40, height: 30, channels: 3 } }).toFile(path.join(pictures, `${place}.png`));
      const npz = path.join(folder, 'clip.npz');
      const values = Uint8Array.from([...frame(1), ...frame(2)]);
      writeFileSync(npz, formatNpz({ frames: { dtype: 'uint8', shape: [2, 30, 40, 3], values } }));
      const sheets = [];
      for (const input of [pictures, npz]) {
        const out = path.join(folder, 'sheet.png');
        const { parts, leftOut } = await showAugmentation({ input, out, size: 60, frames: 2 });
        expect({ parts, leftOut }).toEqual({ parts: ['mirror', 'picture_crop', 'picture_colour', 'time_mask'], leftOut: [] });
        const { data, info } = await sharp(out).removeAlpha().raw().toBuffer({ resolveWithObject: true });
        const row = (place: number): string =>
          data.subarray((12 + place * 96 + 24) * info.width * 3, (12 + place * 96 + 84) * info.width * 3).toString('base64');
        expect(info.height).toBe(12 + 6 * 96);
        expect([1, 2, 3, 4].filter((place) => row(place) === row(0))).toEqual([]);
        sheets.push(row(0));
      }
      expect(sheets[0] === sheets[1]).toBe(true);
    });
  });

  it('leaves out parts that such key points cannot be changed by, and refuses what is no picture or has no key points', async () => {
    await inTemporaryFolder(async (folder) => {
      const input = writeClip(folder, 50);
      const out = path.join(folder, 'sheet.png');
      const { leftOut } = await showAugmentation({ input, out, size: 60, frames: 2 });
      expect(leftOut.map(({ part }) => part)).toEqual(expect.arrayContaining(['finger_dropout', 'hand_dropout']));
      await expect(showAugmentation({ input, out: 'sheet.gif' })).rejects.toThrow('--out sheet.gif: expected a name that ends in .png');
      await expect(showAugmentation({ input, out, kp_key: 'Y' })).rejects.toThrow('it has no key points "Y" to change');
    });
  });
});
