import type { PlainRecord, TrainingCheckpoint } from '../checkpoint/training-checkpoint';
import type { Settings } from '../config/model-settings';
import type { Batch } from '../data/batch';
import { noDropout, seededDropout } from '../engine/dropout';
import type { Optimizer } from '../engine/optimizers/optimizer';
import type { ParameterGroup } from '../engine/optimizers/parameter-groups';
import { type NamedArrays, tensorNamed, valuesNamed, type NamedTensors } from '../engine/parameters';
import { exponentialAverage } from '../engine/optimizers/weight-average';
import type { Program, StepResult, ProgramDefinition } from '../engine/program';
import { releaseLoadingMemory } from '../engine/runtime';
import { tf } from '../engine/tensorflow';
import { featureInputs, modelInputs, packedInputs } from '../evaluation/loaded-model';
import { elementAt } from '../foundation/required';
import type { Model, ModelOutputs } from '../models/model';
import { divideInputs, joinOutputs, joinSteps } from './batch-parts';
import { meanCorrections, targetsOfBatch, type ClassTargets, type ClassWeights, type MeanCorrections } from './class-weights';
import { lossWeightsAt, type LossWeights } from './curriculum';
import { labelInputs, lossOfHead, mixedInputs, taughtInputs, targetNames, type Distillation, type TrainingBatch } from './head-targets';
import type { LossWeighting } from './loss-weighting';
import type { ClassificationLoss } from './losses';
import { NotFinite } from './not-finite';
import type { Progress } from './progress';
import type { LearningRateSchedule } from './schedules';
import { takeCheckpoint } from './take-checkpoint';

/** What is learnt, and how far: the model's program with its weights and optimiser, the schedule of its learning rate, the progress. */
export class Learner {
  private halvedBatchSize: number | undefined;
  private hasStepped = false;

  constructor(
    readonly model: Model,
    readonly program: Program,
    private readonly rules: UpdateRules,
    readonly schedule: LearningRateSchedule,
    readonly progress: Progress,
    private readonly settings: Settings,
    private readonly given: Pick<StepOptions, 'packPadding' | 'classWeights' | 'devices'>,
  ) {}

  /** How much each head's loss counts now: in the epoch that runs, or that comes next; where the weights are learnt, in the next step. */
  get lossWeights(): LossWeights {
    return this.weighting?.weightsAmong(this.program.readParameters()) ?? lossWeightsAt(this.progress.completedEpochs, this.settings);
  }

  /** What learns the weights of the losses, where that is asked for. */
  get weighting(): LossWeighting | undefined {
    return this.rules.weighting;
  }

  /**
   * Trains on a batch; the next may be assembled meanwhile, one step is taken after the other. Where the weights of the losses are learnt, the loss that it tells is weighted with those of the settings, as a validation's is: so steps compare.
   * @param update whether the gradient is applied after it, and the share of it.
   * @throws NotFinite where the loss, the gradient or the step is not finite: then it has changed nothing.
   * @throws OutOfMemory where memory for it was refused: then the gradients that were gathered for the next update are lost.
   */
  async step(batch: TrainingBatch, update: { readonly gradientScale: number; readonly apply: boolean }): Promise<StepResult> {
    const { learningRate, weighting } = this;
    const given = { step: this.progress.step, ...(weighting === undefined ? {} : { lossWeights: UNWEIGHTED }) };
    const parts = this.partsOf(batch, this.inputsOf(batch, given));
    const steps: StepResult[] = [];
    if (!this.hasStepped) releaseLoadingMemory(); // Of the library: the first step takes more than any after it.
    for (const [place, inputs] of parts.entries()) {
      const ofPart = { ...update, apply: update.apply && place === parts.length - 1 };
      const step = await this.program.trainStepLater({ ...inputs, ...weighting?.inputsOf(ofPart) }, { learningRate, ...ofPart });
      steps.push(step);
      if (!step.finite) break;
    }
    if (!this.hasStepped) releaseLoadingMemory(); // Of making its graphs ready.
    this.hasStepped = true;
    const result = joinSteps(steps, batch.size);
    if (!result.finite) throw new NotFinite(faultOf(result));
    if (update.apply) this.schedule.endUpdate?.();
    return weighting === undefined ? result : { ...result, loss: this.comparableLoss(result, batch) };
  }

  /**
   * The model's logits and losses for a batch, as it is now.
   * @param split all the clips that a mean will be taken over: with class weights, that of the losses is the loss of the whole split.
   * @throws OutOfMemory where memory for it was refused.
   */
  async evaluate(batch: Batch, split: ClassTargets): Promise<NamedArrays> {
    const parts = this.partsOf(batch, this.inputsOf(batch, { step: 0, meanOver: split }));
    const outputs: NamedArrays[] = [];
    for (const inputs of parts) outputs.push(await this.program.evaluateLater(inputs));
    return joinOutputs(outputs, batch.size);
  }

  /** Clips that are computed at once: a batch of more is computed in parts. */
  get microBatchSize(): number {
    const { micro_batch_size: wanted, batch_size: batchSize } = this.settings;
    return this.halvedBatchSize ?? wanted ?? batchSize;
  }

  /** Computes half as many clips at once from now on. */
  halveMicroBatch(): void {
    this.halvedBatchSize = Math.ceil(this.microBatchSize / 2);
  }

  /** The rate of the next update: that of the schedule, halved by each recovery. */
  get learningRate(): number {
    return this.schedule.learningRate * 0.5 ** this.progress.recoveries;
  }

  /** Whether an average of the weights is kept: the training is judged by it. */
  get keepsAverage(): boolean {
    return this.settings.ema;
  }

  /** Does something with the program while it has the weights that the training is judged by: their average, where one is kept. */
  async whileJudged<Result>(action: () => Promise<Result>): Promise<Result> {
    const { program } = this;
    const average = program.readAverage();
    if (average === undefined) return action();
    const trained = program.readParameters();
    program.writeParameters(new Map([...trained, ...average.values]));
    try {
      return await action();
    } finally {
      program.writeParameters(trained);
    }
  }

  /** All that a training needs to go on from here, as {@link takeCheckpoint} gives it. */
  takeCheckpoint(description: PlainRecord, args: PlainRecord): Generator<Float32Array, TrainingCheckpoint, undefined> {
    const { model, program, rules, schedule, learningRate, progress } = this;
    return takeCheckpoint({ model, program, ...rules, schedule, learningRate, progress }, description, args);
  }

  private partsOf({ count }: Batch, inputs: NamedArrays): NamedArrays[] {
    const { packPadding, devices = 1 } = this.given;
    return divideInputs(inputs, { perClip: perClipInputs, count, atOnce: this.microBatchSize, packPadding, devices });
  }

  private inputsOf(
    batch: TrainingBatch,
    { step, ...others }: { readonly step: number } & Partial<Pick<StepOptions, 'meanOver' | 'lossWeights'>>,
  ): NamedArrays {
    const lossWeights = lossWeightsAt(this.progress.completedEpochs, this.settings);
    return stepInputs(batch, { lossWeights, ...this.given, ...others, randomSeed: [this.settings.seed, step] });
  }

  /** The mean loss of a batch's clips, with the weights of the settings. */
  private comparableLoss({ outputs }: StepResult, { count }: Batch): number {
    const meanOf = (name: string): number =>
      Array.from(valuesNamed(outputs, name).subarray(0, count)).reduce((sum, loss) => sum + loss, 0) / count;
    const { alpha, beta } = this.settings;
    return alpha * meanOf('gloss_losses') + beta * meanOf('category_losses');
  }
}

/** What of a training step was not finite. */
function faultOf({ loss, gradientNorm }: StepResult): string {
  if (!Number.isFinite(loss)) return `the loss became ${loss}`;
  if (gradientNorm !== undefined && !Number.isFinite(gradientNorm)) return `the norm of the gradient became ${gradientNorm}`;
  return "a step's size or a running statistic became too large for float32";
}

/** By which rule parameters are updated. */
interface UpdateRules {
  readonly optimizer: Optimizer;
  /** Where not all are updated alike: see {@link parameterGroups}. */
  readonly groups?: readonly ParameterGroup[] | undefined;
  /** What learns the weights of the losses; undefined where they are given. */
  readonly weighting?: LossWeighting | undefined;
}

/** The weights of losses that something else weighs. */
const UNWEIGHTED: LossWeights = { alpha: 1, beta: 1 };

/** How a step computes its gradient, and changes the weights. */
interface StepRules extends UpdateRules {
  /** The share of clips for which the last layer is left out; 0 unless given. */
  readonly stochasticDepth?: number;
  readonly clipNorm?: number | undefined;
  /** The decay of the average that is kept of the weights; undefined where none is. */
  readonly averageDecay?: number | undefined;
  /** How much teachers say, where there are any. */
  readonly distillation?: Distillation | undefined;
}

/** The inputs that have a row for each clip. */
const perClipInputs = ['features', 'mask', 'weight', ...targetNames];

/** What a training computes for any model: the weighted loss of both heads, and for evaluation the logits and losses of every clip. */
export function stepDefinition(
  model: Model,
  loss: ClassificationLoss,
  { optimizer, groups, clipNorm, averageDecay, distillation, stochasticDepth = 0, weighting }: StepRules,
): ProgramDefinition {
  const lossesOfHeads = (inputs: NamedTensors, { glossLogits, categoryLogits }: ModelOutputs): [gloss: tf.Tensor, category: tf.Tensor] => {
    const lossWeights = tensorNamed(inputs, 'loss_weights');
    const glossLoss = lossOfHead('gloss', glossLogits, inputs, { loss, distillation });
    const categoryLoss = lossOfHead('category', categoryLogits, inputs, { loss, distillation });
    return [tf.mul(glossLoss, tf.slice(lossWeights, [0], [1])), tf.mul(categoryLoss, tf.slice(lossWeights, [1], [1]))];
  };
  return {
    parameters: [...model.parameters, ...(weighting?.parameters ?? [])],
    optimizer,
    parameterGroups: groups,
    clipNorm,
    average: averageDecay === undefined ? undefined : exponentialAverage(averageDecay),
    division: { perExample: [...perClipInputs, 'packed_rows'], perPart: ['packed_positions'], seed: 'random_seed' },
    train: (parameters, inputs) => {
      const dropout = seededDropout(tensorNamed(inputs, 'random_seed'), elementAt(tensorNamed(inputs, 'mask').shape, 0));
      const increments: Record<string, tf.Tensor> = {};
      const addToBuffer = (name: string, amount: tf.Tensor): void => {
        increments[name] = amount;
      };
      const forward = model.forward(parameters, modelInputs(inputs), { dropout, stochasticDepth, addToBuffer });
      const weight = tensorNamed(inputs, 'weight');
      const losses = lossesOfHeads(inputs, forward);
      const outputs = { gloss_logits: forward.glossLogits, category_logits: forward.categoryLogits };
      if (weighting === undefined) return { loss: tf.sum(tf.mul(tf.add(...losses), weight)), outputs, increments };
      const weighted = weighting.lossOf({ losses, shares: weight, parameters, inputs });
      return {
        loss: weighted.loss,
        outputs: { ...outputs, gloss_losses: losses[0], category_losses: losses[1] },
        increments: { ...increments, ...weighted.increments },
      };
    },
    evaluate: (parameters, inputs) => {
      const forward = model.forward(parameters, modelInputs(inputs), { dropout: noDropout });
      return {
        gloss_logits: forward.glossLogits,
        category_logits: forward.categoryLogits,
        losses: tf.add(...lossesOfHeads(inputs, forward)),
      };
    },
  };
}

/** What a step is given beside its batch. */
interface StepOptions {
  readonly lossWeights: LossWeights;
  /** Undefined where clips of all classes count alike. */
  readonly classWeights?: ClassWeights | undefined;
  /** The clips whose mean loss is wanted, where it is not that of the batch. */
  readonly meanOver?: ClassTargets;
  /** Whether padding is left out where that saves much. */
  readonly packPadding: boolean;
  /** Devices that share each batch; 1 unless told. */
  readonly devices?: number | undefined;
  readonly randomSeed: readonly [seed: number, step: number];
}

/**
 * A batch as the inputs that {@link stepDefinition} takes. The clips' weights add up to 1, so the loss is a mean over the clips that count; where classes have
 * weights, each head's is the weighted mean of PyTorch's `CrossEntropyLoss(weight=…)`.
 */
export function stepInputs(batch: TrainingBatch, options: StepOptions): NamedArrays {
  const { lossWeights, classWeights, packPadding, devices, randomSeed } = options;
  const { size, count } = batch;
  const corrections = meanCorrections(classWeights, options.meanOver ?? targetsOfBatch(batch));
  return {
    ...featureInputs(batch),
    ...(packPadding ? packedInputs(batch, devices) : {}),
    ...labelInputs(batch),
    weight: { shape: [size], values: batch.weight.map((weight) => weight / Math.max(1, count)) },
    random_seed: { shape: [3], values: Int32Array.of(...randomSeed, 0) },
    ...lossInputs(lossWeights, classWeights, corrections),
    ...mixedInputs(batch),
    ...taughtInputs(batch, corrections),
  };
}

/** What the losses of both heads are weighted with. */
function lossInputs({ alpha, beta }: LossWeights, classWeights: ClassWeights | undefined, corrections: MeanCorrections): NamedArrays {
  return {
    loss_weights: { shape: [2], values: Float32Array.of(alpha * corrections.gloss, beta * corrections.category) },
    ...(classWeights && {
      gloss_class_weights: { shape: [classWeights.gloss.length], values: classWeights.gloss },
      category_class_weights: { shape: [classWeights.category.length], values: classWeights.category },
    }),
  };
}
