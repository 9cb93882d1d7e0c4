/** How many of some values are no finite numbers: NaN, or infinite. */
export function countNotFinite(values: Float32Array): number {
  if (allFinite(values)) return 0;
  return values.reduce((count, value) => count + (Number.isFinite(value) ? 0 : 1), 0);
}

/** A finite number less itself is 0, any other NaN: one sum tells it of all, in a fraction of the time that asking each value takes. */
function allFinite(values: Float32Array): boolean {
  let sum = 0;
  for (const value of values) sum += value - value;
  return sum === 0;
}
