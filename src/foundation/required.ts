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
 * A finite number less itself is 0, any other NaN: one sum tells it of all. By places, since a loop over the values themselves takes ten times as long, and the
 * weights of a large model are asked whenever they are saved.
 */
function allFinite(values: Float32Array): boolean {
  let [sum, place] = [0, values.length];
  while (place > 0) {
    place--;
    const value = Number(values[place]);
    sum += value - value;
  }
  return sum === 0;
}
