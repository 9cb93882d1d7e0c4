import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KNOWN_LAYOUTS } from '../../../src/config/known-layouts';
import { validateSet } from '../../../src/data/checks/validate';
import { writeClipFile } from '../../../src/data/clip-file';
import { elementAt, required } from '../../../src/foundation/required';
import { itWithShared } from '../../support/shared';
import { CLIP_FAULTS } from './clip-faults';
import { copyOf, WIDTH, writeCleanSet, type MadeSet } from './made-set';
import { SET_FAULTS } from './set-faults';

let folder: string;
let clean: MadeSet;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kumpas-validate-'));
  clean = writeCleanSet(path.join(folder, 'clean'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** What is found in a set: code and file of each finding. */
async function found(data: string): Promise<string[]> {
  const { findings } = await validateSet({ data });
  return findings.map(({ code, files }) => `${code} ${path.relative(data, files[0]) || '.'}`);
}

describe('validateSet', () => {
  it('finds nothing in a clean set', async () => {
    expect(await found(clean.folder)).toEqual([]);
  });

  it.each([...CLIP_FAULTS, ...SET_FAULTS])('finds $what, names its file, and nothing else', async ({ what, code, plant }) => {
    const set = copyOf(clean, path.join(folder, what.replaceAll(/\W+/g, '-')));
    const file = plant(set);
    expect(await found(set.folder)).toEqual([`${code} ${file}`]);
  });
});

describe('another layout of key points', () => {
  it('is checked as what its clips say', async () => {
    const data = path.join(folder, 'hands');
    const layout = required(KNOWN_LAYOUTS.get('hands42'), 'the layout of two hands');
    for (const [clip, { values }] of clean.clips.train.entries()) {
      const frames = values.length / WIDTH;
      const hands = Float32Array.from({ length: frames * 84 }, (_, at) => elementAt(values, Math.floor(at / 84) * WIDTH + 50 + (at % 84)));
      const timestampsMs = Array.from({ length: frames }, (_, frame) => 33 * frame);
      writeClipFile(path.join(data, `${clip}.npz`), {
        frames,
        values: clip === 3 ? hands.map(() => 0.5) : hands,
        timestampsMs,
        meta: {},
        layout,
      });
    }
    const { findings } = await validateSet({ data });
    expect(findings.filter(({ code }) => code !== 'few-hands').map(({ code, files }) => [code, path.basename(files[0])])).toEqual([
      ['constant-clip', '3.npz'],
    ]);
  });
});

describe('isl13', () => {
  // Looked at one by one: 0092 is three takes, with cuts to frames 1 and 11; 0090 and 0091 are greetings whose hands MediaPipe found in no frame. The mask of every
  // clip calls points missing whose visibility is low, and which have values all the same: the hips, below the picture's edge, in each frame.
  itWithShared('data/isl13', 'finds what is true and nothing else in 390 real clips', async (data) => {
    expect(await found(data)).toEqual([
      'teleport keypoints_val/clip_0092_hello.npz',
      'no-hands keypoints_train/clip_0090_hello.npz',
      'no-hands keypoints_train/clip_0091_hello.npz',
      'mask-denies-values .',
    ]);
  });
});
