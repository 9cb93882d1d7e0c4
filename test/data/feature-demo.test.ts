import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Dataset } from '../../src/data/clip-set';
import { featureDemoDataset } from '../../src/data/demo/generate';
import { demoSetOfWidth, writeDemoFolder } from '../../src/data/demo/sets';
import { inTemporaryFolder } from '../support/clip-files';
import { openFolder } from '../support/open-folder';

const small = { clipsPerGloss: 1, validationClipsPerGloss: 1 };
const demo = featureDemoDataset({ seed: 42, ...small });

describe('the demo set of features', () => {
  it('says that it is synthetic, and has clips of 2048 finite numbers a frame, none negative', () => {
    expect(demo).toMatchObject({ synthetic: true, title: 'synthetic demo set', validation: { width: 2048, key: 'X2048' } });
    expect(demo.labels.gloss).toHaveLength(105);
    expect(new Set(demo.train?.entries.map(({ gloss }) => gloss)).size).toBe(105);
    demo.validation.entries.forEach(({ frames }, index) => {
      const values = demo.validation.values?.[index] ?? new Float32Array();
      expect(values).toHaveLength(frames * 2048);
      expect(values.every((value) => Number.isFinite(value) && value >= 0)).toBe(true);
    });
    const [first = new Float32Array()] = demo.validation.values ?? [];
    const zeros = first.filter((value) => value === 0).length / first.length;
    expect(zeros).toBeGreaterThan(0.2);
    expect(zeros).toBeLessThan(0.8);
  });

  it('is a function of its seed, with other people in validation', () => {
    const print = (seed: number): string => featureDemoDataset({ ...small, seed, clipsPerGloss: 0 }).validationFingerprint;
    expect(print(42)).toBe(demo.validationFingerprint);
    expect(print(43)).not.toBe(demo.validationFingerprint);
  });

  it('is written as a data folder that says what it is, and read as what it was', async () => {
    await inTemporaryFolder(async (folder) => {
      const target = path.join(folder, 'demo');
      const seeds: number[] = [];
      const dataset = ({ seed }: { seed: number }): Dataset => (seeds.push(seed), demo);
      const set = { ...demoSetOfWidth(2048), dataset };
      expect(writeDemoFolder(target, 42, set)).toEqual({ trainClips: 105, validationClips: 105 });
      expect(readFileSync(path.join(target, 'README.txt'), 'utf8')).toMatch(
        /^SYNTHETIC demo set[^]*X2048 float32 \[frames, 2048\] \(made up/,
      );
      const read = await openFolder(target, { key: 'X2048', width: 2048, layout: set.layout, needTrain: true });
      expect(seeds).toEqual([42]);
      expect(read).toMatchObject({ synthetic: true, fingerprint: demo.fingerprint });
    });
  });
});
