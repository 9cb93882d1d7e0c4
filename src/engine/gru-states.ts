import { elementAt } from '../foundation/required';
import { columnSum, matrixProduct } from './linear-and-norm';
import { captureContext, savedTensor, type ScanInputs, type ScanResult, type ScanStep, withOwnGradient } from './native-backend';
import { tf } from './tensorflow';

/**
 * Runs a step for each frame in turn (as `jax.lax.scan`): a recurrence. While a computation is recorded it becomes one loop of the graph, whatever the number of
 * frames; else it is run frame by frame. It has no gradient: whoever uses it writes one.
 */
export function scan(given: ScanInputs, step: ScanStep): ScanResult {
  return captureContext.recorder?.recordScan(given, step) ?? frameByFrame(given, step);
}

function frameByFrame({ sequences, state: first, constants, reverse = false }: ScanInputs, step: ScanStep): ScanResult {
  const frames = elementAt(elementAt(sequences, 0).shape, 0);
  const slices = sequences.map((sequence) => tf.unstack(sequence, 0));
  const outputs: tf.Tensor[][] = [];
  let state = first;
  for (let count = 0; count < frames; count++) {
    const frame = reverse ? frames - 1 - count : count;
    const result = step(
      slices.map((values) => elementAt(values, frame)),
      state,
      constants,
    );
    state = result.state;
    result.outputs.forEach((output, place) => ((outputs[place] ??= [])[frame] = output));
  }
  return { state, outputs: outputs.map((values) => tf.stack(values, 0)) };
}

/** Added to the update gate of a padded frame: its sigmoid is exactly 1 then, and that of its opposite exactly 0, so the state stays as it is to the last bit. */
const KEEP_STATE = 1e9;

/**
 * The states of a GRU in PyTorch's form (two biases, the reset gate applied after the product; gates in the order r, z, n), from the products of its inputs:
 * `r = σ(x_r + W_hr h + b_hr)`, `z = σ(x_z + W_hz h + b_hz)`, `n = tanh(x_n + r · (W_hn h + b_hn))`, `h' = (1 − z) · n + z · h`, from a state of zeros.
 * A padded frame leaves the state as it is, so the last state is that of the last frame that counts (as of a packed sequence).
 *
 * Forward it is one loop of twelve small operations a frame. The gradient is written by hand: all gates of all frames at once from the states, then a loop that
 * is linear in the state's gradient, one product a frame, and the weights' gradients in one product over all frames.
 * @param projected `[frames, batch, 3 · hidden]`: `x · weight_ihᵀ + bias_ih`
 * @param mask `[frames, batch, 1]`, 1 for a frame that counts, 0 for padding; it has no gradient
 * @param weight `[3 · hidden, hidden]`, `weight_hh`
 * @param bias `[3 · hidden]`, `bias_hh`
 * @returns `[frames, batch, hidden]`
 */
export function gruStates(projected: tf.Tensor, mask: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  return withOwnGradient(
    [projected, weight, bias],
    () => {
      const inputs = cellInputs(projected, mask, weight, bias);
      const value = statesForward(inputs);
      return { value, saved: [inputs.gates, inputs.candidate, inputs.weights, weight, value] };
    },
    (dy, saved) => {
      const [gates, candidate, weights, own, states] = [0, 1, 2, 3, 4].map((place) => savedTensor(saved, place)) as FiveTensors;
      return statesGradient(dy, states, { gates, candidate, weights }, own);
    },
  );
}

type FiveTensors = [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];

/** What the recurrence takes beside the state. With it, `(1 − z)` comes from the same sigmoid as r and z, as that of the opposite sum. */
interface CellInputs {
  /** `[frames, batch, 4 · hidden]`: what is added to the state's product for r, z, 1 − z, and the candidate's part that r is multiplied with. */
  readonly gates: tf.Tensor;
  /** `[frames, batch, hidden]`: x_n */
  readonly candidate: tf.Tensor;
  /** `[4 · hidden, hidden]` */
  readonly weights: tf.Tensor;
}

function cellInputs(projected: tf.Tensor, mask: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): CellInputs {
  const [xr, xz, candidate] = tf.split(projected, 3, 2) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const [wr, wz, wn] = tf.split(weight, 3, 0) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const [br, bz, bn] = tf.split(bias, 3, 0) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const update = tf.add(tf.add(xz, bz), tf.mul(tf.sub(1, mask), KEEP_STATE));
  const gates = tf.concat([tf.add(xr, br), update, tf.neg(update), tf.add(tf.zerosLike(candidate), bn)], 2);
  return { gates, candidate, weights: tf.concat([wr, wz, tf.neg(wz), wn], 0) };
}

/** What a frame computes, all of `[rows, hidden]`. */
interface Cell {
  readonly r: tf.Tensor;
  readonly z: tf.Tensor;
  /** 1 − z */
  readonly opposite: tf.Tensor;
  /** W_hn h + b_hn */
  readonly product: tf.Tensor;
  /** The candidate. */
  readonly n: tf.Tensor;
}

/** The gates from sums of `[rows, 4 · hidden]` and x_n of `[rows, hidden]`. */
function cell(sums: tf.Tensor, candidate: tf.Tensor): Cell {
  const hidden = elementAt(candidate.shape, 1);
  const [toGates, product] = tf.split(sums, [3 * hidden, hidden], 1) as [tf.Tensor, tf.Tensor];
  const [r, z, opposite] = tf.split(tf.sigmoid(toGates), 3, 1) as [tf.Tensor, tf.Tensor, tf.Tensor];
  return { r, z, opposite, product, n: tf.tanh(tf.add(tf.mul(r, product), candidate)) };
}

function statesForward({ gates, candidate, weights }: CellInputs): tf.Tensor {
  const [batch, hidden] = [elementAt(candidate.shape, 1), elementAt(candidate.shape, 2)];
  const { outputs } = scan(
    { sequences: [gates, candidate], state: [tf.zeros([batch, hidden])], constants: [weights] },
    ([gate, input], [state], [weight]) => {
      if (gate === undefined || input === undefined || state === undefined || weight === undefined)
        throw new Error('a scan gives what it was given');
      const { z, opposite, n } = cell(tf.add(matrixProduct(state, weight, 'second'), gate), input);
      const next = tf.add(tf.mul(opposite, n), tf.mul(z, state));
      return { state: [next], outputs: [next] };
    },
  );
  return elementAt(outputs, 0);
}

/** The gradients of projected, weight and bias. */
function statesGradient(dy: tf.Tensor, states: tf.Tensor, { gates, candidate, weights }: CellInputs, weight: tf.Tensor): tf.Tensor[] {
  const [frames, batch, hidden] = [elementAt(states.shape, 0), elementAt(states.shape, 1), elementAt(states.shape, 2)];
  const rows = frames * batch;
  const before = tf.concat([tf.zeros([1, batch, hidden]), tf.slice(states, [0, 0, 0], [frames - 1, batch, hidden])], 0);
  const flat = (x: tf.Tensor): tf.Tensor => tf.reshape(x, [rows, -1]);
  const { r, z, opposite, product, n } = cell(tf.add(matrixProduct(flat(before), weights, 'second'), flat(gates)), flat(candidate));
  // What the state's gradient is multiplied with to give that of x_n, and of what the gates' sums and the candidate's product are.
  const toCandidate = tf.mul(opposite, tf.sub(1, tf.square(n)));
  const toReset = tf.mul(tf.mul(toCandidate, product), tf.mul(r, tf.sub(1, r)));
  const toUpdate = tf.mul(tf.sub(flat(before), n), tf.mul(z, opposite));
  const toProduct = tf.mul(toCandidate, r);
  const factors = tf.stack([toReset, toUpdate, toProduct], 1);
  const dStates = statesBackward(
    dy,
    tf.reshape(tf.concat([factors, tf.reshape(z, [rows, 1, hidden])], 1), [frames, batch, 4, hidden]),
    weight,
  );
  const dRows = tf.reshape(dStates, [rows, 1, hidden]);
  const dSums = tf.reshape(tf.mul(factors, dRows), [rows, 3 * hidden]);
  const dProjected = tf.reshape(tf.mul(tf.stack([toReset, toUpdate, toCandidate], 1), dRows), [frames, batch, 3 * hidden]);
  return [dProjected, matrixProduct(dSums, flat(before), 'first'), columnSum(dSums)];
}

/**
 * The gradient of every state, its way through later states included: `d_t = dy_t + [factors_{t+1} · d_{t+1}] · [weight; 1]`.
 * @param factors `[frames, batch, 4, hidden]`
 * @param weight `[3 · hidden, hidden]`
 */
function statesBackward(dy: tf.Tensor, factors: tf.Tensor, weight: tf.Tensor): tf.Tensor {
  const [batch, hidden] = [elementAt(dy.shape, 1), elementAt(dy.shape, 2)];
  const { outputs } = scan(
    { sequences: [dy, factors], state: [tf.zeros([batch, hidden])], constants: [tf.concat([weight, tf.eye(hidden)], 0)], reverse: true },
    ([own, factor], [carried], [weights]) => {
      if (own === undefined || factor === undefined || carried === undefined || weights === undefined)
        throw new Error('a scan gives what it was given');
      const gradient = tf.add(own, carried);
      const parts = tf.mul(factor, tf.reshape(gradient, [batch, 1, hidden]));
      return { state: [matrixProduct(tf.reshape(parts, [batch, 4 * hidden]), weights)], outputs: [gradient] };
    },
  );
  return elementAt(outputs, 0);
}
