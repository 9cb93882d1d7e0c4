import { cudnnGruStates, usesCudnnGru } from '../../engine/cudnn-gru';
import type { RowPositions } from '../../engine/dropout';
import { gruStates } from '../../engine/gru-states';
import { linearProduct } from '../../engine/linear-and-norm';
import {
  constantValue,
  type NamedTensors,
  orthogonal,
  type ParameterDeclaration,
  tensorNamed,
  xavierUniform,
} from '../../engine/parameters';
import { tf } from '../../engine/tensorflow';
import { shape2, shape3 } from './frame-rows';

/** The parameters of a `torch.nn.GRU` of one layer; weight_ih Xavier uniform, weight_hh orthogonal, biases 0, as the reference draws them. */
export function gruParameters(name: string, inputs: number, hidden: number): ParameterDeclaration[] {
  const gates = 3 * hidden;
  return [
    { name: `${name}.weight_ih_l0`, shape: [gates, inputs], trainable: true, initialise: xavierUniform(inputs, gates) },
    { name: `${name}.weight_hh_l0`, shape: [gates, hidden], trainable: true, initialise: orthogonal(gates, hidden) },
    { name: `${name}.bias_ih_l0`, shape: [gates], trainable: true, initialise: constantValue(0) },
    { name: `${name}.bias_hh_l0`, shape: [gates], trainable: true, initialise: constantValue(0) },
  ];
}

/** Frames are padded to a multiple of this, so that the loop over them computes several in a turn. */
const FRAMES_STEP = 8;

/**
 * The frames of a batch in the order in which GRUs go through them, the first frames of all clips before the second ones: `[frames, batch, …]`. Behind the
 * longest clip it may have further frames of padding; padding leaves a state as it is.
 */
export class FramesFirst {
  /** `[frames, batch, 1]`, 1 for a frame of the clip, 0 for padding. */
  readonly mask: tf.Tensor;
  readonly batch: number;
  readonly frames: number;
  private readonly clipFrames: number;

  /** @param mask `[batch, frames]` */
  constructor(mask: tf.Tensor) {
    [this.batch, this.clipFrames] = shape2(mask);
    this.frames = this.clipFrames <= FRAMES_STEP ? this.clipFrames : Math.ceil(this.clipFrames / FRAMES_STEP) * FRAMES_STEP;
    this.mask = this.turn(mask, 1);
  }

  /** Where the rows of `[frames, batch, width]` stand, for what draws a number for each of their values. */
  get drawn(): RowPositions {
    const places = Array.from(
      { length: this.frames * this.batch },
      (_, row) => (row % this.batch) * this.frames + Math.floor(row / this.batch),
    );
    return { positions: tf.tensor1d(places, 'int32'), perExample: this.frames };
  }

  /** `[frames, batch, width]` of `[batch, frames]` rows of that width. */
  turn(x: tf.Tensor, width: number): tf.Tensor {
    const turned = tf.transpose(tf.reshape(x, [this.batch, this.clipFrames, width]), [1, 0, 2]);
    const padding = this.frames - this.clipFrames;
    return padding === 0 ? turned : tf.concat([turned, tf.zeros([padding, this.batch, width])], 0);
  }
}

/** A GRU's states after each frame, `[frames, batch, hidden]`, from clips `[batch, frames, inputs]`. */
export function gruOfClips(parameters: NamedTensors, name: string, x: tf.Tensor, order: FramesFirst): tf.Tensor {
  if (usesCudnnGru()) return cudnnStates(parameters, name, order.turn(x, shape3(x)[2]), order.mask);
  const products = gruProjection(parameters, name, rowsOf(x));
  return gruRecurrence(parameters, name, order.turn(products, shape2(products)[1]), order.mask);
}

/** {@link gruOfClips} from another GRU's states, `[frames, batch, inputs]`. */
export function gruOfStates(parameters: NamedTensors, name: string, x: tf.Tensor, order: FramesFirst): tf.Tensor {
  if (usesCudnnGru()) return cudnnStates(parameters, name, x, order.mask);
  const products = gruProjection(parameters, name, rowsOf(x));
  return gruRecurrence(parameters, name, tf.reshape(products, [order.frames, order.batch, shape2(products)[1]]), order.mask);
}

/** Each clip's last state, `[batch, hidden]`, of its states `[frames, batch, hidden]`. */
export function lastState(states: tf.Tensor): tf.Tensor {
  const [frames, batch, hidden] = shape3(states);
  return tf.reshape(tf.slice(states, [frames - 1, 0, 0], [1, batch, hidden]), [batch, hidden]);
}

/**
 * A GRU over clips: the state after each frame. Padding leaves a state as it is, so the last frame has each clip's last state.
 * @param x `[batch, frames, inputs]`
 * @param mask `[batch, frames]`, 1 for a frame of the clip, 0 for padding
 * @param options.reverse whether it runs from the last frame to the first; then the first frame has the last state.
 * @returns `[batch, frames, hidden]`
 */
export function gru(
  parameters: NamedTensors,
  name: string,
  x: tf.Tensor,
  mask: tf.Tensor,
  options: { readonly reverse?: boolean } = {},
): tf.Tensor {
  const [batch, frames] = shape3(x);
  const inOrder = (values: tf.Tensor): tf.Tensor => (options.reverse === true ? tf.reverse(values, 0) : values);
  const framesFirst = (values: tf.Tensor): tf.Tensor => inOrder(tf.transpose(tf.reshape(values, [batch, frames, -1]), [1, 0, 2]));
  // cuDNN wants the padding behind, where a GRU that runs backwards has it in front.
  const states =
    usesCudnnGru() && options.reverse !== true
      ? cudnnStates(parameters, name, framesFirst(x), framesFirst(mask))
      : gruRecurrence(parameters, name, framesFirst(gruProjection(parameters, name, rowsOf(x))), framesFirst(mask));
  return tf.transpose(inOrder(states), [1, 0, 2]);
}

/**
 * The products of a GRU's inputs for all frames at once.
 * @param x `[rows, inputs]`
 * @returns `[rows, 3 · hidden]`
 */
function gruProjection(parameters: NamedTensors, name: string, x: tf.Tensor): tf.Tensor {
  return linearProduct(x, tensorNamed(parameters, `${name}.weight_ih_l0`), tensorNamed(parameters, `${name}.bias_ih_l0`));
}

/**
 * A GRU's states from the products of its inputs.
 * @param projected `[frames, batch, 3 · hidden]`
 * @param mask `[frames, batch, 1]`
 * @returns `[frames, batch, hidden]`; the last frame holds each clip's last valid state.
 */
function gruRecurrence(parameters: NamedTensors, name: string, projected: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  return gruStates(projected, mask, tensorNamed(parameters, `${name}.weight_hh_l0`), tensorNamed(parameters, `${name}.bias_hh_l0`));
}

/** {@link gruRecurrence} of inputs `[frames, batch, inputs]`, by cuDNN. */
function cudnnStates(parameters: NamedTensors, name: string, x: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  const named = (part: string): tf.Tensor => tensorNamed(parameters, `${name}.${part}_l0`);
  return cudnnGruStates(x, mask, {
    weightIh: named('weight_ih'),
    weightHh: named('weight_hh'),
    biasIh: named('bias_ih'),
    biasHh: named('bias_hh'),
  });
}

/** `[rows, width]` of a tensor of three dimensions. */
function rowsOf(x: tf.Tensor): tf.Tensor {
  const [first, second, width] = shape3(x);
  return tf.reshape(x, [first * second, width]);
}
