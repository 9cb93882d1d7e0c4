import type { HostArray, NamedArrays } from '../engine/parameters';
import type { StepResult } from '../engine/program';
import { elementAt, required } from '../foundation/required';
import { packedInputs } from '../evaluation/loaded-model';

/** How a batch is divided where it is not computed at once. */
interface Division {
  /** The inputs that have a row for each clip. */
  readonly perClip: readonly string[];
  /** Rows of clips that count; those behind them are padding. */
  readonly count: number;
  /** Clips that are computed at once, at most. */
  readonly atOnce: number;
  /** Whether padding is left out where that saves much. */
  readonly packPadding: boolean;
  /** Devices that share each part. */
  readonly devices: number;
}

/**
 * The inputs of a batch's parts, as many clips each as are computed at once; all of the batch where that holds it. Each clip keeps its share of the batch's mean, so the parts' losses
 * and gradients add up to the batch's. Each part drops what the whole batch would.
 */
export function divideInputs(inputs: NamedArrays, { perClip, count, atOnce, packPadding, devices }: Division): NamedArrays[] {
  const size = elementAt(required(inputs['weight'], 'the weights of the clips').shape, 0);
  if (atOnce >= size) return [inputs];
  const whole = Object.entries(inputs).filter(([name]) => !name.startsWith('packed_'));
  return Array.from({ length: Math.max(1, Math.ceil(count / atOnce)) }, (_, part) => {
    const [from, to] = [part * atOnce, Math.min((part + 1) * atOnce, size)];
    const ofPart = Object.fromEntries(whole.map(([name, array]) => [name, perClip.includes(name) ? rowsOf(array, from, to) : array]));
    const {
      shape: [clips = 0, frames = 0],
      values: mask,
    } = required(ofPart['mask'], 'the mask of the frames');
    return {
      ...ofPart,
      ...(packPadding ? packedInputs({ size: clips, frames, mask: mask as Float32Array }, devices) : {}),
      ...seedOfPart(inputs, from),
    };
  });
}

/** Rows of an array, without copying them. */
function rowsOf({ shape: [size = 0, ...row], values }: HostArray, from: number, to: number): HostArray {
  const width = values.length / size;
  return { shape: [to - from, ...row], values: values.subarray(from * width, to * width) };
}

/** @param before clips of the batch that come before the part */
function seedOfPart({ random_seed: seed }: NamedArrays, before: number): NamedArrays {
  if (seed === undefined) return {};
  return { random_seed: { ...seed, values: Int32Array.from(seed.values, (value, place) => (place === 2 ? value + before : value)) } };
}

/** What the model gave for a batch, from what it gave for its parts. @param size rows of the batch; those that no part has are zero. */
export function joinOutputs(parts: readonly NamedArrays[], size: number): NamedArrays {
  const first = elementAt(parts, 0);
  return Object.fromEntries(
    Object.entries(first).map(([name, { shape, values }]) => {
      const rows = elementAt(shape, 0);
      if (rows === size) return [name, { shape, values }];
      const width = values.length / rows;
      const joined = new Float32Array(size * width);
      let at = 0;
      for (const part of parts) {
        const given = required(part[name], `the output ${name} of a part`).values;
        joined.set(given, at);
        at += given.length;
      }
      return [name, { shape: [size, ...shape.slice(1)], values: joined }];
    }),
  );
}

/** What a step came to whose batch was computed in parts: the last one ended it. @param parts up to the first that was not finite. */
export function joinSteps(parts: readonly StepResult[], size: number): StepResult {
  return {
    loss: parts.reduce((sum, { loss }) => sum + loss, 0),
    outputs: joinOutputs(
      parts.map(({ outputs }) => outputs),
      size,
    ),
    gradientNorm: parts.at(-1)?.gradientNorm,
    finite: parts.every(({ finite }) => finite),
  };
}
