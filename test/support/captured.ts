import { type NamedArrays, type ParameterValues, initialiseParameters } from '../../src/engine/parameters';
import type { ProgramDefinition } from '../../src/engine/program';
import { CapturedProgram } from '../../src/engine/captured/captured-program';
import type { MatrixType } from '../../src/engine/captured/matrix-type';
import { EagerProgram } from '../../src/engine/eager-program';
import { RandomStream } from '../../src/foundation/random';
import { signTransformer } from '../../src/models/transformer/sign-transformer';
import { classificationLoss } from '../../src/training/losses';
import { stepDefinition, stepInputs } from '../../src/training/learner';
import { tinyArchitecture, updateRule, type TinyOptions } from './tiny-transformer';

/** The tiny SignTransformer's training, with weights drawn from a seed. */
export function tinyTraining(options: TinyOptions = {}): { definition: ProgramDefinition; weights: ParameterValues } {
  const model = signTransformer({ ...tinyArchitecture, pooling_method: options.pooling ?? 'mean', dropout: options.dropout ?? 0.1 });
  const loss = classificationLoss({ loss: options.loss ?? 'ce', focal_gamma: 2, focal_alpha: 1, label_smoothing: 0.1 });
  return {
    definition: stepDefinition(model, loss, updateRule(options)),
    weights: initialiseParameters(model.parameters, new RandomStream(5)),
  };
}

/** The same training captured and eager, to be compared. */
export function bothPrograms(options: TinyOptions = {}, matrixType?: MatrixType): { captured: CapturedProgram; eager: EagerProgram } {
  const { definition, weights } = tinyTraining(options);
  return { captured: new CapturedProgram(definition, weights, matrixType), eager: new EagerProgram(definition, weights) };
}

/** A step's inputs of so many clips and frames, drawn from a seed; the last clips count nothing where `count` is less than `size`. */
export function drawnInputs(
  chosen: {
    readonly size?: number;
    readonly count?: number;
    readonly frames?: number;
    readonly step?: number;
    readonly seed?: number;
    /** Whether padding is left out; it is unless told. */
    readonly packed?: boolean;
    /** Frames of each clip; three quarters of them unless told. */
    readonly lengths?: (clip: number) => number;
    /** Devices that share the batch; one unless told. */
    readonly devices?: number;
  } = {},
): NamedArrays {
  const { size = 4, frames = 10, step = 0, seed = 1 } = chosen;
  const count = chosen.count ?? size;
  const { lengths = (): number => frames * 0.75 } = chosen;
  const random = new RandomStream(seed);
  const draw = (length: number, below: number): Int32Array => Int32Array.from({ length }, () => random.below(below));
  const batch = {
    size,
    count,
    frames,
    width: tinyArchitecture.input_dim,
    features: Float32Array.from({ length: size * frames * tinyArchitecture.input_dim }, () => random.uniform()),
    mask: Float32Array.from({ length: size * frames }, (_, place) => (place % frames < lengths(Math.floor(place / frames)) ? 1 : 0)),
    gloss: draw(size, tinyArchitecture.num_gloss),
    category: draw(size, tinyArchitecture.num_cat),
    weight: Float32Array.from({ length: size }, (_, row) => (row < count ? 1 : 0)),
    indices: [],
  };
  return stepInputs(batch, {
    lossWeights: { alpha: 0.5, beta: 0.5 },
    packPadding: chosen.packed ?? true,
    devices: chosen.devices,
    randomSeed: [seed, step],
  });
}
