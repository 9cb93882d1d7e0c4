import { elementAt } from '../foundation/required';
import { captureContext, type ScanInputs, type ScanResult, type ScanStep } from './native-backend';
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
