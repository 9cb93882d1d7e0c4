import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { planEpoch } from '../../src/data/batch';
import { BatchSource } from '../../src/data/batch-source';
import type { ClipSet } from '../../src/data/clip-set';
import { openDataset } from '../../src/data/dataset';
import { formatNpz } from '../../src/data/npz';
import { packSet } from '../../src/data/pack/pack-set';
import { required } from '../../src/foundation/required';
import { inTemporaryFolder } from '../support/clip-files';

const FRAMES = 250;
const CLIPS = 160;
const BATCH = 4;
const SET_BYTES = CLIPS * FRAMES * 156 * 4;

/** A set of 25 MB; each clip has a number of its own in all places. */
function writeSet(data: string): void {
  for (const [split, count] of Object.entries({ train: CLIPS, val: 1 })) {
    mkdirSync(path.join(data, `keypoints_${split}`), { recursive: true });
    const lines = ['file,gloss,cat'];
    for (let index = 0; index < count; index++) {
      const values = new Float32Array(FRAMES * 156).fill((index + 1) / 1000);
      const X = { dtype: 'float32', shape: [FRAMES, 156], values } as const;
      writeFileSync(path.join(data, `keypoints_${split}`, `${split}${index}.npz`), formatNpz({ X }, { compress: false }));
      lines.push(`${split}${index},${index % 3},0`);
    }
    writeFileSync(path.join(data, `${split}_labels.csv`), `${lines.join('\n')}\n`);
  }
}

async function opened(folder: string, memoryBudgetBytes: number): Promise<ClipSet> {
  const { train } = await openDataset({ folder }, { key: 'X', width: 156, keypoints: 'of the data', memoryBudgetBytes, needTrain: true });
  return required(train, 'the training clips');
}

function plansOf(set: ClipSet, epoch: number): ReturnType<typeof planEpoch> {
  return planEpoch(set, { batchSize: BATCH, maxFrames: FRAMES, seed: 3, epoch, shuffle: true, bucketLengths: [FRAMES] });
}

/** Bytes that this process has asked of files so far, as Linux counts them. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('a set of ten times the memory that its clips may take', () => {
  it.each(['files', 'a pack'])(
    'is read from %s once an epoch, a few batches ahead, in the order and to the bit of one in memory',
    async (from) => {
      await inTemporaryFolder(async (folder) => {
        const data = path.join(folder, 'data');
        writeSet(data);
        const place = from === 'files' ? data : (await packSet({ data, out: path.join(folder, 'set.safetensors') })).file;
        const [streamed, inMemory] = [await opened(place, SET_BYTES / 10), await opened(data, 2 * SET_BYTES)];
        expect([streamed.values, inMemory.values?.length]).toEqual([undefined, CLIPS]);
        const sources = {
          streamed: new BatchSource(streamed, { batchSize: BATCH }),
          inMemory: new BatchSource(inMemory, { batchSize: BATCH }),
        };
        try {
          for await (const batch of sources.streamed.epoch(plansOf(streamed, 1).slice(0, 1))) expect(batch.count).toBe(BATCH); // The thread is there.
          collectGarbage();
          const start = { read: existsSync('/proc/self/io') ? bytesRead() : NaN, held: process.memoryUsage().arrayBuffers };
          const expected = sources.inMemory.epoch(plansOf(inMemory, 2));
          let [batches, mostHeld] = [0, 0];
          for await (const batch of sources.streamed.epoch(plansOf(streamed, 2))) {
            const same = await expected.next();
            if (same.done === true) throw new Error('the set in memory has fewer batches');
            expect(batch.indices).toEqual(same.value.indices);
            expect(Buffer.from(batch.features.buffer).equals(Buffer.from(same.value.features.buffer))).toBe(true);
            if (++batches % 10 !== 0) continue;
            collectGarbage();
            mostHeld = Math.max(mostHeld, process.memoryUsage().arrayBuffers - start.held);
          }
          expect(batches).toBe(CLIPS / BATCH);
          // A few batches, gone ones that are not swept up yet among them; not the set.
          expect(mostHeld).toBeLessThan(SET_BYTES / 2);
          if (!Number.isNaN(start.read)) expect((bytesRead() - start.read) / SET_BYTES).toBeCloseTo(1, 1);
        } finally {
          await sources.streamed.close();
          await sources.inMemory.close();
        }
      });
    },
  );
});
