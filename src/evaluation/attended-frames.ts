import { createProgram } from '../engine/create-program';
import type { HostArray, NamedArrays } from '../engine/parameters';
import { UserError } from '../foundation/errors';
import { elementAt, required } from '../foundation/required';
import type { FrameAttention } from '../models/model';
import { inferenceDefinition, type LoadedModel } from './loaded-model';
import { clipInputs, inputsOfClip, type ReadyClip } from './predict-clips';

/** How much each frame of a clip counted; the frames' shares add up to 1. */
export interface FrameShares {
  /** `[layers][frames]` */
  readonly layers: readonly (readonly number[])[];
  /** The mean over the layers. */
  readonly overall: readonly number[];
}

/**
 * Sees in a model's attention which frames of a clip counted.
 * @param key the array in the `.npz` that the model reads.
 * @throws UserError where the model has no attention, or the clip cannot be read.
 */
export async function attendedFrames(loaded: LoadedModel, file: string, key: string): Promise<FrameShares> {
  const shares = sharesOfFrames(loaded, await clipInputs(loaded, file, { key }));
  if (shares !== undefined) return shares;
  throw new UserError(`${loaded.file}: ${loaded.model.definition.checkpointName} has no attention to look at; leave --attention out`);
}

/** {@link attendedFrames} of a clip that is ready; undefined where the model has no attention. */
export function attendedFramesOf(loaded: LoadedModel, clip: ReadyClip): FrameShares | undefined {
  return sharesOfFrames(loaded, inputsOfClip(loaded, clip));
}

/** @param inputs a batch of one clip. */
function sharesOfFrames(loaded: LoadedModel, inputs: NamedArrays): FrameShares | undefined {
  const reading = loaded.model.definition.frameAttention(loaded.model);
  if (reading === undefined) return undefined;
  const observed = new Map<string, HostArray>();
  const definition = inferenceDefinition(loaded.model, (name, tensor) => {
    if (reading.layers.includes(name)) observed.set(name, { shape: tensor.shape, values: tensor.dataSync<'float32'>().slice() });
  });
  const program = createProgram(definition, loaded.weights, { mode: 'eager' });
  try {
    program.evaluate(inputs);
  } finally {
    program.dispose();
  }
  const mask = required(inputs['mask'], 'the mask of the clip').values;
  const frames = Array.from(mask).filter((value) => value === 1).length;
  const layers = reading.layers.map((name) => frameShares(required(observed.get(name), `the attention ${name}`), frames, reading));
  const sums = Array.from({ length: frames }, (_, frame) => layers.reduce((sum, layer) => sum + elementAt(layer, frame), 0));
  return { layers, overall: normalised(sums) };
}

/**
 * The share of each frame in one layer: what the positions that the decision is read from take from it, the mean over heads.
 * @param weights `[1, heads, positions, positions]`
 */
export function frameShares({ shape, values }: HostArray, frames: number, { leadingPositions, readFrom }: FrameAttention): number[] {
  const [heads, positions] = [elementAt(shape, 1), elementAt(shape, 2)];
  const readers = readFrom === undefined ? Array.from({ length: frames }, (_, frame) => leadingPositions + frame) : [readFrom];
  const sums = Array.from({ length: frames }, (_, frame) => {
    let sum = 0;
    for (let head = 0; head < heads; head++) {
      for (const reader of readers) sum += elementAt(values, (head * positions + reader) * positions + leadingPositions + frame);
    }
    return sum;
  });
  return normalised(sums);
}

function normalised(values: readonly number[]): number[] {
  const total = values.reduce((sum, value) => sum + value, 0);
  return values.map((value) => (total === 0 ? 0 : value / total));
}
