import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { setStatistics } from '../../../src/data/checks/statistics';
import { writeClipFile } from '../../../src/data/clip-file';
import { sharedCommands } from '../../support/commands';
import { inTemporaryFolder } from '../../support/clip-files';

const { kumpas } = sharedCommands();

/** Three clips of 10, 20 and 40 frames at 20 frames a second, in the last of which the left hand is missing. */
function writeSmallSet(folder: string): void {
  const write = (split: string, name: string, frames: number, handMissing = false): void => {
    const values = Float32Array.from({ length: frames * 156 }, (_, at) => {
      const point = Math.floor((at % 156) / 2);
      return handMissing && point >= 25 && point < 46 ? 0 : 0.25 + ((at * 7) % 11) / 44;
    });
    const timestampsMs = Array.from({ length: frames }, (_, frame) => 50 * frame);
    writeClipFile(path.join(folder, `keypoints_${split}`, `${name}.npz`), { frames, values, timestampsMs, meta: {} });
  };
  write('train', 'a', 10);
  write('train', 'b', 20);
  write('val', 'c', 40, true);
  writeFileSync(path.join(folder, 'train_labels.csv'), 'file,gloss,cat,occluded,signer\na,0,0,1,Ana\nb,1,0,0,Ben\n');
  writeFileSync(path.join(folder, 'val_labels.csv'), 'file,gloss,cat,occluded,signer\nc,1,0,0,Ana\n');
  writeFileSync(path.join(folder, 'labels_reference.csv'), 'gloss_id,label,cat_id,category\n0,HELLO,0,SIGN\n1,<b>YES</b>,0,SIGN\n');
}

describe('setStatistics', () => {
  it('counts and measures each split', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallSet(folder);
      const { kind, splits, glosses, categories } = await setStatistics({ data: folder });
      expect(kind).toBe('set');
      expect(splits[0]).toMatchObject({
        split: 'train',
        clips: 2,
        unusable: 0,
        frames: 30,
        seconds: 1.5,
        glosses: 2,
        signers: 2,
        occluded: 0.5,
      });
      expect(splits[0]?.lengths).toEqual({ least: 10, p5: 10.5, p25: 12.5, median: 15, p75: 17.5, p95: 19.5, most: 20, mean: 15 });
      expect(splits[0]?.frameRate?.median).toBe(20);
      expect(splits[0]?.values).toEqual({ least: 0.25, most: Math.fround(0.25 + 10 / 44) });
      expect(splits[1]).toMatchObject({
        split: 'validation',
        clips: 1,
        signers: 1,
        missing: { pose: 0, left_hand: 1, right_hand: 0, face: 0 },
      });
      expect(glosses).toEqual([
        { id: 0, name: 'HELLO', clips: { train: 1, validation: 0 } },
        { id: 1, name: '<b>YES</b>', clips: { train: 1, validation: 1 } },
      ]);
      expect(categories).toEqual([{ id: 0, name: 'SIGN', clips: { train: 2, validation: 1 } }]);
    });
  });
});

describe('the commands', () => {
  it('print a set for people and as JSON, and end with 1 where there are errors, with --strict where there are warnings', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallSet(folder);
      const stats = await kumpas('data', 'stats', folder);
      expect(stats.code).toBe(0);
      expect(stats.output).toContain('frames a clip              15 (10 to 20)   40');
      expect(JSON.parse((await kumpas('data', 'stats', folder, '--json')).output)).toEqual(await setStatistics({ data: folder }));
      const doubtful = await kumpas('data', 'validate', folder, '--json');
      const { findings, counts } = JSON.parse(doubtful.output) as { findings: { code: string }[]; counts: { error: number } };
      expect([doubtful.code, counts.error]).toEqual([0, 0]);
      expect(findings.map(({ code }) => code)).toContain('signer-in-both-splits');
      expect((await kumpas('data', 'validate', folder, '--strict')).code).toBe(1);
      writeFileSync(path.join(folder, 'keypoints_train', 'a.npz'), '');
      const broken = await kumpas('data', 'validate', folder);
      expect(broken.code).toBe(1);
      expect(broken.output).toContain(
        `  empty-file: a file without a byte (1)\n    ${path.join(folder, 'keypoints_train/a.npz')}: 0 bytes`,
      );
    });
  });
});
