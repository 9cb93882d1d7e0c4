import { elementAt, required } from '../../foundation/required';
import { type NamedArrays, type NamedTensors, tensorNamed } from '../parameters';
import { type BatchDivision, partSizes, type ProgramDefinition } from '../program';
import { tf } from '../tensorflow';
import { capture, type Computation } from './capture';
import { type MatrixType, withProductsIn } from './matrix-type';
import {
  type Attributes,
  type Constant,
  DataType,
  type Operation,
  type Recording,
  type TensorType,
  typeOf,
  type ValueNumber,
} from './recording';

/** The kinds of names in a program's recording: what it is given (parameters, inputs) and what it gives. */
type NameKind = 'parameter' | 'input' | 'output' | 'gradient' | 'increment';

/** The name of the loss among the results. */
export const LOSS = 'loss';

/** Records a program's computation for inputs of these types; once, where it was recorded for others before ({@link capture}). */
type RecordComputation = (definition: ProgramDefinition, inputTypes: InputTypes, once?: boolean) => Recording;

/** Records `evaluate`. */
export const recordEvaluation: RecordComputation = (definition, inputTypes, once) => {
  const computation: Computation = (given, setResult) => {
    const outputs = definition.evaluate(tensorsOfKind('parameter', given), tensorsOfKind('input', given));
    for (const [name, tensor] of Object.entries(outputs)) setResult(nameOfKind('output', name), tensor);
  };
  return capture(givenTypes(definition, inputTypes), computation, { once });
};

/** Records `train`, with the gradient of its loss for every trainable parameter that the loss depends on. */
export const recordTraining: RecordComputation = (definition, inputTypes, once) => {
  const train = definition.train;
  if (train === undefined) throw new Error('this program has no training computation');
  const trainable = definition.parameters.filter((parameter) => parameter.trainable).map(({ name }) => name);
  const computation: Computation = (given, setResult) => {
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
  };
  return capture(givenTypes(definition, inputTypes), computation, { once });
};

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

/** Records a program's computations for inputs of any shapes, divided over devices where there are several. */
export class ProgramRecorder {
  /** The computations that were recorded for some shapes. */
  private readonly known = new Set<RecordComputation>();

  /** @param devices see {@link DeviceDivision}; used where the program says how it may be divided. */
  constructor(
    private readonly definition: ProgramDefinition,
    private readonly matrixType: MatrixType,
    private readonly devices: readonly string[],
  ) {}

  record(types: InputTypes, computation: RecordComputation): Recording {
    const record = (given: InputTypes): Recording => {
      const recording = computation(this.definition, given, this.known.has(computation));
      this.known.add(computation);
      return withProductsIn(this.matrixType, recording);
    };
    const { division } = this.definition;
    return division === undefined ? record(types) : recordDivided(types, { ...division, devices: this.devices }, record);
  }
}

/** The types of a run's inputs, in the order of their names. */
export function inputTypesOf(arrays: NamedArrays): InputTypes {
  const types = Object.entries(arrays).map(([name, { shape, values }]): [string, TensorType] => [
    name,
    { dtype: values instanceof Int32Array ? DataType.int32 : DataType.float32, shape },
  ]);
  return new Map(types.sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** How a batch is divided: which inputs hold it, and on which devices its parts are computed. */
interface DeviceDivision extends BatchDivision {
  /** TensorFlow's names of the devices, as `/device:GPU:0`. */
  readonly devices: readonly string[];
}

/**
 * Records a computation divided over devices: each computes its part of the batch, parameters are shared; losses and gradients of the parts are added, outputs
 * put one behind the other. So whoever runs it sees one computation. With one device, or one example, it is recorded as it is.
 * @param record gives the computation for inputs of these types.
 */
export function recordDivided(types: InputTypes, division: DeviceDivision, record: (types: InputTypes) => Recording): Recording {
  const sizes = partSizes(batchSize(types, division), division.devices.length);
  if (sizes.length < 2) return record(types);
  const recordings = new Map<number, Recording>();
  const join = new Join(types, division, sizes);
  sizes.forEach((size, part) => {
    const recording = recordings.get(size) ?? record(partTypes(types, division, size));
    recordings.set(size, recording);
    join.addPart(recording, part);
  });
  return join.finish();
}

function batchSize(types: InputTypes, { perExample }: BatchDivision): number {
  const sizes = new Set(perExample.flatMap((name) => types.get(name)?.shape.slice(0, 1) ?? []));
  const [size, ...others] = sizes;
  if (size === undefined || others.length > 0)
    throw new Error(`the inputs ${perExample.join(', ')} should be of one batch; their sizes are ${[...sizes].join(', ')}`);
  return size;
}

function partTypes(types: InputTypes, { perExample, perPart = [] }: BatchDivision, size: number): InputTypes {
  const rowsOf = (name: string): number | undefined => (perExample.includes(name) ? size : perPart.includes(name) ? 1 : undefined);
  return new Map(
    [...types].map(([name, type]) => {
      const rows = rowsOf(name);
      return [name, rows === undefined ? type : { ...type, shape: [rows, ...type.shape.slice(1)] }];
    }),
  );
}

/** Puts the recordings of parts together into one. */
class Join {
  private readonly types = new Map<ValueNumber, TensorType>();
  private readonly given = new Map<string, ValueNumber>();
  private readonly constants = new Map<ValueNumber, Constant>();
  private readonly operations: Operation[] = [];
  private readonly results = new Map<string, ValueNumber[]>();
  private readonly parts: ReadonlyMap<string, readonly ValueNumber[]>;

  constructor(
    types: InputTypes,
    private readonly division: DeviceDivision,
    sizes: readonly number[],
  ) {
    this.parts = new Map([...types].map(([name, type]) => [name, this.divide(name, type, sizes)]));
  }

  /** Adds the computation of a part, on its device. */
  addPart(recording: Recording, part: number): void {
    const device = this.division.devices[part];
    const numbers = new Map<ValueNumber, ValueNumber>();
    for (const [name, value] of ofKind('input', recording.given))
      numbers.set(value, elementAt(required(this.parts.get(name), `the parts of ${name}`), part));
    for (const [name, value] of ofKind('parameter', recording.given))
      numbers.set(value, this.share(nameOfKind('parameter', name), typeOf(recording.types, value)));
    for (const [value, constant] of recording.constants) numbers.set(value, this.addConstant(constant));
    const numberOf = (value: ValueNumber): ValueNumber => {
      const known = numbers.get(value);
      if (known !== undefined) return known;
      const added = this.addValue(typeOf(recording.types, value));
      numbers.set(value, added);
      return added;
    };
    for (const operation of recording.operations) {
      this.operations.push({
        ...operation,
        inputs: operation.inputs.map(numberOf),
        outputs: operation.outputs.map(numberOf),
        ...(device === undefined ? {} : { device }),
      });
    }
    for (const [name, value] of recording.results) this.results.set(name, [...(this.results.get(name) ?? []), numberOf(value)]);
  }

  finish(): Recording {
    const isSummed = (name: string): boolean => name === LOSS || name.startsWith(nameOfKind('gradient', ''));
    // Running statistics are those of the first part, as PyTorch's DataParallel has them.
    const isOfFirst = (name: string): boolean => name.startsWith(nameOfKind('increment', ''));
    const results = new Map(
      [...this.results].map(([name, values]) => [
        name,
        isOfFirst(name) ? elementAt(values, 0) : isSummed(name) ? this.sum(values) : this.concatenate(values),
      ]),
    );
    const { types, given, constants, operations } = this;
    return { types, given, constants, operations, results };
  }

  /** The values of an input for every part. */
  private divide(name: string, type: TensorType, sizes: readonly number[]): ValueNumber[] {
    const whole = this.share(nameOfKind('input', name), type);
    if (this.division.perExample.includes(name)) return this.split(whole, type, sizes);
    if (this.division.perPart?.includes(name) === true) return this.splitForParts(whole, type, name, sizes);
    if (name !== this.division.seed) return sizes.map(() => whole);
    const before = sizes.map((_, part) => sizes.slice(0, part).reduce((sum, size) => sum + size, 0));
    return before.map((examples) => (examples === 0 ? whole : this.shiftSeed(whole, type, examples)));
  }

  private split(whole: ValueNumber, type: TensorType, sizes: readonly number[]): ValueNumber[] {
    const outputs = sizes.map((size) => this.addValue({ dtype: type.dtype, shape: [size, ...type.shape.slice(1)] }));
    const attributes: Attributes = {
      num_split: { kind: 'int', value: sizes.length },
      T: { kind: 'type', value: type.dtype },
      Tlen: { kind: 'type', value: DataType.int32 },
    };
    this.operations.push({ name: 'SplitV', attributes, inputs: [whole, this.integers(sizes), this.integer(0)], outputs });
    return outputs;
  }

  private splitForParts(whole: ValueNumber, type: TensorType, name: string, sizes: readonly number[]): ValueNumber[] {
    if (type.shape[0] !== sizes.length)
      throw new Error(`the input ${name} is made for ${type.shape[0] ?? 0} parts, and there are ${sizes.length}`);
    return this.split(
      whole,
      type,
      sizes.map(() => 1),
    );
  }

  /** The seed of a part: its last number is how many of the batch's examples come before. */
  private shiftSeed(seed: ValueNumber, type: TensorType, examples: number): ValueNumber {
    return this.compute('AddV2', [seed, this.integers([0, 0, examples])], type, { T: { kind: 'type', value: type.dtype } });
  }

  private sum(values: readonly ValueNumber[]): ValueNumber {
    const first = elementAt(values, 0);
    if (values.length === 1) return first;
    const type = typeOf(this.types, first);
    return this.compute('AddN', values, type, { T: { kind: 'type', value: type.dtype }, N: { kind: 'int', value: values.length } });
  }

  private concatenate(values: readonly ValueNumber[]): ValueNumber {
    const parts = values.map((value) => typeOf(this.types, value));
    const { dtype, shape } = elementAt(parts, 0);
    const size = parts.reduce((total, part) => total + elementAt(part.shape, 0), 0);
    return this.compute(
      'ConcatV2',
      [...values, this.integer(0)],
      { dtype, shape: [size, ...shape.slice(1)] },
      {
        T: { kind: 'type', value: dtype },
        N: { kind: 'int', value: values.length },
        Tidx: { kind: 'type', value: DataType.int32 },
      },
    );
  }

  private compute(name: string, inputs: readonly ValueNumber[], type: TensorType, attributes: Attributes): ValueNumber {
    const output = this.addValue(type);
    this.operations.push({ name, attributes, inputs, outputs: [output] });
    return output;
  }

  /** A value that is given at each run, to all parts. */
  private share(name: string, type: TensorType): ValueNumber {
    const value = this.given.get(name) ?? this.addValue(type);
    this.given.set(name, value);
    return value;
  }

  private integers(values: readonly number[]): ValueNumber {
    return this.addConstant({ dtype: DataType.int32, shape: [values.length], bytes: new Uint8Array(Int32Array.from(values).buffer) });
  }

  private integer(value: number): ValueNumber {
    return this.addConstant({ dtype: DataType.int32, shape: [], bytes: new Uint8Array(Int32Array.of(value).buffer) });
  }

  private addConstant(constant: Constant): ValueNumber {
    const value = this.addValue({ dtype: constant.dtype, shape: constant.shape });
    this.constants.set(value, constant);
    return value;
  }

  private addValue(type: TensorType): ValueNumber {
    const value = this.types.size;
    this.types.set(value, type);
    return value;
  }
}
