import { describe, expect, it } from '@jest/globals';
import { framesTaken, momentsOf } from '../../src/extraction/resample';

/** Moments of frames that follow each other evenly, as containers give them: in milliseconds, rounded where `rounded`. */
function even(frames: number, rate: number, rounded = false): number[] {
  return Array.from({ length: frames }, (_, frame) => (rounded ? Math.round((frame * 1000) / rate) : (frame * 1000) / rate));
}

const places = (frames: number): number[] => Array.from({ length: frames }, (_, frame) => frame);

describe('the moments of frames', () => {
  it('count from the first frame', () => {
    expect(momentsOf({ moments: [400, 433, 501], rate: 30 })).toEqual([0, 33, 101]);
  });

  it('are even where the container gives none that rise, and unknown without a rate', () => {
    expect(momentsOf({ moments: [0, 0, 0], rate: 25 })).toEqual([0, 40, 80]);
    expect(momentsOf({ moments: [0, 80, 40], rate: 25 })).toEqual([0, 40, 80]);
    expect(momentsOf({ moments: [0, 0, 0], rate: 0 })).toBeUndefined();
    expect(momentsOf({ moments: [0], rate: 0 })).toEqual([0]);
  });
});

describe('the frames that are taken', () => {
  it.each([30, 29.97, 25, 12.5])('are all of them at their own rate (%d)', (rate) => {
    expect(framesTaken(even(50, rate), rate)).toEqual(places(50));
    expect(framesTaken(even(50, rate, true), rate)).toEqual(places(50));
  });

  it('are every second one of twice the rate, and each twice of half of it', () => {
    expect(framesTaken(even(10, 60), 30)).toEqual([0, 2, 4, 6, 8]);
    expect(framesTaken(even(4, 15), 30)).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
  });

  it('cover the same time at another rate', () => {
    const taken = framesTaken(even(25, 25), 30);
    expect(taken).toHaveLength(30);
    expect(taken.slice(0, 8)).toEqual([0, 1, 2, 2, 3, 4, 5, 6]);
    expect(taken.at(-1)).toBe(24);
  });

  it('are those shown nearest to their moment where the rate varies', () => {
    // Ten frames a second for half a second, then fifty; the last is taken to be shown as long as most are.
    const moments = [0, 100, 200, 300, 400, 500, 520, 540, 560, 580, 600];
    expect(framesTaken(moments, 20)).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 10, 10]);
  });

  it('are one of a video of one frame, and none of none', () => {
    expect(framesTaken([0], 30)).toEqual([0]);
    expect(framesTaken([], 30)).toEqual([]);
  });
});
