import { CaptureError } from './errors';
import { neededOperations, type Attributes, type Constant, type FunctionNode, type GraphFunction, type Recording } from './recording';

/** An output of a function's node, as other nodes of the function name it. */
type FunctionValue = string;

/** A graph's function while it is written. */
export class FunctionDraft {
  private readonly inputs: number[] = [];
  private readonly nodes: FunctionNode[] = [];
  private readonly constants = new Map<Constant, FunctionValue>();

  addInput(dtype: number): FunctionValue {
    this.inputs.push(dtype);
    return `in${this.inputs.length - 1}`;
  }

  /**
   * Adds a node. Returns its outputs.
   * @throws CaptureError for an operation whose outputs' names are not known here.
   */
  addNode(operation: string, inputs: readonly FunctionValue[], attributes: Attributes, outputCount = 1): FunctionValue[] {
    const argument = OUTPUT_ARGUMENTS.get(operation);
    if (argument === undefined) throw new CaptureError(`${operation} in a loop: OUTPUT_ARGUMENTS does not have the name of its output yet`);
    const name = `n${this.nodes.length}`;
    this.nodes.push({ name, operation, inputs, attributes });
    return Array.from({ length: outputCount }, (_, place) => `${name}:${argument}:${place}`);
  }

  /** Adds a node of one output. */
  addSingle(operation: string, inputs: readonly FunctionValue[], attributes: Attributes): FunctionValue {
    const [output = ''] = this.addNode(operation, inputs, attributes);
    return output;
  }

  addConstant(constant: Constant): FunctionValue {
    const written =
      this.constants.get(constant) ??
      this.addSingle('Const', [], { dtype: { kind: 'type', value: constant.dtype }, value: { kind: 'tensor', value: constant } });
    this.constants.set(constant, written);
    return written;
  }

  /** Writes what a recording's results need. Returns the results by name. */
  addRecording(recording: Recording, given: ReadonlyMap<string, FunctionValue>): Map<string, FunctionValue> {
    const values = new Map<number, FunctionValue>();
    for (const [name, value] of recording.given) values.set(value, given.get(name) ?? '');
    const find = (value: number): FunctionValue => {
      const constant = recording.constants.get(value);
      const found = values.get(value) ?? (constant && this.addConstant(constant));
      if (found === undefined) throw new Error(`the recording uses tensor ${value} before it is computed`);
      return found;
    };
    for (const { name, attributes, inputs, outputs } of neededOperations(recording)) {
      const written = this.addNode(name, inputs.map(find), attributes, outputs.length);
      outputs.forEach((output, place) => values.set(output, written[place] ?? ''));
    }
    return new Map([...recording.results].map(([name, value]) => [name, find(value)]));
  }

  finish(outputs: GraphFunction['outputs']): GraphFunction {
    return { inputs: this.inputs, nodes: this.nodes, outputs };
  }
}

/** The names of operations' outputs, by which a function's nodes refer to them (tensorflow/core/ops). */
const OUTPUT_ARGUMENTS = new Map<string, string>([
  ...['Add', 'AddV2', 'Sub', 'Mul', 'RealDiv', 'Maximum', 'Minimum', 'Less', 'SigmoidGrad', 'TanhGrad', 'Select'].map(
    (name) => [name, 'z'] as const,
  ),
  ...['Sigmoid', 'Tanh', 'Neg', 'Square', 'Cast', 'Transpose'].map((name) => [name, 'y'] as const),
  ...[
    'BiasAdd',
    'Const',
    'GatherV2',
    'Identity',
    'Pack',
    'Reshape',
    'Slice',
    'Split',
    'SplitV',
    'Unpack',
    'ConcatV2',
    'Sum',
    'StatelessWhile',
  ].map((name) => [name, 'output'] as const),
  ['MatMul', 'product'],
  ['TensorListReserve', 'handle'],
  ['TensorListSetItem', 'output_handle'],
  ['TensorListStack', 'tensor'],
]);
