import { describe, expect, it } from '@jest/globals';
import { shapeOf } from '../../src/cli/flags';
import { inspectCheckpoint } from '../../src/conversion/inspect';
import { itWithShared } from '../support/shared';

describe('what is typed of a model', () => {
  it('goes under the names of a checkpoint’s config, and nothing else does', () => {
    expect(shapeOf({})).toEqual({});
    expect(shapeOf({ 'num-heads': '4', pooling: 'cls', 'transform-input': false })).toEqual({
      n_heads: 4,
      pooling_method: 'cls',
      transform_input: false,
    });
    expect(shapeOf({ 'transform-input': true })).toEqual({ transform_input: true });
    expect(() => shapeOf({ pooling: 'sum' })).toThrow('--pooling: expected mean, max or cls, found "sum"');
  });

  itWithShared('fixtures/torch/iv3_gru_full.pt', 'decides what a checkpoint does not say of its backbone', (file) => {
    const untold = inspectCheckpoint(file, shapeOf({})).model;
    const told = inspectCheckpoint(file, shapeOf({ 'transform-input': false })).model;
    expect([untold?.config['transform_input'], untold?.assumptions]).toEqual([true, ['transform_input true']]);
    expect([told?.config['transform_input'], told?.assumptions]).toEqual([false, []]);
  });
});
