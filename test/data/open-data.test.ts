import { describe, expect, it } from '@jest/globals';
import { KEYPOINT_FOLDERS } from '../../src/config/data-settings';
import { openData, type DataRequest } from '../../src/data/open-clips';

const demo: DataRequest = {
  source: undefined,
  key: 'X',
  layout: KEYPOINT_FOLDERS,
  width: 156,
  keypoints: 'of the data' as const,
  demoSeed: 42,
  memoryBudgetBytes: 1e9,
  needTrain: true,
};

describe('openData without a source', () => {
  it('makes the demo set, which says of itself that it is synthetic, with as many classes as asked for', async () => {
    const dataset = await openData({ ...demo, numGloss: 110, numCat: 10 });
    expect(dataset).toMatchObject({ synthetic: true, title: expect.stringContaining('synthetic') });
    expect(dataset.labels.gloss.slice(104, 107)).toEqual(['NO SUGAR', 'gloss 105', 'gloss 106']);
    expect(dataset.labels.category).toHaveLength(10);
  });

  it('refuses fewer classes than the demo set has', async () => {
    await expect(openData({ ...demo, numGloss: 50 })).rejects.toThrow('--num-gloss 50: the synthetic demo set has 105 glosses');
    await expect(openData({ ...demo, numCat: 3 })).rejects.toThrow('--num-cat 3: the synthetic demo set has 10 categories');
  });
});
