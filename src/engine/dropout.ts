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
  /** int32 `[3]` */
  readonly seed: tf.Tensor;
  /** int32 `[rows]`, or empty */
  readonly positions: tf.Tensor;
  readonly attributes: readonly OperationAttribute[];
}

/** Where the rows of a tensor stand that are not those of all examples in their order: padding is left out, or they are turned. */
export interface RowPositions {
  /** int32 `[rows]`: the place of each among the rows of all examples, one example's behind the other's. */
  readonly positions: tf.Tensor;
  /** Rows of an example, its padding included. */
  readonly perExample: number;
}

/** Zeroes each value with probability `rate` and scales the others up, so that the expectation stays (Srivastava et al. 2014). */
export interface Dropout {
  /** @param rows where the rows `[…, width]` stand; by default `x` has one example behind the other. */
  (x: tf.Tensor, rate: number, rows?: RowPositions): tf.Tensor;
  /** Only draws, for a computation that drops values itself; undefined where nothing is dropped. */
  readonly draw: (shape: readonly number[], rate: number, rows?: RowPositions) => DropoutDraw | undefined;
}

/** Leaves everything as it is: evaluation, and parity checks. */
export const noDropout: Dropout = Object.assign((x: tf.Tensor) => x, { draw: () => undefined });

/**
 * Dropout whose masks are a function of `(seed, step)`, of the place in the model (the n-th call draws the n-th mask), and of the place in the tensor that the whole batch would have: so
 * whoever computes a part of it, or leaves its padding out, drops the same values. Masks are drawn by a TensorFlow operation from an input of the step, never in JavaScript, so a recorded
 * step draws anew each time and a resumed run draws what the first would have drawn.
 * @param seed int32 `[3]`: the run's seed, the step's number, and the examples of the batch that come before this part of it, 0 where it is computed at once.
 * @param examples of this part; a tensor whose first axis is no multiple of it belongs to no example, and every part draws the same for it.
 */
export function seededDropout(seed: tf.Tensor, examples = 1): Dropout {
  if (seed.shape[0] !== 3) throw new Error(`the seed of dropout: expected [3], found [${seed.shape.join(', ')}]`);
  let place = 0;
  const draw = (shape: readonly number[], rate: number, rows?: RowPositions): DropoutDraw | undefined => {
    place++;
    if (rate <= 0) return undefined;
    const threshold = dropThreshold(rate);
    const scale = 256 / (256 - threshold);
    const asked = { seed, place, shape, threshold, rows, examples, perExample: valuesPerExample(shape, examples, rows) };
    if (hasOwnKernels()) return ownDraw(asked, scale);
    const kept = hasNativeKernels() ? drawNatively(asked) : drawInJavaScript(asked);
    return { scale, kept: () => kept, own: undefined };
  };
  return Object.assign((x: tf.Tensor, rate: number, rows?: RowPositions) => drop(x, draw(x.shape, rate, rows)), { draw });
}

/** A mask that is wanted: one byte decides for each value, those below `threshold` drop it. */
interface MaskRequest {
  readonly seed: tf.Tensor;
  readonly place: number;
  readonly shape: readonly number[];
  readonly threshold: number;
  readonly rows: RowPositions | undefined;
  readonly examples: number;
  /** Values of an example, its padding included; 0 where the tensor is of none. */
  readonly perExample: number;
}

function valuesPerExample(shape: readonly number[], examples: number, rows: RowPositions | undefined): number {
  if (rows !== undefined) return rows.perExample * (shape.at(-1) ?? 1);
  return (shape[0] ?? 1) % examples === 0 ? sizeOfShape(shape) / examples : 0;
}

function ownDraw({ seed, place, shape, threshold, rows, perExample }: MaskRequest, scale: number): DropoutDraw {
  const positions = rows?.positions ?? tf.tensor1d([], 'int32');
  const own = { seed, positions, attributes: drawAttributes(place, threshold, perExample) };
  return { scale, kept: () => tf.cast(tf.greater(dropInOnePass(tf.ones([...shape]), own), 0), 'float32'), own };
}

/**
 * The attributes of an own kernel that draws.
 * @param threshold of 256: 0 keeps all.
 * @param perExample values of an example in all of the tensor.
 */
export function drawAttributes(place: number, threshold: number, perExample = 0): OperationAttribute[] {
  return [
    { name: 'T', kind: 'type', value: DataType.float32 },
    { name: 'place', kind: 'int', value: place },
    { name: 'threshold', kind: 'int', value: threshold },
    { name: 'per_example', kind: 'int', value: perExample },
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
      () => ({ value: dropInOnePass(x, own), saved: [own.positions] }),
      (dy, saved) => [dropInOnePass(dy, { ...own, positions: savedTensor(saved, 0) })],
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
    () => ({ value: rawOperation('KumpasDropoutAdd', own.attributes, [x, residual, own.seed, own.positions]), saved: [own.positions] }),
    (dy, saved) => [dy, dropInOnePass(dy, { ...own, positions: savedTensor(saved, 0) })],
  );
}

function dropInOnePass(x: tf.Tensor, { seed, positions, attributes }: OwnDraw): tf.Tensor {
  return rawOperation('KumpasDropout', attributes, [x, seed, positions]);
}

/** TensorFlow's number for it. */
const PHILOX = 1;

/** What Philox draws at once, in bytes (Salmon et al. 2011). */
const PHILOX_BYTES = 16;

/**
 * A mask by TensorFlow's own Philox generator: seed and step are its key. Its counter begins with the place in the model, and goes on with that in the tensor of
 * the whole batch.
 */
function drawNatively({ seed, place, shape, threshold, rows, examples, perExample }: MaskRequest): tf.Tensor {
  return tf.tidy(() => {
    const size = rows === undefined ? sizeOfShape(shape) : examples * perExample;
    const first = tf.slice(seed, [2], [1]);
    const over = perExample % PHILOX_BYTES;
    const bytesOver = tf.mul(first, integer(over));
    const blocks = tf.mul(first, integer(Math.floor(perExample / PHILOX_BYTES)));
    const counter = over === 0 ? blocks : tf.add(blocks, tf.floorDiv(bytesOver, integer(PHILOX_BYTES)));
    const words = Math.ceil((size + (over === 0 ? 0 : PHILOX_BYTES)) / 4);
    const bytes = philoxBytes(tf.slice(seed, [0], [2]), tf.concat([counter, tf.tensor1d([0, place, 0], 'int32')]), words);
    const kept = rawOperation('GreaterEqual', [{ name: 'T', kind: 'type', value: DataType.uint8 }], [bytes, byteScalar(threshold)]);
    const begin = over === 0 ? tf.tensor1d([0], 'int32') : tf.mod(bytesOver, integer(PHILOX_BYTES));
    const flat = rawOperation(
      'Slice',
      [
        { name: 'T', kind: 'type', value: DataType.bool },
        { name: 'Index', kind: 'type', value: DataType.int32 },
      ],
      [tf.reshape(kept, [words * 4]), begin, tf.tensor1d([size], 'int32')],
    );
    return tf.reshape(tf.cast(rows === undefined ? flat : rowsAt(rows, tf.reshape(flat, [examples * rows.perExample, -1])), 'float32'), [
      ...shape,
    ]);
  });
}

/** @param seed int32 `[2]` @param counter int32 `[4]` @returns uint8 `[words, 4]` */
function philoxBytes(seed: tf.Tensor, counter: tf.Tensor, words: number): tf.Tensor {
  const bits = rawOperation(
    'StatelessRandomUniformFullIntV2',
    [
      { name: 'dtype', kind: 'type', value: DataType.int32 },
      { name: 'Tshape', kind: 'type', value: DataType.int32 },
    ],
    [
      tf.tensor1d([words], 'int32'),
      bitcast(tf.reshape(seed, [1, 2]), DataType.uint64),
      bitcast(tf.reshape(counter, [2, 2]), DataType.uint64),
      integer(PHILOX),
    ],
  );
  return bitcast(bits, DataType.uint8);
}

function bitcast(x: tf.Tensor, type: typeof DataType.uint8 | typeof DataType.uint64): tf.Tensor {
  return rawOperation(
    'Bitcast',
    [
      { name: 'T', kind: 'type', value: DataType.int32 },
      { name: 'type', kind: 'type', value: type },
    ],
    [x],
  );
}

function integer(value: number): tf.Tensor {
  return tf.scalar(value, 'int32');
}

/** Of a mask of all rows of all examples that of some. */
function rowsAt({ positions }: RowPositions, mask: tf.Tensor): tf.Tensor {
  return rawOperation(
    'GatherV2',
    [
      { name: 'batch_dims', kind: 'int', value: 0 },
      { name: 'Tparams', kind: 'type', value: DataType.bool },
      { name: 'Tindices', kind: 'type', value: DataType.int32 },
      { name: 'Taxis', kind: 'type', value: DataType.int32 },
    ],
    [mask, positions, integer(0)],
  );
}

function byteScalar(value: number): tf.Tensor {
  return rawOperation(
    'Cast',
    [
      { name: 'SrcT', kind: 'type', value: DataType.int32 },
      { name: 'DstT', kind: 'type', value: DataType.uint8 },
    ],
    [integer(value)],
  );
}

/** The JavaScript backend has no stateless generator: the same kind of mask from a stream of our own for each example. */
function drawInJavaScript({ seed, place, shape, threshold, rows, examples, perExample }: MaskRequest): tf.Tensor {
  const [run = 0, step = 0, first = 0] = seed.dataSync();
  const size = rows === undefined ? sizeOfShape(shape) : examples * perExample;
  const drawn = new Float32Array(size);
  const each = perExample === 0 ? size : perExample;
  for (let from = 0; from < size; from += each) {
    const random = new RandomStream(run, step, place, perExample === 0 ? 0 : first + from / each);
    for (let at = from; at < from + each; at++) drawn[at] = random.below(256) >= threshold ? 1 : 0;
  }
  if (rows === undefined) return tf.tensor(drawn, [...shape]);
  return tf.tidy(() =>
    tf.reshape(tf.gather(tf.tensor2d(drawn, [examples * rows.perExample, size / (examples * rows.perExample)]), rows.positions.as1D()), [
      ...shape,
    ]),
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
  return own === undefined
    ? tf.mul(positivePart(x), drop.kept())
    : rawOperation('KumpasReluDropout', own.attributes, [x, own.seed, own.positions]);
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
