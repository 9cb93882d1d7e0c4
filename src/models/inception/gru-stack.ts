import type { NamedTensors } from '../../engine/named-tensors';
import type { ParameterDeclaration } from '../../engine/parameters';
import { tf } from '../../engine/tensorflow';
import { gruParameters, gruProjection, gruRecurrence } from '../layers/gru';
import { linear, linearParameters } from '../layers/linear';
import type { ForwardContext, ModelInputs, ModelOutputs } from '../model';
import { FEATURE_WIDTH } from './settings';

/** Frames are padded to a multiple of this, so that the loop over them computes several in a turn. */
const FRAMES_STEP = 8;

export interface GruStackSize {
  readonly hidden1: number;
  readonly hidden2: number;
  readonly dropout: number;
  readonly num_gloss: number;
  readonly num_cat: number;
}

/** In the order of PyTorch's state_dict. */
export function gruStackParameters({ hidden1, hidden2, num_gloss, num_cat }: GruStackSize): ParameterDeclaration[] {
  return [
    ...gruParameters('gru1', FEATURE_WIDTH, hidden1),
    ...gruParameters('gru2', hidden1, hidden2),
    ...linearParameters('gloss_head', hidden2, num_gloss),
    ...linearParameters('category_head', hidden2, num_cat),
  ];
}

/** Features → GRU → dropout → GRU → last valid state → dropout → two heads. Padding never touches a state. */
export function gruStack(
  parameters: NamedTensors,
  { features, mask }: ModelInputs,
  size: GruStackSize,
  context: ForwardContext,
): ModelOutputs {
  const [batch = 0, frames = 0, width = 0] = features.shape;
  const { hidden1, hidden2, dropout } = size;
  const padded = frames <= FRAMES_STEP ? frames : Math.ceil(frames / FRAMES_STEP) * FRAMES_STEP;
  const framesFirst = (x: tf.Tensor, columns: number): tf.Tensor => {
    const turned = tf.transpose(tf.reshape(x, [batch, frames, columns]), [1, 0, 2]);
    return padded === frames ? turned : tf.concat([turned, tf.zeros([padded - frames, batch, columns])], 0);
  };
  const counted = framesFirst(mask, 1);
  const projected1 = framesFirst(gruProjection(parameters, 'gru1', tf.reshape(features, [batch * frames, width])), 3 * hidden1);
  const states1 = context.dropout(gruRecurrence(parameters, 'gru1', projected1, counted), dropout);
  const rows = gruProjection(parameters, 'gru2', tf.reshape(states1, [padded * batch, hidden1]));
  const states2 = gruRecurrence(parameters, 'gru2', tf.reshape(rows, [padded, batch, 3 * hidden2]), counted);
  const last = tf.reshape(tf.slice(states2, [padded - 1, 0, 0], [1, batch, hidden2]), [batch, hidden2]);
  const dropped = context.dropout(last, dropout);
  return { glossLogits: linear(parameters, 'gloss_head', dropped), categoryLogits: linear(parameters, 'category_head', dropped) };
}
