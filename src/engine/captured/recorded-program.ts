import { tensorNamed, type NamedTensors, type NamedArrays } from '../parameters';
import type { ProgramDefinition } from '../program';
import { tf } from '../tensorflow';
import { capture } from './capture';
import { DataType, type Recording, type TensorType } from './recording';

/** The kinds of names in a program's recording: what it is given (parameters, inputs) and what it gives. */
type NameKind = 'parameter' | 'input' | 'output' | 'gradient' | 'increment';

/** The name of the loss among the results. */
export const LOSS = 'loss';

/** Records `evaluate` for inputs of these types. */
export function recordEvaluation(definition: ProgramDefinition, inputTypes: ReadonlyMap<string, TensorType>): Recording {
  return capture(givenTypes(definition, inputTypes), (given, setResult) => {
    const outputs = definition.evaluate(tensorsOfKind('parameter', given), tensorsOfKind('input', given));
    for (const [name, tensor] of Object.entries(outputs)) setResult(nameOfKind('output', name), tensor);
  });
}

/** Records `train` for inputs of these types, with the gradient of its loss for every trainable parameter that the loss depends on. */
export function recordTraining(definition: ProgramDefinition, inputTypes: ReadonlyMap<string, TensorType>): Recording {
  const train = definition.train;
  if (train === undefined) throw new Error('this program has no training computation');
  const trainable = definition.parameters.filter((parameter) => parameter.trainable).map(({ name }) => name);
  return capture(givenTypes(definition, inputTypes), (given, setResult) => {
    const parameters = tensorsOfKind('parameter', given);
    const forward = (): tf.Tensor => {
      const { loss, outputs, increments = {} } = train(parameters, tensorsOfKind('input', given));
      for (const [name, tensor] of Object.entries(outputs)) setResult(nameOfKind('output', name), tensor);
      for (const [name, tensor] of Object.entries(increments)) setResult(nameOfKind('increment', name), tensor);
      return loss.asScalar();
    };
    const wanted = trainable.map((name) => tensorNamed(parameters, name));
    const { value, grads } = tf.engine().gradients(forward, wanted, undefined, true) as {
      value: tf.Tensor;
      grads: (tf.Tensor | undefined)[];
    };
    setResult(LOSS, value);
    for (const [place, name] of trainable.entries()) {
      const gradient = grads[place];
      if (gradient !== undefined) setResult(nameOfKind('gradient', name), gradient);
    }
  });
}

/** A name in the recording. */
export function nameOfKind(kind: NameKind, name: string): string {
  return `${kind} ${name}`;
}

/** The entries whose names are of a kind, by their plain names. */
export function ofKind<T>(kind: NameKind, entries: Iterable<readonly [string, T]>): Map<string, T> {
  const prefix = nameOfKind(kind, '');
  return new Map(
    [...entries].flatMap(([name, value]): [string, T][] => (name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [])),
  );
}

function tensorsOfKind(kind: NameKind, tensors: NamedTensors): NamedTensors {
  return Object.fromEntries(ofKind(kind, Object.entries(tensors)));
}

function givenTypes({ parameters }: ProgramDefinition, inputTypes: ReadonlyMap<string, TensorType>): Map<string, TensorType> {
  return new Map([
    ...parameters.map(({ name, shape }): [string, TensorType] => [nameOfKind('parameter', name), { dtype: DataType.float32, shape }]),
    ...[...inputTypes].map(([name, type]): [string, TensorType] => [nameOfKind('input', name), type]),
  ]);
}

/** Inputs' types by name. */
export type InputTypes = ReadonlyMap<string, TensorType>;

/** The types of a run's inputs, in the order of their names. */
export function inputTypesOf(arrays: NamedArrays): InputTypes {
  const types = Object.entries(arrays).map(([name, { shape, values }]): [string, TensorType] => [
    name,
    { dtype: values instanceof Int32Array ? DataType.int32 : DataType.float32, shape },
  ]);
  return new Map(types.sort(([left], [right]) => (left < right ? -1 : 1)));
}
