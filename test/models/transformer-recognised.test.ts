import { describe, expect, it } from '@jest/globals';
import { stateDictProblems } from '../../src/checkpoint/state-dict';
import { ownModels } from '../../src/models/model-table';
import { signTransformer } from '../../src/models/transformer/sign-transformer';
import { tinyArchitecture } from '../support/tiny-transformer';

const shapes = new Map(signTransformer(tinyArchitecture).parameters.map(({ name, shape }) => [name, shape]));

/** What is said of the shapes of a SignTransformer in which some are changed (undefined: missing). */
function problemsOf(changes: Readonly<Record<string, readonly number[] | undefined>>): string[] {
  const changed = new Map(shapes);
  for (const [name, shape] of Object.entries(changes)) {
    if (shape === undefined) changed.delete(name);
    else changed.set(name, shape);
  }
  const recognised = ownModels.recognise({ config: { n_heads: 4 }, shapes: changed });
  if (recognised === undefined) return ['not recognised'];
  return stateDictProblems(changed, new Map(recognised.model.parameters.map(({ name, shape }) => [name, shape])));
}

describe('a SignTransformer among checkpoints', () => {
  it('is recognised by its shapes', () => {
    expect(problemsOf({})).toEqual([]);
  });

  it.each([
    'embedding.weight',
    'embedding.bias',
    'input_norm.gamma',
    'gloss_head.3.weight',
    'gloss_head.3.bias',
    'encoder_layers.0.feed_forward.linear1.weight',
  ])('is recognised without %s, which is named', (name) => {
    expect(problemsOf({ [name]: undefined })).toEqual([`missing: ${name}`]);
  });

  it.each<[string, number[], number[]]>([
    ['embedding.weight', [16, 156], [32, 156]],
    ['embedding.weight', [32, 10], [32, 156]],
    ['input_norm.gamma', [33], [32]],
    ['encoder_layers.1.attention.W_o.weight', [32, 16], [32, 32]],
    ['gloss_head.3.weight', [9, 16], [7, 16]],
    ['encoder_layers.0.feed_forward.linear1.weight', [64, 32], [128, 32]],
  ])('with a %s of shape %j is told that one apart', (name, found, expected) => {
    expect(problemsOf({ [name]: found })).toEqual([`${name} has shape [${found.join(', ')}], expected [${expected.join(', ')}]`]);
  });

  it('of other key points takes clips as wide as its embedding does', () => {
    const embedding = (found: readonly number[], config: Readonly<Record<string, unknown>> = {}): unknown =>
      ownModels.recognise({ config: { n_heads: 4, ...config }, shapes: new Map([...shapes, ['embedding.weight', found]]) })?.model;
    expect(embedding([32, 84])).toMatchObject({ width: 84, config: { input_dim: 84 } });
    expect(embedding([32, 10], { input_dim: 10 })).toMatchObject({ width: 10, config: { input_dim: 10 } });
    expect(embedding([32, 150], { input_dim: 150 })).toMatchObject({ width: 150, config: { input_dim: 150 } });
    expect(embedding([32, 156])).toMatchObject({ width: 156, config: { input_dim: 156 } });
  });

  it('whose config says another number of inputs is told that its embedding is of another shape', () => {
    const changed = new Map([...shapes, ['embedding.weight', [32, 150]] as const]);
    const recognised = ownModels.recognise({ config: { n_heads: 4, input_dim: 156 }, shapes: changed });
    const expected = new Map(recognised?.model.parameters.map(({ name, shape }) => [name, shape]));
    expect(stateDictProblems(changed, expected)).toEqual(['embedding.weight has shape [32, 150], expected [32, 156]']);
  });

  it('names what does not belong to it', () => {
    expect(problemsOf({ 'extra.weight': [3] })).toEqual(['unexpected: extra.weight']);
  });

  const withoutPositions = (architecture: typeof tinyArchitecture): Map<string, readonly number[]> =>
    new Map(
      signTransformer(architecture).parameters.flatMap(({ name, shape }) => (name === 'pos_encoder.pe' ? [] : [[name, shape] as const])),
    );

  it.each([1e9, 2 ** 40, 100_001, -1, 0.5])('computes no positions of a max_len of %d, which a config claims', (max_len) => {
    const recognised = ownModels.recognise({ config: { n_heads: 4, max_len }, shapes: withoutPositions(tinyArchitecture) });
    expect(recognised).toMatchObject({ model: { maxFrames: 300 }, assumptions: expect.arrayContaining(['max_len 300']) as unknown });
  });

  it('refuses positions of gigabytes that a wide model claims and does not bring', () => {
    const shapes = withoutPositions({ ...tinyArchitecture, emb_dim: 1024 });
    expect(() => ownModels.recognise({ config: { n_heads: 4, max_len: 100_000 }, shapes })).toThrow(
      'max_len 100000 at a width of 1024 would make 102400000 values of positions, more than any model has',
    );
  });

  it('refuses a model of thousands of layers, of which a few bytes tell each', () => {
    const layers = Array.from({ length: 1001 }, (_, layer) => [`encoder_layers.${layer}.x`, [1]] as const);
    expect(() => ownModels.recognise({ config: { n_heads: 4 }, shapes: new Map([...shapes, ...layers]) })).toThrow(
      'it has 1001 encoder layers; at most 1000 are read, more than any model has',
    );
  });
});
