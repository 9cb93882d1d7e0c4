import { describe, expect, it } from '@jest/globals';
import { initialiseParameters } from '../../src/engine/parameters';
import { RandomStream } from '../../src/foundation/random';
import { ownModels } from '../../src/models/model-table';
import { signTransformer } from '../../src/models/transformer/sign-transformer';
import { readWeightValues } from '../support/torch-weights';
import { relativeDifference, torchFolder } from '../support/parity';
import { tinyArchitecture } from '../support/tiny-transformer';

const shapesOf = (model: ReturnType<typeof signTransformer>): Map<string, readonly number[]> =>
  new Map(model.parameters.map(({ name, shape }) => [name, shape]));

describe('SignTransformer', () => {
  it('has PyTorch’s 77 parameters at 4 layers, in the order of its state_dict', () => {
    const model = signTransformer({ ...tinyArchitecture, n_layers: 4 });
    expect(model.parameters.filter(({ trainable }) => trainable)).toHaveLength(77);
    const tiny = signTransformer(tinyArchitecture);
    expect(tiny.parameters.map(({ name }) => name)).toEqual([...readWeightValues(`${torchFolder}/tiny_initial.pt`).keys()]);
  });

  it('starts as PyTorch does: Linear uniform within 1/sqrt(fan_in), norms 1 and 0, positions as saved', () => {
    const values = initialiseParameters(signTransformer(tinyArchitecture).parameters, new RandomStream(1));
    const theirs = readWeightValues(`${torchFolder}/tiny_initial.pt`);
    const bound = 1 / Math.sqrt(156);
    const weight = [...(values.get('embedding.weight') ?? [])];
    expect(Math.max(...weight.map(Math.abs))).toBeLessThanOrEqual(bound);
    expect(Math.max(...weight)).toBeGreaterThan(0.99 * bound);
    expect(weight.reduce((sum, value) => sum + value ** 2, 0) / weight.length).toBeCloseTo(bound ** 2 / 3, 4);
    expect(new Set(values.get('input_norm.gamma'))).toEqual(new Set([1]));
    expect(new Set(values.get('input_norm.beta'))).toEqual(new Set([0]));
    expect(relativeDifference(values.get('pos_encoder.pe') ?? [], theirs.get('pos_encoder.pe') ?? [])).toBeLessThan(1e-5); // PyTorch multiplies in float32.
  });

  it('is rebuilt from shapes alone, and says what they cannot tell', () => {
    const shapes = shapesOf(signTransformer({ ...tinyArchitecture, ff_dim: 48 }));
    const bare = ownModels.recognise({ config: {}, shapes });
    expect(bare?.model.config).toEqual({ ...tinyArchitecture, ff_dim: 48, n_heads: 8 });
    expect(bare?.assumptions).toEqual(['num_heads 8', 'pooling mean']);
    const told = ownModels.recognise({ config: { n_heads: 4, pooling_method: 'cls', dropout: 0.2 }, shapes });
    expect(told?.model.config).toMatchObject({ n_heads: 4, pooling_method: 'cls', dropout: 0.2 });
    expect(told?.assumptions).toEqual([]);
    expect(told?.model.maxFrames).toBe(63);
    expect(ownModels.recognise({ config: {}, shapes: new Map([['conv.weight', [3, 3]]]) })).toBeUndefined();
  });

  it.each([3, 0, -8, 2.5, 64])('does not take %p heads from a config that lies', (heads) => {
    const shapes = shapesOf(signTransformer(tinyArchitecture));
    expect(() => ownModels.recognise({ config: { n_heads: heads }, shapes })).toThrow(/n_heads/);
  });
});
