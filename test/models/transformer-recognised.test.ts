import { describe, expect, it } from '@jest/globals';
import { stateDictProblems } from '../../src/checkpoint/state-dict';
import { recogniseModel } from '../../src/models/model-table';
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
  const recognised = recogniseModel({ config: { n_heads: 4 }, shapes: changed });
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

  it('names what does not belong to it', () => {
    expect(problemsOf({ 'extra.weight': [3] })).toEqual(['unexpected: extra.weight']);
  });
});
