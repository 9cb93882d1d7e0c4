import { inScope, type tf } from '../tensorflow';
import type { NamedTensors } from '../parameters';
import { CaptureError, type Constant, type Operation, type Recording, type TensorType } from './recording';
import { captureContext, nativeBackend } from '../native-backend';
import { Recorder } from './recorder';

/** A computation in tfjs functions: of named tensors, saying by name which tensors are its results. */
export type Computation = (given: NamedTensors, setResult: (name: string, tensor: tf.Tensor) => void) => void;

/**
 * Records the TensorFlow operations of a computation, its gradients included. It is recorded twice: whatever differs between the two was drawn or computed in
 * JavaScript (`Math.random`, a clock, a counter), and would be the same at every run.
 * @param given what changes from run to run, by name.
 * @param variables what is given as well, as far as the computation uses it: tensors whose values change while they stay the same objects.
 * @throws CaptureError where something in it would be frozen, or cannot be recorded.
 */
export function capture(
  given: ReadonlyMap<string, TensorType>,
  computation: Computation,
  variables: ReadonlyMap<string, tf.Tensor> = new Map(),
): Recording {
  const recording = record(given, computation, variables);
  refuseDifferences(recording, record(given, computation, variables));
  return recording;
}

function record(given: ReadonlyMap<string, TensorType>, computation: Computation, variables: ReadonlyMap<string, tf.Tensor>): Recording {
  const recorder = new Recorder(nativeBackend(), variables);
  captureContext.run({ recorder }, () => {
    inScope(() => {
      const tensors = Object.fromEntries([...given].map(([name, type]) => [name, recorder.giveTensor(name, type)]));
      computation(tensors, (name, tensor) => {
        recorder.setResult(name, tensor);
      });
    });
  });
  return recorder.finish();
}

function refuseDifferences(first: Recording, second: Recording): void {
  const changed = [...first.constants].find(([value, constant]) => !sameConstant(constant, second.constants.get(value)));
  if (changed !== undefined) {
    const [value, { shape }] = changed;
    const user = first.operations.find(({ inputs }) => inputs.includes(value))?.name;
    throw new CaptureError(
      `this computation cannot be recorded: a tensor of shape [${shape.join(', ')}]${user === undefined ? '' : ` that ${user} takes`} has other values each time, ` +
        'so it was drawn or computed in JavaScript and would be frozen: draw with a Stateless operation whose seed is an input, or make it an input',
    );
  }
  if (
    first.operations.length !== second.operations.length ||
    first.operations.some((operation, index) => !sameOperation(operation, second.operations[index]))
  ) {
    throw new CaptureError(
      'this computation cannot be recorded: it runs other operations each time, so it depends on a state in JavaScript',
    );
  }
}

function sameConstant(first: Constant, second: Constant | undefined): boolean {
  return first.dtype === second?.dtype && Buffer.compare(first.bytes, second.bytes) === 0;
}

function sameOperation(first: Operation, second: Operation | undefined): boolean {
  return JSON.stringify(first) === JSON.stringify(second);
}
