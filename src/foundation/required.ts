/**
 * A value that is there unless the program is wrong: what stands in for "cannot happen" would only hide the mistake.
 * @param what names the value, as "the gradient of head.weight".
 * @throws Error `missing: what` where there is none; no `UserError`, since no user can mend it.
 */
export function required<Value>(value: Value, what: string): NonNullable<Value> {
  if (value === undefined || value === null) throw new Error(`missing: ${what}`);
  return value;
}

/**
 * The element of an array, typed or not, at an index that lies within it; nothing is composed before it is missing, so that inner loops can ask.
 * @throws Error where the array has no such element.
 */
export function elementAt<Value>(values: ArrayLike<Value>, index: number): Value {
  const value = values[index];
  if (value === undefined) throw new Error(`missing: element ${index} of ${values.length}`);
  return value;
}

/**
 * {@link elementAt} of float32 alone: what reads arrays of one kind is compiled for that kind, which loops over every number of a clip need.
 * @throws Error where the array has no such element.
 */
export function numberAt(values: Float32Array, index: number): number {
  const value = values[index];
  if (value === undefined) throw new Error(`missing: number ${index} of ${values.length}`);
  return value;
}

/** How many of some values are no finite numbers: NaN, or infinite. */
export function countNotFinite(values: Float32Array): number {
  if (allFinite(values)) return 0;
  return values.reduce((count, value) => count + (Number.isFinite(value) ? 0 : 1), 0);
}

/**
 * A finite number less itself is 0, any other NaN: sums tell it of all, four beside each other since one waits for its last addition. By places, since a loop over the
 * values themselves takes ten times as long, and the weights of a large model are asked whenever they are read or saved.
 */
function allFinite(values: Float32Array): boolean {
  let [first, second, third, fourth] = [0, 0, 0, 0];
  let at = 0;
  for (; at < values.length - 3; at += 4) {
    const a = Number(values[at]);
    const b = Number(values[at + 1]);
    const c = Number(values[at + 2]);
    const d = Number(values[at + 3]);
    first += a - a;
    second += b - b;
    third += c - c;
    fourth += d - d;
  }
  for (; at < values.length; at++) {
    const value = Number(values[at]);
    first += value - value;
  }
  return first + second + third + fourth === 0;
}
