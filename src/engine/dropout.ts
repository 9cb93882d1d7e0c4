import { RandomStream } from '../foundation/random';
import { registerOperation, sameAsFirst } from './captured/operation-rules';
import { DataType } from './captured/recording';
import { hasOwnKernels, type OperationAttribute, rawOperation, savedTensor, withOwnGradient } from './native-backend';
import { sizeOfShape } from './parameters';
import { hasNativeKernels, tf } from './tensorflow';

/** Which values dropout keeps. */
export interface DropoutDraw {
  /** What the kept values are multiplied with, so that the expectation stays. */
  readonly scale: number;
  /** 1 where a value is kept, 0 where it is dropped; a new tensor at each call. */
  readonly kept: () => tf.Tensor;
  /** How Kumpas's own kernels draw the same while they compute; undefined where they are not there. */
  readonly own: OwnDraw | undefined;
}

/** What a kernel draws from. */
interface OwnDraw {
  /** int32 `[2]` */
  readonly seed: tf.Tensor;
  readonly attributes: readonly OperationAttribute[];
}

/** Zeroes each value with probability `rate` and scales the others up, so that the expectation stays (Srivastava et al. 2014). */
export interface Dropout {
  (x: tf.Tensor, rate: number): tf.Tensor;
  /** Only draws, for a computation that drops values itself; undefined where nothing is dropped. */
  readonly draw: (shape: readonly number[], rate: number) => DropoutDraw | undefined;
}

/** Leaves everything as it is: evaluation, and parity checks. */
export const noDropout: Dropout = Object.assign((x: tf.Tensor) => x, { draw: () => undefined });

/**
 * Dropout whose masks are a function of `(seed, step)` and of the place in the model: the n-th call draws the n-th mask. Masks are drawn by a TensorFlow
 * operation from an input of the step, never in JavaScript, so a recorded step draws anew each time and a resumed run draws what the first would have drawn.
 * @param seed int32 `[2]`: the run's seed and the step's number.
 */
export function seededDropout(seed: tf.Tensor): Dropout {
  let place = 0;
  const draw = (shape: readonly number[], rate: number): DropoutDraw | undefined => {
    place++;
    if (rate <= 0) return undefined;
    const threshold = dropThreshold(rate);
    const scale = 256 / (256 - threshold);
    if (hasOwnKernels()) return ownDraw(seed, { place, shape, threshold, scale });
    const kept = hasNativeKernels() ? drawNatively(seed, place, shape, threshold) : drawInJavaScript(seed, place, shape, threshold);
    return { scale, kept: () => kept, own: undefined };
  };
  return Object.assign((x: tf.Tensor, rate: number) => drop(x, draw(x.shape, rate)), { draw });
}

function ownDraw(
  seed: tf.Tensor,
  { place, shape, threshold, scale }: { place: number; shape: readonly number[]; threshold: number; scale: number },
): DropoutDraw {
  const own = { seed, attributes: drawAttributes(place, threshold) };
  return { scale, kept: () => tf.cast(tf.greater(dropInOnePass(tf.ones([...shape]), own), 0), 'float32'), own };
}

/** The attributes of an own kernel that draws. @param threshold of 256: 0 keeps all. */
export function drawAttributes(place: number, threshold: number): OperationAttribute[] {
  return [
    { name: 'T', kind: 'type', value: DataType.float32 },
    { name: 'place', kind: 'int', value: place },
    { name: 'threshold', kind: 'int', value: threshold },
  ];
}

/**
 * One byte a value decides: 256 levels are enough for a dropout rate, and cost a quarter of what floats cost. The rate is rounded to the nearest 1/256 and
 * the survivors are scaled by what is really kept, so the expectation is exact.
 */
export function dropThreshold(rate: number): number {
  return Math.min(255, Math.max(1, Math.round(rate * 256)));
}

/** `x * kept * scale`, with a gradient that reaches `x` alone. */
function drop(x: tf.Tensor, draw: DropoutDraw | undefined): tf.Tensor {
  if (draw === undefined) return x;
  const { own } = draw;
  if (own !== undefined)
    return withOwnGradient(
      [x],
      () => ({ value: dropInOnePass(x, own), saved: [] }),
      (dy) => [dropInOnePass(dy, own)],
    );
  const factors = tf.mul(draw.kept(), draw.scale);
  return withOwnGradient(
    [x],
    () => ({ value: tf.mul(x, factors), saved: [factors] }),
    (dy, saved) => [tf.mul(dy, savedTensor(saved, 0))],
  );
}

/** `residual + dropout(x)`, as at the end of a transformer's layer. */
export function addDropped(residual: tf.Tensor, x: tf.Tensor, draw: DropoutDraw | undefined): tf.Tensor {
  const own = draw?.own;
  if (own === undefined) return tf.add(residual, drop(x, draw));
  return withOwnGradient(
    [residual, x],
    () => ({ value: rawOperation('KumpasDropoutAdd', own.attributes, [x, residual, own.seed]), saved: [] }),
    (dy) => [dy, dropInOnePass(dy, own)],
  );
}

function dropInOnePass(x: tf.Tensor, { seed, attributes }: OwnDraw): tf.Tensor {
  return rawOperation('KumpasDropout', attributes, [x, seed]);
}

function drawNatively(seed: tf.Tensor, place: number, shape: readonly number[], threshold: number): tf.Tensor {
  return tf.tidy(() => {
    const size = sizeOfShape(shape);
    const words = Math.ceil(size / 4);
    const placeSeed = tf.add(seed, tf.tensor1d([Math.imul(place, 0x9e3779b1), place], 'int32'));
    const bits = rawOperation(
      'StatelessRandomUniformFullInt',
      [
        { name: 'dtype', kind: 'type', value: DataType.int32 },
        { name: 'T', kind: 'type', value: DataType.int32 },
        { name: 'Tseed', kind: 'type', value: DataType.int32 },
      ],
      [tf.tensor1d([words], 'int32'), placeSeed],
    );
    const bytes = rawOperation(
      'Bitcast',
      [
        { name: 'T', kind: 'type', value: DataType.int32 },
        { name: 'type', kind: 'type', value: DataType.uint8 },
      ],
      [bits],
    );
    const kept = rawOperation('GreaterEqual', [{ name: 'T', kind: 'type', value: DataType.uint8 }], [bytes, byteScalar(threshold)]);
    const flat = tf.slice(tf.reshape(kept, [words * 4]), [0], [size]);
    return tf.cast(tf.reshape(flat, [...shape]), 'float32');
  });
}

function byteScalar(value: number): tf.Tensor {
  return rawOperation(
    'Cast',
    [
      { name: 'SrcT', kind: 'type', value: DataType.int32 },
      { name: 'DstT', kind: 'type', value: DataType.uint8 },
    ],
    [tf.scalar(value, 'int32')],
  );
}

/** The JavaScript backend has no stateless generator: the same kind of mask from a stream of our own. */
function drawInJavaScript(seed: tf.Tensor, place: number, shape: readonly number[], threshold: number): tf.Tensor {
  const random = new RandomStream(...seed.dataSync(), place);
  return tf.tensor(
    Float32Array.from({ length: sizeOfShape(shape) }, () => (random.below(256) >= threshold ? 1 : 0)),
    [...shape],
  );
}

registerOperation({ name: 'KumpasDropout', shapes: sameAsFirst, lowPrecision: { kind: 'either', inputs: [], outputs: [0] } });
registerOperation({ name: 'KumpasDropoutAdd', shapes: sameAsFirst, lowPrecision: { kind: 'either', inputs: [0], outputs: [] } });

/** `max(x, 0)`, NaN where x is, with TensorFlow's own gradient: tfjs's takes six operations. */
export function relu(x: tf.Tensor): tf.Tensor {
  return droppedRelu(x, undefined);
}

/**
 * `max(x, 0) * kept`: a relu with dropout, but for dropout's scale, which whatever comes next can apply to something smaller. Where the value is not zero,
 * the gradient passes; so it needs no mask.
 */
export function droppedRelu(x: tf.Tensor, drop: DropoutDraw | undefined): tf.Tensor {
  return withOwnGradient(
    [x],
    () => {
      const value = reluAndDrop(x, drop);
      return { value, saved: [value] };
    },
    (dy, saved) => [reluGradient(dy, savedTensor(saved, 0))],
  );
}

function reluAndDrop(x: tf.Tensor, drop: DropoutDraw | undefined): tf.Tensor {
  if (drop === undefined) return positivePart(x);
  const { own } = drop;
  return own === undefined ? tf.mul(positivePart(x), drop.kept()) : rawOperation('KumpasReluDropout', own.attributes, [x, own.seed]);
}

/** TensorFlow fuses its Relu with the matrix product before it, and oneDNN's code for the two makes 0 of NaN; its Maximum stays by itself and hands NaN on. */
function positivePart(x: tf.Tensor): tf.Tensor {
  return tf.maximum(x, 0);
}

function reluGradient(dy: tf.Tensor, value: tf.Tensor): tf.Tensor {
  if (!hasNativeKernels()) return tf.mul(dy, tf.step(value));
  return rawOperation(hasOwnKernels() ? 'KumpasReluGrad' : 'ReluGrad', [{ name: 'T', kind: 'type', value: DataType.float32 }], [dy, value]);
}

registerOperation({ name: 'KumpasReluDropout', shapes: sameAsFirst, lowPrecision: { kind: 'either', inputs: [0], outputs: [0] } });
registerOperation({ name: 'KumpasReluGrad', shapes: sameAsFirst, lowPrecision: { kind: 'either', inputs: [0, 1], outputs: [0] } });
