import { describe, expect, it } from '@jest/globals';
import { problemsByFile } from '../../src/data/data-error';

describe('problemsByFile', () => {
  it('puts problems in the order of their files, those of one file as they were, whichever was found first', () => {
    const found = ['b.mp4', 'a.mp4', 'a/1.mp4', 'a.mp4'].map((file, place) => ({ file, problem: `problem ${place}` }));
    expect(problemsByFile(found).map(({ file, problem }) => `${file}: ${problem}`)).toEqual([
      'a.mp4: problem 1',
      'a.mp4: problem 3',
      'a/1.mp4: problem 2',
      'b.mp4: problem 0',
    ]);
  });
});
