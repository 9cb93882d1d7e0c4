import type { ScanInputs, ScanStep } from '../scan-step';
import { inScope } from '../scope';
import type { tf } from '../tensorflow';
import type { Recording, TensorType } from './recording';
import { resultTypes, type RecordedScan } from './scan-function';

/** The part of a recorder that a scan's step is recorded with. */
interface StepRecorder {
  giveTensor(name: string, type: TensorType): tf.Tensor;
  setResult(name: string, tensor: tf.Tensor): void;
  finish(): Recording;
}

/** Records one frame of a scan. @param types of the sequences, the state and the constants. */
export function recordScanStep(recorder: StepRecorder, given: ScanInputs, types: readonly TensorType[], step: ScanStep): RecordedScan {
  const ends = [given.sequences.length, given.sequences.length + given.state.length] as const;
  const [sequences, state, constants] = [types.slice(0, ends[0]), types.slice(ends[0], ends[1]), types.slice(ends[1])];
  const give = (kind: string, kindTypes: readonly TensorType[]): tf.Tensor[] =>
    kindTypes.map((type, place) => recorder.giveTensor(`${kind} ${place}`, type));
  inScope(() => {
    const slices = give(
      'sequence',
      sequences.map(({ dtype, shape }) => ({ dtype, shape: shape.slice(1) })),
    );
    const results = step(slices, give('state', state), give('constant', constants));
    results.state.forEach((tensor, place) => {
      recorder.setResult(`state ${place}`, tensor);
    });
    results.outputs.forEach((tensor, place) => {
      recorder.setResult(`output ${place}`, tensor);
    });
  });
  const recording = recorder.finish();
  const [frames = 0] = sequences[0]?.shape ?? [];
  return {
    frames,
    sequences,
    state,
    constants,
    outputs: resultTypes(recording, 'output'),
    step: recording,
    reverse: given.reverse ?? false,
  };
}
