import { createProgram } from '../engine/create-program';
import type { HostArray } from '../engine/named-tensors';
import { UserError } from '../foundation/errors';
import type { FrameAttention } from '../models/model-entry';
import { modelEntry } from '../models/model-table';
import { inferenceDefinition } from './inference';
import type { LoadedModel } from './load-model';
import { clipInputs } from './predict';

/** How much each frame of a clip counted; the frames' shares add up to 1. */
export interface FrameShares {
  /** `[layers][frames]` */
  readonly layers: readonly (readonly number[])[];
  /** The mean over the layers. */
  readonly overall: readonly number[];
}

/**
 * Sees in a model's attention which frames of a clip counted.
 * @throws UserError where the model has no attention, or the clip cannot be read.
 */
export async function attendedFrames(loaded: LoadedModel, file: string, key: string): Promise<FrameShares> {
  const entry = modelEntry(loaded.name);
  const reading = entry.frameAttention?.(loaded.model);
  if (reading === undefined) {
    throw new UserError(`${loaded.file}: ${entry.checkpointName} has no attention to look at; leave --attention out`);
  }
  const observed = new Map<string, HostArray>();
  const definition = inferenceDefinition(loaded.model, (name, tensor) => {
    if (reading.layers.includes(name)) observed.set(name, { shape: tensor.shape, values: tensor.dataSync<'float32'>().slice() });
  });
  const inputs = await clipInputs(loaded, file, { key });
  const program = createProgram(definition, loaded.weights, { mode: 'eager' });
  try {
    program.evaluate(inputs);
  } finally {
    program.dispose();
  }
  const mask = inputs['mask']?.values ?? [];
  const frames = Array.from(mask).filter((value) => value === 1).length;
  const layers = reading.layers.flatMap((name) => {
    const weights = observed.get(name);
    return weights === undefined ? [] : [frameShares(weights, frames, reading)];
  });
  return { layers, overall: normalised(layers[0]?.map((_, frame) => layers.reduce((sum, layer) => sum + (layer[frame] ?? 0), 0)) ?? []) };
}

/**
 * The share of each frame in one layer: what the positions that the decision is read from take from it, the mean over heads.
 * @param weights `[1, heads, positions, positions]`
 */
export function frameShares({ shape, values }: HostArray, frames: number, { leadingPositions, readFrom }: FrameAttention): number[] {
  const [, heads = 0, positions = 0] = shape;
  const readers = readFrom === undefined ? Array.from({ length: frames }, (_, frame) => leadingPositions + frame) : [readFrom];
  const sums = Array.from({ length: frames }, (_, frame) => {
    let sum = 0;
    for (let head = 0; head < heads; head++) {
      for (const reader of readers) sum += values[(head * positions + reader) * positions + leadingPositions + frame] ?? 0;
    }
    return sum;
  });
  return normalised(sums);
}

function normalised(values: readonly number[]): number[] {
  const total = values.reduce((sum, value) => sum + value, 0);
  return values.map((value) => (total === 0 ? 0 : value / total));
}
