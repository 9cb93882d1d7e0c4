import { createHash } from 'node:crypto';
import type { StateDict } from '../../checkpoint/training-checkpoint';

/** sha256 over names, shapes and values of a state_dict: the same weights give the same, whatever file they lie in. */
export function weightsDigest(weights: StateDict): string {
  const hash = createHash('sha256');
  for (const [name, { shape, values }] of [...weights].sort(([one], [other]) => (one < other ? -1 : 1))) {
    hash.update(`${JSON.stringify([name, shape])}\n`).update(bytesOf(values));
  }
  return hash.digest('hex');
}

/** Whether two arrays hold the same bits: NaN equals itself, and 0 is not −0. */
export function sameBits(one: Float32Array, other: Float32Array | undefined): boolean {
  return other !== undefined && bytesOf(one).equals(bytesOf(other));
}

/** An array's bytes, without a copy. */
export function bytesOf(values: Float32Array): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

/** Whether two state_dicts hold the same tensors, bit for bit. */
export function sameWeights(one: StateDict, other: StateDict): boolean {
  return one.size === other.size && [...one].every(([name, { values }]) => sameBits(values, other.get(name)?.values));
}

/** How far a part of a model moved. */
export interface PartDistance {
  /** As `encoder_layers.0`. */
  readonly part: string;
  /** The length of the difference by that of the weights before; null where it cannot be told, as the part is not in both in the same shape, or was all 0. */
  readonly relative_distance: number | null;
  readonly values: number;
}

/** How far the weights of two state_dicts are from each other, by part, and at last all of them. */
export function weightDistances(before: StateDict, after: StateDict): PartDistance[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => (before.get(name) ?? after.get(name))?.storedAs === undefined,
  );
  const parts = [...new Set(names.map(partOf))];
  return [
    ...parts.map((part) => ({
      part,
      ...distance(
        names.filter((name) => partOf(name) === part),
        before,
        after,
      ),
    })),
    { part: 'all', ...distance(names, before, after) },
  ];
}

/** The first word of a name, with the number that follows it where it is one of several of its kind. */
function partOf(name: string): string {
  return /^[^.]+(?:\.\d+(?=\.))?/.exec(name)?.[0] ?? name;
}

function distance(names: readonly string[], before: StateDict, after: StateDict): Omit<PartDistance, 'part'> {
  let moved = 0;
  let length = 0;
  let values = 0;
  let known = true;
  for (const name of names) {
    const [was, is] = [before.get(name), after.get(name)];
    if (was === undefined || is === undefined || String(was.shape) !== String(is.shape)) {
      known = false;
      values += (is ?? was)?.values.length ?? 0;
      continue;
    }
    values += is.values.length;
    for (let place = 0; place < is.values.length; place++) {
      const old = was.values[place] ?? 0;
      moved += ((is.values[place] ?? 0) - old) ** 2;
      length += old ** 2;
    }
  }
  return { values, relative_distance: !known || (length === 0 && moved > 0) ? null : moved === 0 ? 0 : Math.sqrt(moved / length) };
}
