import type { Hyperparameters, OptimizerForm } from '../../foundation/optimizer-state';
import { elementAt } from '../../foundation/required';
import type { GraphWriter, NodeOutput } from '../captured/graph-writer';
import { type Attributes, DataType } from '../captured/recording';
import { tf } from '../tensorflow';

/**
 * A rule by which gradients change parameters, with its hyperparameters; the learning rate is given at each step. It says the rule twice, for tensors and for
 * a graph, and how PyTorch keeps its state. What holds for all rules (gathering and clipping gradients, leaving out a step that is not finite) is the program's.
 * @typeParam Scalar the names of the numbers that change from step to step, the same for all parameters.
 * @typeParam Slot the names of what it remembers of each parameter, of the parameter's shape, zero at first.
 */
export interface Optimizer<Scalar extends string = string, Slot extends string = string> {
  /** Its state_dict in PyTorch. */
  readonly form: OptimizerForm;
  /** Under PyTorch's names, without the learning rate. */
  readonly hyperparameters: Hyperparameters;
  /** The slots of its form that it uses: with some hyperparameters not all. */
  readonly slots: readonly Slot[];

  /** The scalars of an update. The update is left out where one of them is not finite in float32. @param step the update's number, from 1. */
  scalars(learningRate: number, step: number): Readonly<Record<Scalar, number>>;

  /** Updates one parameter, eagerly. */
  update(given: ParameterUpdate<Scalar, Slot>): UpdatedParameter<Slot>;

  /** {@link Optimizer.scalars} as {@link Optimizer.addUpdate} wants them. */
  graphScalars(learningRate: number, step: number): Readonly<Record<Scalar, number>>;

  /** Writes the update of one parameter into a graph. @returns the node after which it is done. */
  addUpdate(graph: GraphWriter, given: UpdateNodes<Scalar, Slot>): NodeOutput;
}

/** What an update is computed of. */
interface ParameterUpdate<Scalar extends string, Slot extends string> {
  readonly parameter: tf.Tensor;
  readonly gradient: tf.Tensor;
  /** Undefined before the parameter's first update. */
  readonly slots: Readonly<Record<Slot, tf.Tensor>> | undefined;
  readonly scalars: Readonly<Record<Scalar, number>>;
}

interface UpdatedParameter<Slot extends string> {
  readonly parameter: tf.Tensor;
  readonly slots: Readonly<Record<Slot, tf.Tensor>>;
}

/** What an update in a graph is computed of. In a step that is not finite no node runs that takes the gradient or a scalar. */
interface UpdateNodes<Scalar extends string, Slot extends string> {
  /** The parameter's name. */
  readonly name: string;
  /** The parameter's variable. */
  readonly variable: NodeOutput;
  /** The parameter's value as the gradient was computed with it; a node that changes the variable must run after it. */
  readonly value: NodeOutput;
  readonly gradient: NodeOutput;
  /** The slots' variables, zero before the parameter's first update. */
  readonly slots: Readonly<Record<Slot, NodeOutput>>;
  readonly scalars: Readonly<Record<Scalar, NodeOutput>>;
}

/** The gradient with a weight decay that is L2: the gradient of `weightDecay / 2 · |parameter|²` is added. */
export function withL2(gradient: tf.Tensor, parameter: tf.Tensor, weightDecay: number): tf.Tensor {
  return weightDecay === 0 ? gradient : tf.add(gradient, tf.mul(parameter, weightDecay));
}

/** Writes {@link withL2}. */
export function addL2(graph: GraphWriter, gradient: NodeOutput, parameter: NodeOutput, weightDecay: number): NodeOutput {
  if (weightDecay === 0) return gradient;
  const float32: Attributes = { T: { kind: 'type', value: DataType.float32 } };
  const added = graph.addNode('decay/Mul', 'Mul', [parameter, graph.addScalar(weightDecay)], float32);
  return graph.addNode('decay/AddV2', 'AddV2', [gradient, added], float32);
}

/** What `clip_grad_norm_` adds to the norm that it divides by. */
const EPSILON = 1e-6;

const float32: Attributes = { T: { kind: 'type', value: DataType.float32 } };

/** The global norm of tensors: the square root of the sum of all squares. */
export function globalNorm(tensors: Iterable<tf.Tensor>): number {
  return tf.tidy(() => {
    const squares = [...tensors].map((tensor) => tf.sum(tf.square(tensor)));
    return squares.length === 0 ? 0 : elementAt(tf.sqrt(tf.addN(squares)).dataSync(), 0);
  });
}

/** The factor that `torch.nn.utils.clip_grad_norm_` multiplies a gradient of this norm with. */
export function clipFactor(norm: number, clipNorm: number | undefined): number {
  return clipNorm === undefined ? 1 : Math.min(1, clipNorm / (norm + EPSILON));
}

/** Writes a scalar that is finite where all values of some tensors are: half the sum of their squares. None for no tensors. */
export function addMagnitude(graph: GraphWriter, tensors: readonly NodeOutput[]): NodeOutput | undefined {
  if (tensors.length === 0) return undefined;
  const halves = tensors.map((tensor) => graph.addNode('norm/L2Loss', 'L2Loss', [tensor], float32));
  return graph.addNode('norm/AddN', 'AddN', halves, { ...float32, N: { kind: 'int', value: halves.length } });
}

/** Writes {@link globalNorm}. */
export function addGlobalNorm(graph: GraphWriter, tensors: readonly NodeOutput[]): NodeOutput {
  const half = addMagnitude(graph, tensors);
  if (half === undefined) return graph.addScalar(0);
  const twice = graph.addNode('norm/Mul', 'Mul', [half, graph.addScalar(2)], float32);
  return graph.addNode('norm/Sqrt', 'Sqrt', [twice], float32);
}

/** Writes {@link clipFactor}. */
export function addClipFactor(graph: GraphWriter, norm: NodeOutput, clipNorm: number): NodeOutput {
  const divisor = graph.addNode('clip/AddV2', 'AddV2', [norm, graph.addScalar(EPSILON)], float32);
  const ratio = graph.addNode('clip/RealDiv', 'RealDiv', [graph.addScalar(clipNorm), divisor], float32);
  return graph.addNode('clip/Minimum', 'Minimum', [graph.addScalar(1), ratio], float32);
}
