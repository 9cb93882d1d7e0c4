import { LOSS_WEIGHTING_KEY } from '../checkpoint/checkpoint-fields';
import type { StateDict } from '../checkpoint/state-dict';
import type { Settings } from '../config/model-settings';
import {
  constantValue,
  initialiseParameters,
  tensorNamed,
  type NamedArrays,
  type NamedTensors,
  type ParameterDeclaration,
  type ParameterValues,
} from '../engine/parameters';
import { gradientsWithin } from '../engine/partial-gradients';
import { tf } from '../engine/tensorflow';
import { UserError } from '../foundation/errors';
import { RandomStream } from '../foundation/random';
import { elementAt, required } from '../foundation/required';
import { counted } from '../foundation/text';
import type { Model } from '../models/model';
import type { LossWeights } from './curriculum';

/** What becomes of a step's gradient: its share of the update, and whether that is made after it. */
interface StepUpdate {
  readonly gradientScale: number;
  readonly apply: boolean;
}

/** What a step's loss is made of. */
interface LossParts {
  /** The gloss head's losses, then the category head's, `[clips]` each. */
  readonly losses: readonly [gloss: tf.Tensor, category: tf.Tensor];
  /** `[clips]`: each clip's share of the mean. */
  readonly shares: tf.Tensor;
  readonly parameters: NamedTensors;
  readonly inputs: NamedTensors;
}

/** How a training learns the weights of both heads' losses while it learns the model. Its parameters are the training's: a model has none of them. */
export interface LossWeighting {
  readonly parameters: readonly ParameterDeclaration[];
  /** Whether each parameter lies in a checkpoint; the others are zero wherever one is written. */
  readonly keeps: (parameter: string) => boolean;
  /** Whether the gradients of several steps may be gathered for an update. */
  readonly gathers: boolean;
  /** What a step is given beside its batch. */
  readonly inputsOf: (update: StepUpdate) => NamedArrays;
  /** The loss that is differentiated, a sum over the clips, and what is added to parameters that the optimiser does not train. */
  readonly lossOf: (parts: LossParts) => { readonly loss: tf.Tensor; readonly increments: NamedTensors };
  /** What each head's loss is multiplied with now. */
  readonly weightsAmong: (values: ParameterValues) => LossWeights;
}

/** What the names of the parameters begin with, in a program and among an optimiser's; a checkpoint holds them without it, under a key of that name. */
const PREFIX = `${LOSS_WEIGHTING_KEY}.`;

export type WeightingSettings = Pick<
  Settings,
  'loss_weighting' | 'alpha' | 'beta' | 'gradnorm_alpha' | 'gradnorm_lr' | 'accumulation_steps' | 'micro_batch_size'
>;

/** The weightings that are learnt, by the word that `--loss-weighting` takes. */
const weightings: Readonly<
  Record<Exclude<WeightingSettings['loss_weighting'], 'static'>, (model: Model, settings: WeightingSettings) => LossWeighting>
> = {
  uncertainty: uncertaintyWeighting,
  gradnorm: gradNormWeighting,
};

/**
 * The weighting that a training's settings ask for; undefined where the weights are those of the settings.
 * @throws UserError where one of the heads has a single class, whose loss is always 0.
 */
export function lossWeightingFor(settings: WeightingSettings, model: Model): LossWeighting | undefined {
  const { loss_weighting: kind } = settings;
  if (kind === 'static') return undefined;
  if (model.numGloss > 1 && model.numCategory > 1) return weightings[kind](model, settings);
  const found = `${counted(model.numGloss, 'gloss', 'glosses')} and ${counted(model.numCategory, 'category', 'categories')}`;
  throw new UserError(
    `loss_weighting: ${kind} weighs two heads that learn: expected at least two glosses and two categories, found ${found}; leave it out`,
  );
}

/**
 * Kendall, Gal & Cipolla 2018: `exp(−s) · L + s / 2` for each head, where the log variance s, its uncertainty, is a parameter that the optimiser trains, 0 at first.
 */
function uncertaintyWeighting(): LossWeighting {
  const name = `${PREFIX}log_variances`;
  return {
    parameters: [{ name, shape: [2], trainable: true, ofTraining: true, initialise: constantValue(0) }],
    keeps: () => true,
    gathers: true,
    inputsOf: () => ({}),
    lossOf: ({ losses, shares, parameters }) => {
      const ofHeads = losses.map((loss, head) => {
        const logVariance = tf.slice(tensorNamed(parameters, name), [head], [1]);
        return tf.add(tf.mul(tf.exp(tf.neg(logVariance)), loss), tf.mul(logVariance, 0.5));
      });
      return { loss: tf.sum(tf.mul(tf.addN(ofHeads), shares)), increments: {} };
    },
    weightsAmong: (values) => lossWeightsOf(required(values.get(name), name).map((logVariance) => Math.exp(-logVariance))),
  };
}

/** A weight is no less than this share of their sum: GradNorm's step might take it below 0, where the loss would be made larger. */
const LEAST_SHARE = 1e-3;

/** Below all that is a mean of losses which are not all 0. */
const LEAST_PACE = 1e-30;

/**
 * GradNorm (Chen et al. 2018, algorithm 1). The weights w begin with alpha and beta. G is the norm of the gradient of each head's weighted loss at the last layer
 * that both share, r its loss as a share of the first step's, over the mean of both. After each update gradient descent on `Σ |G − mean(G) · r^α|`, of which the
 * second term is a constant, moves w, and w is scaled back to the sum of alpha and beta.
 */
function gradNormWeighting(model: Model, settings: WeightingSettings): LossWeighting {
  const { alpha, beta, gradnorm_alpha: restoringForce, gradnorm_lr: rate } = settings;
  const shared = required(model.lastSharedLayer, 'the last layer of the model that both heads share');
  const [weights, initialLosses] = [`${PREFIX}weights`, `${PREFIX}initial_losses`];
  const gathering = settings.accumulation_steps > 1 || settings.micro_batch_size !== null ? gatheredOver(model, shared) : undefined;

  /** How long the gradient of each head's loss is, `[2]`. */
  const normsOf = (gradients: readonly (readonly tf.Tensor[])[]): tf.Tensor =>
    tf.sqrt(tf.stack(gradients.map((ofHead) => tf.addN(ofHead.map((gradient) => tf.sum(tf.square(gradient)))))));

  const movedWeights = (before: tf.Tensor, norms: tf.Tensor, paces: tf.Tensor): tf.Tensor => {
    const weightedNorms = tf.mul(before, norms);
    const relativePaces = tf.div(paces, tf.maximum(tf.mean(paces), LEAST_PACE));
    const targets = tf.mul(tf.mean(weightedNorms), tf.pow(relativePaces, restoringForce));
    const slopes = tf.mul(tf.sign(tf.sub(weightedNorms, targets)), norms);
    const moved = tf.maximum(tf.sub(before, tf.mul(slopes, rate)), LEAST_SHARE * (alpha + beta));
    return tf.mul(moved, tf.div(alpha + beta, tf.sum(moved)));
  };

  return {
    parameters: [
      { name: weights, shape: [2], trainable: false, ofTraining: true, initialise: () => Float32Array.of(alpha, beta) },
      { name: initialLosses, shape: [2], trainable: false, ofTraining: true, initialise: constantValue(0) },
      ...(gathering?.parameters ?? []),
    ],
    keeps: (parameter) => parameter === weights || parameter === initialLosses,
    gathers: gathering !== undefined,
    inputsOf: (update) => gathering?.inputsOf(update) ?? {},
    lossOf: ({ losses, shares, parameters, inputs }) => {
      const before = tensorNamed(parameters, weights);
      const means = losses.map((loss) => tf.sum(tf.mul(loss, shares)));
      const loss = tf.sum(tf.mul(tf.stack(means), before));
      const ofBatch = {
        losses: tf.stack(means),
        gradients: means.map((mean) =>
          gradientsWithin(
            mean,
            shared.map((name) => tensorNamed(parameters, name)),
          ),
        ),
      };
      const { whole, increments, made } = gathering?.add(ofBatch, parameters, inputs) ?? {
        whole: ofBatch,
        increments: {},
        made: undefined,
      };
      const first = tensorNamed(parameters, initialLosses);
      const initial = tf.where(tf.greater(first, 0), first, whole.losses);
      const after = movedWeights(before, normsOf(whole.gradients), tf.div(whole.losses, initial));
      const whenMade = (change: tf.Tensor): tf.Tensor => (made === undefined ? change : tf.mul(change, made));
      return {
        loss,
        increments: {
          [weights]: whenMade(tf.sub(after, before)),
          [initialLosses]: whenMade(tf.sub(initial, first)),
          ...increments,
        },
      };
    },
    weightsAmong: (values) => lossWeightsOf(required(values.get(weights), weights)),
  };
}

/** Each head's mean loss, and its gradient at each parameter of the last shared layer. */
interface MeasuredLosses {
  /** `[2]` */
  readonly losses: tf.Tensor;
  readonly gradients: readonly (readonly tf.Tensor[])[];
}

/** What gathers losses and gradients over the batches of an update, so that the weights move as if these were one batch. */
interface Gathering {
  readonly parameters: readonly ParameterDeclaration[];
  readonly inputsOf: LossWeighting['inputsOf'];
  /** @returns what is gathered with this batch, 1 where the update is made after it and else 0, and what the gathered parameters change by: they are empty after an update. */
  add(
    ofBatch: MeasuredLosses,
    parameters: NamedTensors,
    inputs: NamedTensors,
  ): { readonly whole: MeasuredLosses; readonly made: tf.Tensor; readonly increments: NamedTensors };
}

function gatheredOver({ parameters }: Model, shared: readonly string[]): Gathering {
  const input = 'loss_weighting_update';
  const losses = `${PREFIX}gathered_losses`;
  const gradientOf = (head: number, parameter: string): string => `${PREFIX}gathered_gradient.${head}.${parameter}`;
  const shapes = new Map(parameters.map(({ name, shape }) => [name, shape]));
  const empty = (name: string, shape: readonly number[]): ParameterDeclaration => ({
    ...{ name, shape, trainable: false, ofTraining: true },
    initialise: constantValue(0),
  });
  return {
    parameters: [
      empty(losses, [2]),
      ...[0, 1].flatMap((head) => shared.map((name) => empty(gradientOf(head, name), required(shapes.get(name), `the shape of ${name}`)))),
    ],
    inputsOf: ({ gradientScale, apply }) => ({ [input]: { shape: [2], values: Float32Array.of(gradientScale, apply ? 1 : 0) } }),
    add: (ofBatch, named, inputs) => {
      const update = tensorNamed(inputs, input);
      const [scale, made] = [tf.slice(update, [0], [1]), tf.slice(update, [1], [1])];
      const increments: Record<string, tf.Tensor> = {};
      const gather = (name: string, value: tf.Tensor): tf.Tensor => {
        const before = tensorNamed(named, name);
        const sum = tf.add(before, tf.mul(value, scale));
        increments[name] = tf.sub(tf.mul(sum, tf.sub(1, made)), before);
        return sum;
      };
      const gradients = ofBatch.gradients.map((ofHead, head) =>
        ofHead.map((gradient, place) => gather(gradientOf(head, elementAt(shared, place)), gradient)),
      );
      return { whole: { losses: gather(losses, ofBatch.losses), gradients }, made, increments };
    },
  };
}

function lossWeightsOf(weights: Float32Array): LossWeights {
  return { alpha: elementAt(weights, 0), beta: elementAt(weights, 1) };
}

/** What a checkpoint keeps of a weighting, as a state_dict of its own. */
export function savedWeighting({ parameters, keeps }: LossWeighting, values: ParameterValues): StateDict {
  return new Map(
    parameters
      .filter(({ name }) => keeps(name))
      .map(({ name, shape }) => [name.slice(PREFIX.length), { shape, values: required(values.get(name), name) }]),
  );
}

/**
 * The parameters of a weighting as a checkpoint has them; those that it does not keep as they are at first.
 * @param from.saved undefined where there is no checkpoint, or one of another program, which keeps none: then all are as at first.
 * @throws UserError where one is missing or of another shape.
 */
export function restoredWeighting(
  { parameters, keeps }: LossWeighting,
  from?: { readonly saved: StateDict | undefined; readonly file: string },
): ParameterValues {
  const first = initialiseParameters(parameters, new RandomStream(0));
  if (from?.saved === undefined) return first;
  const { saved, file } = from;
  const kept = parameters.filter(({ name }) => keeps(name));
  const values = kept.map(({ name, shape }) => {
    const found = saved.get(name.slice(PREFIX.length));
    if (found?.shape.join() === shape.join()) return [name, found.values] as const;
    const shown = found === undefined ? 'none' : `one of [${found.shape.join(', ')}]`;
    throw new UserError(`${file}: ${name}: expected a tensor of [${shape.join(', ')}], found ${shown}`);
  });
  return new Map([...first, ...values]);
}
