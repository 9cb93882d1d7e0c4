import type { Batch } from '../src/data/batch';
import type { NamedArrays } from '../src/engine/named-tensors';
import type { ProgramDefinition } from '../src/engine/program';
import { RandomStream } from '../src/foundation/random';
import type { Model } from '../src/models/model';
import { signTransformer } from '../src/models/transformer/sign-transformer';
import { classificationLoss } from '../src/training/losses';
import { stepDefinition, stepInputs } from '../src/training/step-definition';
import type { BenchFlags } from './flags';

const GLOSSES = 105;
const CATEGORIES = 10;
const WIDTH = 156;

/** What a bench of a step runs. */
export interface BenchedStep {
  readonly model: Model;
  readonly definition: ProgramDefinition;
  /** The inputs of a step, other ones for every step. */
  readonly inputs: (step: number) => NamedArrays;
}

/** The SignTransformer's training step in the size that the flags ask for, on made-up clips of which a quarter is padding. */
export function transformerStep({ emb, heads, layers, batch, frames }: BenchFlags): BenchedStep {
  const model = signTransformer({
    input_dim: WIDTH,
    emb_dim: emb,
    n_heads: heads,
    n_layers: layers,
    ff_dim: 4 * emb,
    num_gloss: GLOSSES,
    num_cat: CATEGORIES,
    dropout: 0.1,
    max_len: Math.max(300, frames),
    pooling_method: 'mean',
  });
  const loss = classificationLoss({ loss: 'ce', focal_gamma: 2, focal_alpha: 1, label_smoothing: 0.1 });
  return {
    model,
    definition: stepDefinition(model, loss, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: undefined }),
    inputs: (step) =>
      stepInputs(randomBatch(batch, frames, step), {
        lossWeights: { alpha: 0.5, beta: 0.5 },
        packPadding: true,
        randomSeed: [42, step],
      }),
  };
}

/** Clips of which a quarter is padding, other ones for every step. */
function randomBatch(size: number, frames: number, step: number): Batch {
  const random = new RandomStream(7, step);
  const kept = Math.ceil(frames * 0.75);
  const features = new Float32Array(size * frames * WIDTH);
  const mask = new Float32Array(size * frames);
  for (let row = 0; row < size; row++) {
    mask.fill(1, row * frames, row * frames + kept);
    // Cheap values: the bench is of the step, not of the generator.
    const start = random.uniform();
    for (let place = 0; place < kept * WIDTH; place++) features[row * frames * WIDTH + place] = (start + place * 0.6180339887) % 1;
  }
  const ids = (classes: number): Int32Array => Int32Array.from({ length: size }, () => random.below(classes));
  return {
    size,
    count: size,
    frames,
    width: WIDTH,
    features,
    mask,
    gloss: ids(GLOSSES),
    category: ids(CATEGORIES),
    weight: new Float32Array(size).fill(1),
    indices: [],
  };
}
