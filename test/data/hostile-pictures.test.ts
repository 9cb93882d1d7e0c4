import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { formatNpz } from '../../src/data/npz';
import { readPictures } from '../../src/data/pictures';
import { inTemporaryFolder } from '../support/clip-files';

async function readingOf(shape: readonly [number, number, number, number], side: number): Promise<Uint8Array> {
  return inTemporaryFolder((folder) => {
    const file = path.join(folder, 'clip.npz');
    const values = new Uint8Array(shape.reduce((product, length) => product * length, 1));
    writeFileSync(file, formatNpz({ frames: { dtype: 'uint8', shape, values } }));
    return readPictures(file, { key: 'frames', side });
  });
}

describe('pictures', () => {
  it('of a pixel each are not blown up to gigabytes', async () => {
    await expect(readingOf([4000, 1, 1, 3], 299)).rejects.toThrow(
      /"frames" is \[4000, 1, 1, 3\], in this size 1072812000 bytes; .* at most 67108864/,
    );
    expect(await readingOf([4, 1, 1, 3], 9)).toHaveLength(4 * 9 * 9 * 3);
  });

  it('of one endless row are refused', async () => {
    await expect(readingOf([1, 1, 100_000, 3], 9)).rejects.toThrow(/a picture of 100000 × 1 pixels \(at most 16384 a side are read\)/);
  });

  it('of tens of millions of pixels in a few bytes are refused, and read where the file is large enough', async () => {
    const { default: sharp } = await import('sharp');
    await inTemporaryFolder(async (folder) => {
      const clip = path.join(folder, 'clip');
      mkdirSync(clip);
      const black = async (side: number, file: string): Promise<void> => {
        await sharp({ create: { width: side, height: side, channels: 3, background: 'black' } })
          .png()
          .toFile(path.join(clip, file));
      };
      await black(4200, '1.png');
      await expect(readPictures(clip, { key: 'frames', side: 9 })).rejects.toThrow(
        /1\.png: a picture of more than 16777216 pixels in \d+ bytes; save it smaller$/,
      );
      await black(4000, '1.png');
      expect(await readPictures(clip, { key: 'frames', side: 9 })).toHaveLength(9 * 9 * 3);
    });
  });

  it('that are named pipes are refused and not waited for', async () => {
    await inTemporaryFolder(async (folder) => {
      mkdirSync(path.join(folder, 'clip'));
      execFileSync('mkfifo', [path.join(folder, 'clip', '1.jpg')]);
      await expect(readPictures(path.join(folder, 'clip'), { key: 'frames', side: 9 })).rejects.toThrow(
        /1\.jpg: expected a file, found a named pipe/,
      );
    });
  });
});
