import type { OptimizerForm } from '../../foundation/optimizer-state';
import { runsAfter } from '../captured/graph-writer';
import { DataType, type Attributes } from '../captured/recording';
import { tf } from '../tensorflow';
import { addL2, withL2, type Optimizer } from './optimizer';

/** What `torch.optim.SGD` takes beside the learning rate. */
export interface SgdSettings {
  /** How much of the last steps' direction is kept; 0, no momentum, unless given. */
  readonly momentum?: number;
  /** Whether each step looks ahead along the momentum. It needs a momentum. */
  readonly nesterov?: boolean;
  /** L2: added to the gradient; 0 unless given. */
  readonly weightDecay?: number;
}

export const sgdForm: OptimizerForm = {
  className: 'SGD',
  slots: { momentum_buffer: 'momentum' },
  countsSteps: false,
  group: {
    lr: 1e-3,
    momentum: 0,
    dampening: 0,
    weight_decay: 0,
    nesterov: false,
    maximize: false,
    foreach: null,
    differentiable: false,
    fused: null,
  },
  hyperparameters: ['momentum', 'weight_decay', 'nesterov'],
  fixed: ['dampening', 'maximize'],
};

const float32: Attributes = { T: { kind: 'type', value: DataType.float32 } };

/**
 * `torch.optim.SGD` with dampening 0.
 * @throws RangeError where nesterov has no momentum.
 */
export function sgd({ momentum = 0, nesterov = false, weightDecay = 0 }: SgdSettings = {}): Optimizer {
  if (momentum > 0) return withMomentum({ momentum, nesterov, weightDecay });
  if (nesterov) throw new RangeError('Nesterov needs a momentum above 0');
  return withoutMomentum(weightDecay);
}

const scalars = (learningRate: number): { rate: number } => ({ rate: learningRate });

function withoutMomentum(weightDecay: number): Optimizer<'rate', never> {
  return {
    form: sgdForm,
    hyperparameters: { momentum: 0, weight_decay: weightDecay, nesterov: false },
    slots: [],
    scalars,
    update: ({ parameter, gradient, scalars: { rate } }) => ({
      parameter: tf.sub(parameter, tf.mul(withL2(gradient, parameter, weightDecay), rate)),
      slots: {},
    }),
    graphScalars: scalars,
    addUpdate: (graph, { name, variable, value, gradient, scalars: { rate } }) =>
      graph.addNode(
        `updated/${name}`,
        'ResourceApplyGradientDescent',
        [variable, rate, addL2(graph, gradient, value, weightDecay), runsAfter(value)],
        { ...float32, use_locking: { kind: 'bool', value: false } },
      ),
  };
}

/** PyTorch begins the momentum with the first gradient; without dampening that is what a momentum of zeros becomes. */
function withMomentum({ momentum, nesterov, weightDecay }: Required<SgdSettings>): Optimizer<'rate', 'momentum_buffer'> {
  return {
    form: sgdForm,
    hyperparameters: { momentum, weight_decay: weightDecay, nesterov },
    slots: ['momentum_buffer'],
    scalars,
    update({ parameter, gradient, slots, scalars: { rate } }) {
      const decayed = withL2(gradient, parameter, weightDecay);
      const buffer = slots === undefined ? tf.clone(decayed) : tf.add(tf.mul(slots.momentum_buffer, momentum), decayed);
      const direction = nesterov ? tf.add(decayed, tf.mul(buffer, momentum)) : buffer;
      return { parameter: tf.sub(parameter, tf.mul(direction, rate)), slots: { momentum_buffer: buffer } };
    },
    graphScalars: scalars,
    addUpdate(graph, { name, variable, value, gradient, slots, scalars: { rate } }) {
      const decayed = addL2(graph, gradient, value, weightDecay);
      const inputs = [variable, slots.momentum_buffer, rate, decayed, graph.addScalar(momentum), runsAfter(value)];
      return graph.addNode(`updated/${name}`, 'ResourceApplyMomentum', inputs, {
        ...float32,
        use_locking: { kind: 'bool', value: false },
        use_nesterov: { kind: 'bool', value: nesterov },
      });
    },
  };
}
