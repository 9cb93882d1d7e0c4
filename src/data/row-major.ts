/**
 * Items in Fortran order (the first index moves fastest) put in C order (the last does).
 * @param itemBytes bytes of an item, whatever it is.
 */
export function toRowMajor(data: Uint8Array<ArrayBuffer>, shape: readonly number[], itemBytes: number): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(data.length);
  const unit = itemBytes % 4 === 0 ? 4 : itemBytes % 2 === 0 ? 2 : 1;
  if (unit === 4) reorder(new Uint32Array(data.buffer), new Uint32Array(result.buffer), shape, itemBytes / unit);
  else if (unit === 2) reorder(new Uint16Array(data.buffer), new Uint16Array(result.buffer), shape, itemBytes / unit);
  else reorder(data, result, shape, itemBytes);
  return result;
}

/** @param width units of an item. */
function reorder<T extends Uint8Array | Uint16Array | Uint32Array>(data: T, result: T, shape: readonly number[], width: number): void {
  const { lengths, strides } = axesOf(shape, width);
  const last = lengths.length - 1;
  const inner = lengths[last] ?? 1;
  const step = strides[last] ?? width;
  const index = new Uint32Array(lengths.length);
  let start = 0;
  let target = 0;
  while (target < data.length) {
    for (let item = 0, source = start; item < inner; item++, source += step)
      for (let part = 0; part < width; part++) result[target++] = data[source + part] ?? 0;
    for (let axis = last - 1; axis >= 0; axis--) {
      const length = lengths[axis] ?? NaN;
      const stride = strides[axis] ?? NaN;
      const next = (index[axis] ?? NaN) + 1;
      start += stride;
      index[axis] = next;
      if (next < length) break;
      index[axis] = 0;
      start -= length * stride;
    }
  }
}

/** Of each axis longer than 1 its length, and how far apart two neighbours along it lie. */
function axesOf(shape: readonly number[], width: number): { readonly lengths: Float64Array; readonly strides: Float64Array } {
  const axes: { length: number; stride: number }[] = [];
  let stride = width;
  for (const length of shape) {
    if (length > 1) axes.push({ length, stride });
    stride *= length;
  }
  return { lengths: Float64Array.from(axes, ({ length }) => length), strides: Float64Array.from(axes, (axis) => axis.stride) };
}
