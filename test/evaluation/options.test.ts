import { describe, expect, it } from '@jest/globals';
import { commandLineSource, checkOptions } from '../../src/config/layers';
import { inspectCheckpoint } from '../../src/conversion/inspect';
import { checkpointOptions, shapeOf } from '../../src/evaluation/options';
import { itWithShared } from '../support/shared';

const shapeTyped = (values: Readonly<Record<string, unknown>>): ReturnType<typeof shapeOf> =>
  shapeOf(checkOptions(checkpointOptions, { source: commandLineSource, values }));

describe('what is typed of a model', () => {
  it('goes under the names of a checkpoint’s config, and nothing else does', () => {
    expect(shapeTyped({})).toEqual({});
    expect(shapeTyped({ num_heads: '4', pooling: 'cls', transform_input: false })).toEqual({
      n_heads: 4,
      pooling_method: 'cls',
      transform_input: false,
    });
    expect(shapeTyped({ transform_input: true })).toEqual({ transform_input: true });
    expect(() => shapeTyped({ pooling: 'sum' })).toThrow('--pooling: expected mean, max or cls, found "sum"');
  });

  itWithShared('fixtures/torch/iv3_gru_full.pt', 'decides what a checkpoint does not say of its backbone', (file) => {
    const untold = inspectCheckpoint(file, shapeTyped({})).model;
    const told = inspectCheckpoint(file, shapeTyped({ transform_input: false })).model;
    expect([untold?.config['transform_input'], untold?.assumptions]).toEqual([true, ['transform_input true']]);
    expect([told?.config['transform_input'], told?.assumptions]).toEqual([false, []]);
  });
});
