import { describe, expect, it } from '@jest/globals';
import { nearestName } from '../../src/foundation/nearest-name';

const names = ['lr', 'epochs', 'batch_size', 'num_heads', 'num_layers'];

describe('nearestName', () => {
  it.each([
    ['epoch', 'epochs'],
    ['bacth_size', 'batch_size'],
    ['num_haeds', 'num_heads'],
    ['Epochs', 'epochs'],
    ['rl', 'lr'],
  ])('finds what %s was meant to be', (misspelt, meant) => {
    expect(nearestName(misspelt, names)).toBe(meant);
  });

  it.each(['x', 'colour', ''])('suggests nothing for %p', (misspelt) => {
    expect(nearestName(misspelt, names)).toBeUndefined();
  });
});
