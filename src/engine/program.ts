import type { OptimizerState } from '../foundation/optimizer-state';
import type { Optimizer } from './optimizers/optimizer';
import type { ParameterGroup } from './optimizers/parameter-groups';
import type { AverageState, WeightAverage } from './optimizers/weight-average';
import type { Held, NamedArrays, NamedTensors, ParameterDeclaration, ParameterValues } from './parameters';
import type { tf } from './tensorflow';

/** What a training computation gives: the loss that is differentiated, and whatever else is wanted of the same pass. */
export interface TrainingOutputs {
  readonly loss: tf.Tensor;
  readonly outputs: NamedTensors;
  /** What is added to parameters that are not trained (running statistics) once the step is done, by name. */
  readonly increments?: NamedTensors;
}

/**
 * A model's computations, written in plain tfjs functions of parameters and inputs. They are called by the engine, as often as it sees fit: once a step when
 * running eagerly, once a shape when the step is recorded and replayed. So they take everything that changes from step to step (learning rate aside) as
 * inputs, and read no value back.
 */
export interface ProgramDefinition {
  readonly parameters: readonly ParameterDeclaration[];
  readonly evaluate: (parameters: NamedTensors, inputs: NamedTensors) => NamedTensors;
  readonly train?: (parameters: NamedTensors, inputs: NamedTensors) => TrainingOutputs;
  readonly optimizer?: Optimizer;
  /** Groups of parameters with rules of their own, each trained parameter in one; undefined where the optimiser updates all alike. */
  readonly parameterGroups?: readonly ParameterGroup[] | undefined;
  /** The largest global norm of the gradient of the model's parameters, or undefined for no clipping (`torch.nn.utils.clip_grad_norm_`). */
  readonly clipNorm?: number | undefined;
  /** The average of the trained parameters that is kept beside them; undefined for none. */
  readonly average?: WeightAverage | undefined;
  /** How a batch may be divided over several devices; without it the program runs on one. */
  readonly division?: BatchDivision;
}

/**
 * How a batch may be divided. The loss must be a sum over the batch's examples, and every output of `evaluate` and `train` have one row for each, so that
 * losses and gradients of parts add up and outputs follow one another.
 */
export interface BatchDivision {
  /** The inputs whose first axis is the batch; every part is given all others whole. */
  readonly perExample: readonly string[];
  /** Those whose first axis is the parts ({@link partSizes}), as made for a number of devices; each part is given `[1, …]` of them. */
  readonly perPart?: readonly string[];
  /**
   * The int32 input `[3]` that random draws are seeded with, as `seededDropout` takes it: to its last number each part adds how many examples of the batch come
   * before it, so that parts draw what one device would.
   */
  readonly seed?: string;
}

/** The sizes of the parts of a batch, alike but for one example; as many parts as there are devices, or examples if those are fewer. */
export function partSizes(examples: number, devices: number): number[] {
  const parts = Math.max(1, Math.min(examples, devices));
  return Array.from({ length: parts }, (_, part) => Math.floor(examples / parts) + (part < examples % parts ? 1 : 0));
}

/** How one training step ends. */
export interface UpdateRequest {
  readonly learningRate: number;
  /** The share of this step's gradient: 1, or 1/k where k steps are accumulated for an update. */
  readonly gradientScale: number;
  /** Whether the accumulated gradient is applied now. */
  readonly apply: boolean;
}

export interface StepResult {
  readonly loss: number;
  readonly outputs: NamedArrays;
  /** The global norm of the gradient of the model's parameters before clipping; undefined where it was not applied in this step. */
  readonly gradientNorm: number | undefined;
  /**
   * False where the loss, the gradient, what is added to buffers or the step size was not finite. Then the step has changed neither parameters nor what the
   * optimiser remembers, and gradients that were accumulated are forgotten.
   */
  readonly finite: boolean;
}

/** What a program has learnt at one moment. */
export interface ProgramState {
  readonly parameters: ParameterValues;
  readonly optimizer: OptimizerState;
  /** Undefined where the program keeps none. */
  readonly average: AverageState | undefined;
}

/**
 * The seam between models and machine: a program holds its parameters and optimiser on the device and runs its computations there. Trainer and evaluation
 * know only this interface, so how a step runs can change without touching them.
 */
export interface Program {
  /** Runs `evaluate` once. */
  evaluate(inputs: NamedArrays): NamedArrays;
  /**
   * The same beside whatever else is done meanwhile, several at once too, where the program is captured; an eager one computes first. Nobody may change the inputs or the
   * parameters before it is done.
   */
  evaluateLater(inputs: NamedArrays): Promise<NamedArrays>;
  /** Runs `train` once, differentiates its loss and updates the parameters, where all of it is finite. */
  trainStep(inputs: NamedArrays, update: UpdateRequest): StepResult;
  /** The same beside whatever else is done meanwhile, except with this program: one step after the other. */
  trainStepLater(inputs: NamedArrays, update: UpdateRequest): Promise<StepResult>;
  /** The gradient of every trainable parameter that the loss depends on; changes nothing. */
  gradients(inputs: NamedArrays): ParameterValues;
  readParameters(): ParameterValues;
  /** @throws Error where a name is missing or a size differs. */
  writeParameters(values: ParameterValues): void;
  readOptimizer(): OptimizerState;
  writeOptimizer(state: OptimizerState): void;
  /** The average of the trained parameters; undefined where the program keeps none. */
  readAverage(): AverageState | undefined;
  /** @throws Error where the program keeps no average, a name is missing or a size differs. */
  writeAverage(state: AverageState): void;
  /** Takes hold of all that is read of the three above, as it is now; that is much sooner done than reading it. */
  hold(): Held<ProgramState>;
  /** Frees everything that the program holds. */
  dispose(): void;
}
