import type { GraphWriter, NodeOutput } from '../captured/graph-writer';
import { DataType, type Attributes } from '../captured/recording';
import type { ParameterValues } from '../parameters';
import { tf } from '../tensorflow';

/** A moving average of the trained parameters, which moves after every update: `average −= share · (average − parameter)`. */
export interface WeightAverage {
  /** How far it moves at an update. @param update its number, from 1. @returns above 0, up to 1. */
  shareAt(update: number): number;
}

/** An average as it stands, of the trained parameters by name. */
export interface AverageState {
  /** Updates that it has followed. */
  readonly updates: number;
  readonly values: ParameterValues;
}

/**
 * An exponential moving average, of which each update keeps `decay`. At first it keeps less, `(1 + n) / (10 + n)` at the n-th update (TensorFlow's
 * ExponentialMovingAverage with `num_updates`): else a short training's average would be of the weights that it began with.
 */
export function exponentialAverage(decay: number): WeightAverage {
  return { shareAt: (update) => 1 - Math.min(decay, (1 + update) / (10 + update)) };
}

/** An average after an update. @param share see {@link WeightAverage.shareAt}. */
export function movedAverage(average: tf.Tensor, parameter: tf.Tensor, share: number): tf.Tensor {
  return tf.sub(average, tf.mul(tf.sub(average, parameter), share));
}

const float32: Attributes = { T: { kind: 'type', value: DataType.float32 } };

/** Writes {@link movedAverage} into the average's variable. @returns the node after which it is done. */
export function addMovedAverage(
  graph: GraphWriter,
  given: {
    readonly variable: NodeOutput;
    /** Its value before. */
    readonly average: NodeOutput;
    /** The parameter's value after the update. */
    readonly parameter: NodeOutput;
    readonly share: NodeOutput;
  },
): NodeOutput {
  const distance = graph.addNode('average/Sub', 'Sub', [given.average, given.parameter], float32);
  return graph.addNode('average/moved', 'ResourceApplyGradientDescent', [given.variable, given.share, distance], {
    ...float32,
    use_locking: { kind: 'bool', value: false },
  });
}
