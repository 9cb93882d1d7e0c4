import { inceptionGru } from '../src/models/inception/inception-gru';
import type { Model } from '../src/models/model';
import { signTransformer } from '../src/models/transformer/sign-transformer';
import type { BenchFlags, BenchModelName } from './flags';

export const GLOSSES = 105;
export const CATEGORIES = 10;

/** A model to be measured, and the script that runs the same one in PyTorch, with what it is given. */
export interface BenchModel {
  readonly model: Model;
  readonly pytorch: readonly [script: string, argv: readonly (string | number)[]];
}

/** The models as the benches measure them. */
export const benchModels: Readonly<Record<BenchModelName, (flags: BenchFlags) => BenchModel>> = {
  transformer: ({ batch, frames, layers, heads, emb, amp }) => ({
    model: signTransformer({
      input_dim: 156,
      emb_dim: emb,
      n_heads: heads,
      n_layers: layers,
      ff_dim: 4 * emb,
      num_gloss: GLOSSES,
      num_cat: CATEGORIES,
      dropout: 0.1,
      max_len: Math.max(300, frames),
      pooling_method: 'mean',
    }),
    pytorch: ['pytorch_step.py', [batch, frames, layers, heads, emb, amp ? 'bfloat16' : 'float32']],
  }),
  iv3_gru: ({ batch, frames, amp }) => ({
    model: inceptionGru({
      hidden1: 16,
      hidden2: 12,
      dropout: 0.3,
      num_gloss: GLOSSES,
      num_cat: CATEGORIES,
      max_len: Math.max(300, frames),
      backbone: undefined,
    }),
    pytorch: ['pytorch_gru_step.py', [batch, frames, amp ? 'bfloat16' : 'float32']],
  }),
};
