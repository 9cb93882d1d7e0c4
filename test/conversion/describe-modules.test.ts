import { describe, expect, it } from '@jest/globals';
import { describeModules } from '../../src/conversion/describe-modules';

/** Shapes by the names that torch.nn gives, as PyTorch 2.15 writes them. */
function kindOf(shapes: Readonly<Record<string, readonly number[]>>): string | undefined {
  return describeModules(new Map(Object.entries(shapes)))[0]?.kind;
}

const encoderLayer = (prefix: string): Record<string, number[]> => ({
  [`${prefix}self_attn.in_proj_weight`]: [96, 32],
  [`${prefix}self_attn.out_proj.weight`]: [32, 32],
  [`${prefix}linear1.weight`]: [64, 32],
  [`${prefix}linear2.weight`]: [32, 64],
  [`${prefix}norm1.weight`]: [32],
});
const decoderLayer = (prefix: string): Record<string, number[]> => ({
  ...encoderLayer(prefix),
  [`${prefix}multihead_attn.in_proj_weight`]: [96, 32],
});

describe('what a module is, by names and shapes', () => {
  it.each<[string, Record<string, number[]>]>([
    [
      'LSTM 32 → 20, 2 layers, in both directions',
      {
        'm.weight_ih_l0': [80, 32],
        'm.weight_hh_l0': [80, 20],
        'm.weight_ih_l0_reverse': [80, 32],
        'm.weight_ih_l1': [80, 40],
        'm.weight_hh_l1': [80, 20],
        'm.weight_ih_l1_reverse': [80, 40],
      },
    ],
    ['LSTM 8 → 6, projected to 3', { 'm.weight_ih_l0': [24, 8], 'm.weight_hh_l0': [24, 3], 'm.weight_hr_l0': [3, 6] }],
    ['GRU 32 → 16', { 'm.weight_ih_l0': [48, 32], 'm.weight_hh_l0': [48, 16] }],
    ['TransformerEncoder, 2 layers of width 32, feed-forward 64', { ...encoderLayer('m.layers.0.'), ...encoderLayer('m.layers.1.') }],
    ['TransformerDecoder, 1 layer of width 32, feed-forward 64', decoderLayer('m.layers.0.')],
    ['TransformerEncoderLayer of width 32, feed-forward 64', encoderLayer('m.')],
    [
      'Transformer, 1 + 1 layers of width 32, feed-forward 64',
      { ...encoderLayer('m.encoder.layers.0.'), ...decoderLayer('m.decoder.layers.0.') },
    ],
    ['MultiheadAttention of width 32', { 'm.in_proj_weight': [96, 32], 'm.in_proj_bias': [96], 'm.out_proj.weight': [32, 32] }],
    [
      'MultiheadAttention of width 32, keys of 16 and values of 8',
      { 'm.q_proj_weight': [32, 32], 'm.k_proj_weight': [32, 16], 'm.v_proj_weight': [32, 8], 'm.out_proj.weight': [32, 32] },
    ],
    ['BatchNorm of 32', { 'm.weight': [32], 'm.bias': [32], 'm.running_mean': [32] }],
    ['LayerNorm of 32, or another norm', { 'm.weight': [32], 'm.bias': [32] }],
    ['Conv1d 32 → 64, kernel 3', { 'm.weight': [64, 32, 3], 'm.bias': [64] }],
    ['Conv2d 3 → 8, kernel 5 × 7', { 'm.weight': [8, 3, 5, 7] }],
    ['Embedding of 50 × 32', { 'gloss_embedding.weight': [50, 32] }],
    ['Linear 32 → 50 without bias, or Embedding of 50 × 32', { 'm.weight': [50, 32] }],
    ['Linear 156 → 32', { 'm.weight': [32, 156], 'm.bias': [32] }],
    ['Linear 32 → 16 → 7', { 'm.0.weight': [16, 32], 'm.0.bias': [16], 'm.3.weight': [7, 16], 'm.3.bias': [7] }],
  ])('%s', (kind, shapes) => {
    expect(kindOf(shapes)).toBe(kind);
  });
});
