import type { Batch } from '../src/data/batch';
import type { NamedArrays } from '../src/engine/parameters';
import type { ProgramDefinition } from '../src/engine/program';
import { RandomStream } from '../src/foundation/random';
import type { Model } from '../src/models/model';
import { classificationLoss } from '../src/training/losses';
import { stepDefinition, stepInputs } from '../src/training/learner';
import type { BenchFlags } from './flags';
import { benchModels, CATEGORIES, GLOSSES, type BenchModel } from './models';
import { adam } from '../src/engine/optimizers/adam';

/** What a bench of a step runs. */
export interface BenchedStep {
  readonly model: Model;
  /** The script that runs the same in PyTorch, with what it is given. */
  readonly pytorch: BenchModel['pytorch'];
  readonly definition: ProgramDefinition;
  /** The inputs of a step, other ones for every step. */
  readonly inputs: (step: number) => NamedArrays;
}

/** Wide batches take longer to make up than a step does: a few, each fed anew. */
const DRAWN_BATCHES = 4;

/** A model's training step in the size that the flags ask for, on made-up clips of which a quarter is padding. @param devices that share each batch. */
export function modelStep(flags: BenchFlags, devices = 1): BenchedStep {
  const { model, pytorch } = benchModels[flags.model](flags);
  const loss = classificationLoss({ loss: 'ce', focal_gamma: 2, focal_alpha: 1, label_smoothing: 0.1 });
  const batches = Array.from({ length: DRAWN_BATCHES }, (_, place) => randomBatch(flags.batch, flags.frames, model.width, place));
  return {
    model,
    pytorch,
    definition: stepDefinition(model, loss, { optimizer: adam(), averageDecay: flags.ema ? 0.999 : undefined }),
    inputs: (step) =>
      stepInputs(batches[step % DRAWN_BATCHES] ?? randomBatch(flags.batch, flags.frames, model.width, step), {
        lossWeights: { alpha: 0.5, beta: 0.5 },
        packPadding: model.leavesPaddingOut === true,
        devices,
        randomSeed: [42, step],
      }),
  };
}

/** Clips of which a quarter is padding, other ones for every step. */
function randomBatch(size: number, frames: number, width: number, step: number): Batch {
  const random = new RandomStream(7, step);
  const kept = Math.ceil(frames * 0.75);
  const features = new Float32Array(size * frames * width);
  const mask = new Float32Array(size * frames);
  for (let row = 0; row < size; row++) {
    mask.fill(1, row * frames, row * frames + kept);
    // Cheap values: the bench is of the step, not of the generator.
    const start = random.uniform();
    for (let place = 0; place < kept * width; place++) features[row * frames * width + place] = (start + place * 0.6180339887) % 1;
  }
  const ids = (classes: number): Int32Array => Int32Array.from({ length: size }, () => random.below(classes));
  return {
    size,
    count: size,
    frames,
    width,
    features,
    mask,
    gloss: ids(GLOSSES),
    category: ids(CATEGORIES),
    weight: new Float32Array(size).fill(1),
    indices: [],
  };
}
