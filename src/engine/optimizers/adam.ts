import type { OptimizerForm } from '../../foundation/optimizer-state';
import { runsAfter } from '../captured/graph-writer';
import { DataType, type Attributes } from '../captured/recording';
import { tf } from '../tensorflow';
import { addL2, withL2, type Optimizer } from './optimizer';

/** What `torch.optim.Adam` and `AdamW` take beside the learning rate. */
export interface AdamSettings {
  /** How much of the averages of gradients and of their squares is kept at each step; 0.9 and 0.999 unless given. */
  readonly betas?: readonly [number, number];
  /** Added to the divisor; 1e-8 unless given. */
  readonly eps?: number;
  /** How strongly parameters are drawn towards 0; as in PyTorch, for Adam 0 and for AdamW 0.01 unless given. */
  readonly weightDecay?: number;
}

type AdamScalar = 'rate' | 'epsilon';
type AdamSlot = 'exp_avg' | 'exp_avg_sq';

export const adamForm: OptimizerForm = {
  className: 'Adam',
  slots: { exp_avg: 'average', exp_avg_sq: 'average of squares' },
  countsSteps: true,
  group: {
    lr: 1e-3,
    betas: [0.9, 0.999],
    eps: 1e-8,
    weight_decay: 0,
    amsgrad: false,
    maximize: false,
    foreach: null,
    capturable: false,
    differentiable: false,
    fused: null,
    decoupled_weight_decay: false,
  },
  hyperparameters: ['betas', 'eps', 'weight_decay'],
  fixed: ['amsgrad', 'maximize', 'decoupled_weight_decay'],
};

const float32: Attributes = { T: { kind: 'type', value: DataType.float32 } };

/** `torch.optim.Adam`: the weight decay is L2, added to the gradient. */
export function adam({ betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0 }: AdamSettings = {}): Optimizer<AdamScalar, AdamSlot> {
  const [beta1, beta2] = betas;

  /**
   * The rate and epsilon with which `p −= rate · m / (sqrt(v) + epsilon)` equals PyTorch's bias-corrected update,
   * `p −= lr / (1 − beta1^t) · m / (sqrt(v / (1 − beta2^t)) + eps)`.
   */
  const scalars = (learningRate: number, step: number): Record<AdamScalar, number> => {
    const correction = Math.sqrt(1 - beta2 ** step);
    return { rate: (learningRate * correction) / (1 - beta1 ** step), epsilon: eps * correction };
  };

  return {
    form: adamForm,
    hyperparameters: { betas, eps, weight_decay: weightDecay },
    slots: ['exp_avg', 'exp_avg_sq'],
    scalars,

    update({ parameter, gradient, slots, scalars: { rate, epsilon } }) {
      const decayed = withL2(gradient, parameter, weightDecay);
      const average = movingAverage(slots?.exp_avg, decayed, beta1);
      const averageOfSquares = movingAverage(slots?.exp_avg_sq, tf.square(decayed), beta2);
      const change = tf.div(tf.mul(average, rate), tf.add(tf.sqrt(averageOfSquares), epsilon));
      return { parameter: tf.sub(parameter, change), slots: { exp_avg: average, exp_avg_sq: averageOfSquares } };
    },

    /**
     * TensorFlow's fused update computes 1 − beta2 in float32, for 0.999 too small by 1.3e-5 of itself; so its averages of squares come out that much smaller
     * than PyTorch's, and scaling rate and epsilon alike makes the update itself the same.
     */
    graphScalars(learningRate, step) {
      const { rate, epsilon } = scalars(learningRate, step);
      const shrinkage = Math.sqrt((1 - Math.fround(beta2)) / (1 - beta2));
      return { rate: rate * shrinkage, epsilon: epsilon * shrinkage };
    },

    /** The fused update, whose own bias correction is switched off by powers of zero, since rate and epsilon come corrected. */
    addUpdate(graph, { name, variable, value, gradient, slots, scalars: { rate, epsilon } }) {
      const decayed = addL2(graph, gradient, value, weightDecay);
      const zero = graph.addScalar(0);
      const constants = [graph.addScalar(beta1), graph.addScalar(beta2)];
      const inputs = [variable, slots.exp_avg, slots.exp_avg_sq, zero, zero, rate, ...constants, epsilon, decayed, runsAfter(value)];
      return graph.addNode(`updated/${name}`, 'ResourceApplyAdam', inputs, {
        ...float32,
        use_locking: { kind: 'bool', value: false },
        use_nesterov: { kind: 'bool', value: false },
      });
    },
  };
}

export const adamWForm: OptimizerForm = {
  ...adamForm,
  className: 'AdamW',
  group: { ...adamForm.group, weight_decay: 0.01, decoupled_weight_decay: true },
};

/** `torch.optim.AdamW`: the weight decay is decoupled, a share of the parameter that is taken off before Adam's update. */
export function adamW({ betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0.01 }: AdamSettings = {}): Optimizer<
  AdamScalar | 'decay',
  AdamSlot
> {
  const rule = adam({ betas, eps });
  const decay = (learningRate: number): number => learningRate * weightDecay;

  return {
    form: adamWForm,
    hyperparameters: { betas, eps, weight_decay: weightDecay },
    slots: rule.slots,
    scalars: (learningRate, step) => ({ ...rule.scalars(learningRate, step), decay: decay(learningRate) }),
    update: (given) => rule.update({ ...given, parameter: tf.mul(given.parameter, 1 - given.scalars.decay) }),
    graphScalars: (learningRate, step) => ({ ...rule.graphScalars(learningRate, step), decay: decay(learningRate) }),

    addUpdate(graph, given) {
      const share = graph.addNode('decay/Mul', 'Mul', [given.value, given.scalars.decay], float32);
      const shrunk = graph.addNode(`shrunk/${given.name}`, 'AssignSubVariableOp', [given.variable, share], {
        dtype: { kind: 'type', value: DataType.float32 },
      });
      return rule.addUpdate(graph, { ...given, value: shrunk });
    },
  };
}

function movingAverage(before: tf.Tensor | undefined, value: tf.Tensor, beta: number): tf.Tensor {
  const share = tf.mul(value, 1 - beta);
  return before === undefined ? share : tf.add(tf.mul(before, beta), share);
}
