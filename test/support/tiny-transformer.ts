import type { Batch } from '../../src/data/batch';
import { EagerProgram } from '../../src/engine/eager-program';
import type { ParameterValues } from '../../src/engine/parameters';
import { adam } from '../../src/engine/optimizers/adam';
import type { Optimizer } from '../../src/engine/optimizers/optimizer';
import type { PoolingMethod } from '../../src/models/layers/frame-rows';
import type { SignTransformerArchitecture } from '../../src/models/transformer/architecture';
import { signTransformer } from '../../src/models/transformer/sign-transformer';
import { classificationLoss, type LossSettings } from '../../src/training/losses';
import { stepDefinition } from '../../src/training/learner';
import { arrayNamed } from './parity';

/** The shape of the fixtures' tiny checkpoints. */
export const tinyArchitecture: SignTransformerArchitecture = {
  input_dim: 156,
  emb_dim: 32,
  n_heads: 4,
  n_layers: 2,
  ff_dim: 128,
  num_gloss: 7,
  num_cat: 3,
  dropout: 0.1,
  max_len: 64,
  pooling_method: 'mean',
};

export interface TinyOptions {
  readonly pooling?: PoolingMethod;
  readonly dropout?: number;
  readonly loss?: LossSettings['loss'];
  readonly adam?: { readonly weightDecay?: number; readonly clipNorm?: number | undefined };
}

/** How the options want the gradients applied. */
export function updateRule({ adam: settings = {} }: TinyOptions): { optimizer: Optimizer; clipNorm: number | undefined } {
  return { optimizer: adam(settings), clipNorm: settings.clipNorm };
}

/** A program of the tiny SignTransformer with the given weights. */
export function tinyProgram(weights: ParameterValues, options: TinyOptions = {}): EagerProgram {
  const model = signTransformer({ ...tinyArchitecture, pooling_method: options.pooling ?? 'mean', dropout: options.dropout ?? 0 });
  const loss = classificationLoss({ loss: options.loss ?? 'ce', focal_gamma: 2, focal_alpha: 1, label_smoothing: 0.1 });
  return new EagerProgram(stepDefinition(model, loss, updateRule(options)), weights);
}

/** The batch of a parity file: `X` `[6, 24, 156]` with `lengths`, and the labels where it has them. */
export function parityBatch(arrays: ReadonlyMap<string, Float32Array>, masked = true): Batch {
  const size = 6;
  const frames = 24;
  const lengths = arrayNamed(arrays, 'lengths');
  return {
    size,
    count: size,
    frames,
    width: 156,
    features: arrayNamed(arrays, 'X'),
    mask: Float32Array.from({ length: size * frames }, (_, place) =>
      !masked || place % frames < (lengths[Math.floor(place / frames)] ?? 0) ? 1 : 0,
    ),
    gloss: Int32Array.from(arrays.get('gloss') ?? new Float32Array(size)),
    category: Int32Array.from(arrays.get('cat') ?? new Float32Array(size)),
    weight: new Float32Array(size).fill(1),
    indices: [0, 1, 2, 3, 4, 5],
  };
}
