import { describe, expect, it } from '@jest/globals';
import { openClips, UserError, type LabelledClip } from '../../src';
import { clipValues, inTemporaryFolder, writeDataFolder } from '../support/clip-files';

const train = Array.from({ length: 9 }, (_, index) => ({
  name: `t${index}`,
  gloss: index % 3,
  category: index % 2,
  frames: 6 + 2 * index,
}));
const val = [{ name: 'v', gloss: 0, category: 0, frames: 12 }];

describe('the clips of the library', () => {
  it('have labels and lengths, and are read one by one, from memory and from files alike', async () => {
    await inTemporaryFolder(async (folder) => {
      writeDataFolder(folder, { train, val });
      for (const memoryBudget of [1e9, 0]) {
        const clips = await openClips({ data: folder, memoryBudget });
        expect(clips).toHaveLength(9);
        expect(clips.labels).toEqual({ gloss: ['gloss 0', 'gloss 1', 'gloss 2'], category: ['category 0', 'category 1'] });
        expect(clips.lengths).toEqual(train.map(({ frames }) => frames));
        const { values, ...label } = await clips.read(4);
        expect(label).toMatchObject({ name: 't4', gloss: 1, category: 0, frames: 14 });
        expect(values).toEqual(clipValues(14, 5));
        await expect(clips.read(9)).rejects.toThrow(new RangeError('there is no clip 9; they count from 0, and there are 9'));
        const all: LabelledClip[] = [];
        for await (const clip of clips) all.push(clip);
        expect(all.map(({ name }) => name)).toEqual(train.map(({ name }) => name));
      }
    });
  });

  it('come in batches whose order is a function of seed and epoch, after their transforms', async () => {
    await inTemporaryFolder(async (folder) => {
      writeDataFolder(folder, { train, val });
      const transforms = [{ name: 'normalize', by: 'shoulders' }];
      const clips = await openClips({ data: folder, transforms, seed: 5 });
      const order = async (epoch: number): Promise<(readonly number[])[]> => {
        const indices: (readonly number[])[] = [];
        for await (const batch of clips.batches({ batchSize: 4, epoch, buckets: 2 })) {
          indices.push(batch.indices);
          const [first = NaN] = batch.indices;
          const { values } = await clips.read(first);
          expect(batch.features.subarray(0, values.length)).toEqual(values);
        }
        return indices;
      };
      expect(await order(1)).toEqual(await order(1));
      expect(await order(2)).not.toEqual(await order(1));
      expect((await order(1)).flat().toSorted((a, b) => a - b)).toEqual([...train.keys()]);
    });
  });

  it('are the synthetic demo set where no data is named', async () => {
    const clips = await openClips({ split: 'validation' });
    expect(clips.synthetic).toBe(true);
    expect(clips.title).toBe('synthetic demo set');
    expect((await clips.read(0)).values).toHaveLength(156 * (clips.lengths[0] ?? NaN));
  });

  it('refuse a transform that cannot change them', async () => {
    const opened = openClips({ kind: 'features', transforms: [{ name: 'normalize', by: 'shoulders' }] });
    await expect(opened).rejects.toThrow(new UserError('normalize by shoulders needs key points; these clips have none'));
  });
});
