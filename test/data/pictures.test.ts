import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import { formatNpz } from '../../src/data/npz';
import { readPictures, resizePicture } from '../../src/data/pictures';
import { inTemporaryFolder } from '../support/clip-files';
import { arrayNamed, readArrays } from '../support/parity';

const pictures = path.resolve(__dirname, '../fixtures/pictures');
let pillow: Map<string, Float32Array>;

beforeAll(async () => {
  pillow = await readArrays(path.join(pictures, 'pillow.npz'));
});

describe('resizePicture', () => {
  const picture = (): { height: number; width: number; pixels: Uint8Array } => ({
    height: 48,
    width: 64,
    pixels: Uint8Array.from(arrayNamed(pillow, 'pixels')),
  });

  it.each([
    [20, 20],
    [48, 31],
    [100, 7],
  ])('gives Pillow’s pixels at %i × %i, to the last bit', (height, width) => {
    expect([...resizePicture(picture(), height, width)]).toEqual([...arrayNamed(pillow, `resized_${height}x${width}`)]);
  });

  it('gives Pillow’s pixels at 299 × 299', () => {
    const resized = resizePicture(picture(), 299, 299);
    expect([...resized.subarray(150 * 897, 151 * 897)]).toEqual([...arrayNamed(pillow, 'row_299')]);
    const sums = [0, 1, 2].map((channel) => resized.reduce((sum, value, place) => sum + (place % 3 === channel ? value : 0), 0));
    expect(sums).toEqual([...arrayNamed(pillow, 'sum_299')]);
  });
});

describe('readPictures', () => {
  it('reads .webp, without loss as the .png that it was made of', async () => {
    await inTemporaryFolder(async (folder) => {
      const [png, webp] = [path.join(folder, 'png'), path.join(folder, 'webp')];
      for (const place of [png, webp]) mkdirSync(place);
      copyFileSync(path.join(pictures, 'frame_1.png'), path.join(png, '1.png'));
      await sharp(path.join(pictures, 'frame_1.png')).webp({ lossless: true }).toFile(path.join(webp, '1.webp'));
      const format = { key: 'frames', side: 32 };
      expect(await readPictures(webp, format)).toEqual(await readPictures(png, format));
    });
  });

  it('reads a folder of pictures in the order of their numbers, as Pillow reads them', async () => {
    const pixels = await readPictures(pictures, { key: 'frames', side: 24 });
    const names = ['frame_1.png', 'frame_2.jpg', 'frame_10.png'];
    expect(pixels).toHaveLength(names.length * 24 * 24 * 3);
    names.forEach((name, frame) => {
      const read = pixels.subarray(frame * 1728, (frame + 1) * 1728);
      const difference = Math.max(...arrayNamed(pillow, name).map((value, place) => Math.abs(value - (read[place] ?? NaN))));
      // Decoders of JPEG may round otherwise; those of PNG may not.
      expect(difference).toBeLessThanOrEqual(name.endsWith('.jpg') ? 2 : 0);
    });
  });

  it('reads frames of an .npz', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = path.join(folder, 'clip.npz');
      const values = Uint8Array.from([...arrayNamed(pillow, 'pixels'), ...arrayNamed(pillow, 'pixels')]);
      writeFileSync(file, formatNpz({ frames: { dtype: 'uint8', shape: [2, 48, 64, 3], values } }));
      const pixels = await readPictures(file, { key: 'frames', side: 20 });
      const expected = [...arrayNamed(pillow, 'resized_20x20')];
      expect([...pixels]).toEqual([...expected, ...expected]);
    });
  });

  it('says what is wrong with a clip', async () => {
    await inTemporaryFolder(async (folder) => {
      const format = { key: 'frames', side: 24 };
      const npz = (name: string, array: Parameters<typeof formatNpz>[0]): string => {
        const file = path.join(folder, `${name}.npz`);
        writeFileSync(file, formatNpz(array));
        return file;
      };
      const floats = npz('floats', { frames: { dtype: 'float32', shape: [1, 2, 2, 3], values: new Float32Array(12) } });
      await expect(readPictures(floats, format)).rejects.toThrow(`${floats}: "frames" is float32; expected uint8, from 0 to 255`);
      const flat = npz('flat', { frames: { dtype: 'uint8', shape: [4, 3], values: new Uint8Array(12) } });
      await expect(readPictures(flat, format)).rejects.toThrow('"frames" is [4, 3]; expected [frames, height, width, 3]');
      const other = npz('other', { video: { dtype: 'uint8', shape: [1, 2, 2, 3], values: new Uint8Array(12) } });
      await expect(readPictures(other, format)).rejects.toThrow('no array "frames"; the file holds: video');
      const empty = path.join(folder, 'empty');
      mkdirSync(empty);
      await expect(readPictures(empty, format)).rejects.toThrow(`${empty}: it holds no .jpg or .png picture`);
      const others = path.join(folder, 'others');
      mkdirSync(others);
      copyFileSync(path.join(pictures, 'frame_1.png'), path.join(others, '1.png'));
      writeFileSync(path.join(others, '2.bmp'), 'BM');
      await expect(readPictures(others, format)).rejects.toThrow(
        /others: 1 of its 2 pictures are of a kind that is not read \(the first: 2\.bmp\); save them as \.png, \.jpg or \.webp/,
      );
      copyFileSync(path.join(pictures, 'frame_1.png'), path.join(empty, '1.png'));
      writeFileSync(path.join(empty, '2.jpg'), 'not a picture');
      await expect(readPictures(empty, format)).rejects.toThrow(/2\.jpg: the picture cannot be read/);
    });
  });
});
