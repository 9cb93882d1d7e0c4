import type { z } from 'zod';
import { choice, numberBelow, setting, settingOrNone, wholeNumber, type SettingProblem } from './setting';

const group = 'Model';

/** The architecture of the SignTransformer. */
export const transformerArchitecture = {
  emb_dim: setting(wholeNumber(2, 16_384), 256, {
    group,
    description: 'Width of the embedding: even, and a multiple of num_heads.',
    aliases: ['embedding_dim'],
  }),
  num_heads: setting(wholeNumber(1, 1_024), 8, { group, description: 'Attention heads in a layer.', aliases: ['n_heads'] }),
  num_layers: setting(wholeNumber(1, 256), 4, { group, description: 'Encoder layers.', aliases: ['n_layers'] }),
  ff_dim: settingOrNone(wholeNumber(1, 65_536), '4 × emb_dim', { group, description: "Width of the feed-forward part's inner layer." }),
  dropout: setting(numberBelow(0, 1), 0.1, { group, description: 'Share of values that dropout zeroes while training.' }),
  max_len: setting(wholeNumber(1, 100_000), 300, {
    group,
    description: 'Most frames of a clip that the model sees; the rest is cut.',
  }),
  pooling: setting(choice(['mean', 'max', 'cls']), 'mean', {
    group,
    description: 'How frames become one vector: their mean, their maximum, or a learnt class token.',
    aliases: ['pooling_method'],
  }),
} as const;

/** Those that a SignTransformer's weights are made for. */
export const fixedByTransformerWeights = ['emb_dim', 'num_heads', 'num_layers', 'ff_dim', 'max_len', 'pooling'] as const;

/** Types of {@link transformerArchitecture}'s values. */
export type TransformerArchitecture = z.output<z.ZodObject<typeof transformerArchitecture>>;

/** What must hold between the sizes: the heads share emb_dim, sine and cosine come in pairs, and beside a class token there is room for a frame. */
export function checkTransformerArchitecture({ emb_dim, num_heads, max_len, pooling }: TransformerArchitecture): SettingProblem[] {
  if (pooling === 'cls' && max_len < 2) {
    return [{ key: 'max_len', text: `expected at least 2 with pooling cls, whose class token takes a place, found ${max_len}` }];
  }
  if (emb_dim % num_heads !== 0) return [{ key: 'emb_dim', text: `expected a multiple of num_heads (${num_heads}), found ${emb_dim}` }];
  return emb_dim % 2 === 0 ? [] : [{ key: 'emb_dim', text: `expected an even number, found ${emb_dim}` }];
}
