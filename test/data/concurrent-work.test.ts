import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { mapConcurrently } from '../../src/data/file-reading';

describe('mapConcurrently', () => {
  it('keeps the order of the items, whichever is done first', async () => {
    const waits = [20, 0, 10];
    const results = await mapConcurrently(waits, 3, async (milliseconds, index) => {
      await wait(milliseconds);
      return index;
    });
    expect(results).toEqual([0, 1, 2]);
  });

  it('throws the first error when nothing that was begun runs any more, and begins nothing after it', async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const work = async (item: number): Promise<void> => {
      begun.push(item);
      await wait(item === 1 ? 1 : 30);
      if (item === 1 || item === 2) throw new Error(`item ${item}`);
      ended.push(item);
    };
    await expect(mapConcurrently([0, 1, 2, 3, 4], 3, work)).rejects.toThrow('item 1');
    expect(begun).toEqual([0, 1, 2]);
    expect(ended).toEqual([0]);
  });
});
