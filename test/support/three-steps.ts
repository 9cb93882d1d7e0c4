import { createHash } from 'node:crypto';
import { argv } from 'node:process';
import { createProgram } from '../../src/engine/create-program';
import { adam } from '../../src/engine/optimizers/adam';
import { initialiseParameters } from '../../src/engine/parameters';
import { startRuntime } from '../../src/engine/runtime';
import { RandomStream } from '../../src/foundation/random';
import { signTransformer } from '../../src/models/transformer/sign-transformer';
import { stepDefinition, stepInputs } from '../../src/training/learner';
import { classificationLoss } from '../../src/training/losses';

/** A program: three steps of a small SignTransformer, `deterministic` where that is its argument. It prints what computed, and a hash of the weights. */
async function main(): Promise<void> {
  const { backend, threads } = await startRuntime({ deterministic: argv[2] === 'deterministic' });
  const [size, frames, width] = [32, 64, 156];
  const sizes = { input_dim: width, emb_dim: 32, n_heads: 4, n_layers: 2, ff_dim: 128, num_gloss: 7, num_cat: 3, max_len: frames };
  const model = signTransformer({ ...sizes, dropout: 0.1, pooling_method: 'mean' });
  const loss = classificationLoss({ loss: 'ce', focal_gamma: 2, focal_alpha: 1, label_smoothing: 0.1 });
  const random = new RandomStream(1);
  const weights = initialiseParameters(model.parameters, random);
  const program = createProgram(stepDefinition(model, loss, { optimizer: adam() }), weights, { mode: 'captured' });
  const batch = {
    ...{ size, count: size, frames, width, indices: [] },
    features: Float32Array.from({ length: size * frames * width }, () => random.uniform()),
    mask: new Float32Array(size * frames).fill(1),
    gloss: Int32Array.from({ length: size }, () => random.below(7)),
    category: Int32Array.from({ length: size }, () => random.below(3)),
    weight: new Float32Array(size).fill(1),
  };
  for (let step = 0; step < 3; step++) {
    const inputs = stepInputs(batch, { lossWeights: { alpha: 0.5, beta: 0.5 }, packPadding: true, randomSeed: [1, step] });
    program.trainStep(inputs, { learningRate: 1e-3, gradientScale: 1, apply: true });
  }
  const hash = createHash('sha256');
  for (const values of program.readParameters().values()) hash.update(values);
  console.log(JSON.stringify({ backend, threads, weights: hash.digest('hex') }));
}

void main();
