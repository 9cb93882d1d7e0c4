import { MalformedCheckpoint } from './malformed-checkpoint';

/** The two types of half a float32's size. */
export type HalfDtype = 'float16' | 'bfloat16';

/** Float32 values as the bits of halves, rounded to the nearest, ties to even, as PyTorch's `tensor.to(dtype)` does. */
export function toHalves(dtype: HalfDtype, values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const round = dtype === 'bfloat16' ? bfloat16Of : float16Of;
  return Uint16Array.from(bits, round);
}

/**
 * {@link toHalves} for the finite values of a tensor.
 * @throws MalformedCheckpoint that names the tensor, where a value is too large for the type and would become infinite.
 */
export function finiteHalves(name: string, dtype: HalfDtype, values: Float32Array): Uint16Array {
  const halves = toHalves(dtype, values);
  const exponent = dtype === 'bfloat16' ? 0x7f80 : 0x7c00;
  const overflown = halves.reduce((count, half) => count + ((half & exponent) === exponent ? 1 : 0), 0);
  if (overflown === 0) return halves;
  const largest = dtype === 'bfloat16' ? '3.4e38' : '65504';
  throw new MalformedCheckpoint(
    `${dtype} cannot hold its weights: ${overflown} of ${values.length} values of ${name} are larger than ${largest} and would become infinite; ` +
      `take ${dtype === 'float16' ? 'bfloat16 or float32' : 'float32'}.`,
  );
}

/** A bfloat16 is the upper half of a float32. */
function bfloat16Of(bits: number): number {
  if ((bits & 0x7fffffff) > INFINITY_BITS) return ((bits >>> 16) & 0x8000) | 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** IEEE 754 binary16: 1 sign bit, 5 of exponent (bias 15), 10 of fraction. */
function float16Of(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > INFINITY_BITS) return sign | 0x7e00;
  if (magnitude >= TOO_LARGE_FOR_FLOAT16) return sign | 0x7c00;
  if (magnitude < SMALLEST_NORMAL_FLOAT16) return sign | roundToEven(valueOf(magnitude) * 2 ** 24);
  return sign | ((magnitude - EXPONENT_SHIFT + 0x0fff + ((magnitude >>> 13) & 1)) >>> 13);
}

const INFINITY_BITS = 0x7f800000;
/** 2^16 as float32 bits; what lies between 65,520 and it becomes infinite by rounding. */
const TOO_LARGE_FOR_FLOAT16 = 0x47800000;
/** 2^-14 as float32 bits. */
const SMALLEST_NORMAL_FLOAT16 = 0x38800000;
/** The difference of the exponents' biases, 127 − 15, in the place of the exponent. */
const EXPONENT_SHIFT = 112 << 23;

const scratch = new Uint32Array(1);
const scratchFloat = new Float32Array(scratch.buffer);

function valueOf(bits: number): number {
  scratch[0] = bits;
  return scratchFloat[0] ?? 0;
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
