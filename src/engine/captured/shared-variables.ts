import { elementAt } from '../../foundation/required';
import { lastOf } from '../../foundation/slices';
import { nativeBinding, type NativeTensor } from '../native-backend';
import { type Held, type ParameterValues, sizeOfShape } from '../parameters';
import { downloadTensor, type Feed, freeTensors, NativeSession, uploadTensor } from './entry';
import { GraphWriter, type NodeOutput, runsAfter } from './graph-writer';
import { DataType } from './recording';

export interface VariableDeclaration {
  readonly name: string;
  readonly shape: readonly number[];
}

/** TensorFlow's name for a variable that no session keeps: it lives as long as somebody holds its handle (ResourceHandle::ANONYMOUS_NAME). */
const ANONYMOUS = 'cd2c89b7-88b7-44c8-ad83-06c2a9158347';

const float32 = { kind: 'type', value: DataType.float32 } as const;

/**
 * Float32 variables that any number of graphs read and update, zero at first.
 *
 * A loaded graph's own variables end with its session, and no session sees another's. These have no name and belong to no session: a graph makes them once,
 * packs their handles into one tensor (an Optional), and that tensor is fed to whichever graph uses them. So graphs can be loaded at any time and hold the
 * same variables; nothing is copied. Any graph can read and update them; only the session that made them can assign to them, because TensorFlow's assignment
 * looks a variable up by its name.
 */
export class SharedVariables {
  private readonly session: NativeSession;
  private readonly feed: Feed;
  private readonly reads: readonly NodeOutput[];
  private readonly values: readonly NodeOutput[];
  private readonly written: NodeOutput;
  private readonly cleared: NodeOutput;

  /** @param declarations at least one. */
  constructor(readonly declarations: readonly VariableDeclaration[]) {
    const graph = new GraphWriter();
    const made = addNewVariables(graph, declarations);
    const target = addPackedPlaceholder(graph);
    const nodes = new VariableNodes(graph, declarations, target);
    this.reads = declarations.map(({ name }) => nodes.addRead(name));
    this.values = declarations.map(({ name, shape }) => graph.addPlaceholder(`values/${name}`, { dtype: DataType.float32, shape }));
    // Copied, so that no variable lives in the memory of a JavaScript array, which only the main thread may let go of.
    const copies = this.values.map((value) => graph.addNode('copies', 'DeepCopy', [value], { T: float32 }));
    const handles = declarations.map(({ name }) => nodes.handleOf(name));
    this.written = graph.addSignal('written', addAssignments(graph, handles, copies));
    this.cleared = graph.addSignal('cleared', addAssignments(graph, handles, addZeros(graph, declarations)));
    this.session = new NativeSession(graph.toBytes());
    const [tensor] = this.session.run([], [made]);
    if (tensor === undefined) throw new Error('the native library made no variables');
    this.feed = { target, tensor };
  }

  /** Gives another graph access to the variables: its nodes for them, and what to feed it at each run. */
  addTo(graph: GraphWriter): { nodes: VariableNodes; feed: Feed } {
    const placeholder = addPackedPlaceholder(graph);
    return { nodes: new VariableNodes(graph, this.declarations, placeholder), feed: { target: placeholder, tensor: this.feed.tensor } };
  }

  /** The values of all variables. */
  read(): ParameterValues {
    return lastOf(this.hold().read());
  }

  /**
   * Takes hold of the values of all variables. On the processor nothing is copied: the tensors that are read are the variables' own memory, and an update of a variable
   * whose memory somebody else holds goes into new memory (PrepareToUpdateVariable in TensorFlow's training_op_helpers.h). On a GPU they are copies.
   */
  hold(): Held<ParameterValues> {
    return new HeldValues(this.declarations, this.session.run([this.feed], this.reads));
  }

  /** Sets all variables; those without values become zero. @throws Error where a size differs. */
  write(values: ParameterValues): void {
    const arrays = this.declarations.map(({ name, shape }) => {
      const size = sizeOfShape(shape);
      const given = values.get(name) ?? new Float32Array(size);
      if (given.length !== size) throw new Error(`${name}: expected ${size} values (${shape.join(' × ')}), found ${given.length}`);
      return { shape, values: given };
    });
    const feeds = arrays.map((array, place) => ({ target: elementAt(this.values, place), tensor: uploadTensor(array) }));
    freeTensors(this.session.run([this.feed, ...feeds], [this.written]));
    freeTensors(feeds.map(({ tensor }) => tensor));
  }

  /** Sets all variables to zero. */
  clear(): void {
    freeTensors(this.session.run([this.feed], [this.cleared]));
  }

  /** Lets go of the variables: they end when no run uses them any more. */
  dispose(): void {
    freeTensors([this.feed.tensor]);
    this.session.dispose();
  }
}

/** Values of variables on TensorFlow's side, of the moment when they were read. */
class HeldValues implements Held<ParameterValues> {
  private readonly left: (readonly [name: string, tensor: NativeTensor])[];

  constructor(declarations: readonly VariableDeclaration[], tensors: readonly NativeTensor[]) {
    this.left = declarations.map(({ name }, place) => [name, elementAt(tensors, place)]);
  }

  /** Lets go of each that is copied. */
  *read(): Generator<Float32Array, ParameterValues, undefined> {
    const read = new Map<string, Float32Array>();
    for (let [next] = this.left; next !== undefined; [next] = this.left) {
      const [name, tensor] = next;
      const values = downloadTensor(tensor).values as Float32Array;
      freeTensors([tensor]);
      this.left.shift();
      read.set(name, values);
      yield values;
    }
    return read;
  }

  /** Lets go of those that are left. */
  release(): void {
    freeTensors(this.left.splice(0).map(([, tensor]) => tensor));
  }
}

/** The variables' nodes in one graph. */
export class VariableNodes {
  private readonly handles: ReadonlyMap<string, { readonly handle: NodeOutput; readonly shape: readonly number[] }>;

  constructor(
    private readonly graph: GraphWriter,
    declarations: readonly VariableDeclaration[],
    packed: NodeOutput,
  ) {
    const attributes = {
      output_types: { kind: 'types', value: declarations.map(() => DataType.resource) },
      output_shapes: { kind: 'shapes', value: declarations.map(() => []) },
    } as const;
    const unpacked = graph.addNode('handles', 'OptionalGetValue', [packed], attributes, variableDevice());
    this.handles = new Map(
      declarations.map(({ name, shape }, place) => [name, { handle: place === 0 ? unpacked : `${unpacked}:${place}`, shape }]),
    );
  }

  get names(): Iterable<string> {
    return this.handles.keys();
  }

  handleOf(name: string): NodeOutput {
    return this.find(name).handle;
  }

  /**
   * Adds a node that reads a variable. Its shape is stated anew, because a handle that is fed tells none and TensorFlow optimises by shapes.
   * @param after nodes that must have run before.
   */
  addRead(name: string, after: readonly NodeOutput[] = []): NodeOutput {
    const { handle, shape } = this.find(name);
    const read = this.graph.addNode(`read/${name}`, 'ReadVariableOp', [handle, ...after.map(runsAfter)], { dtype: float32 });
    return this.graph.addNode(`shaped/${name}`, 'EnsureShape', [read], { T: float32, shape: { kind: 'shape', value: shape } });
  }

  private find(name: string): { readonly handle: NodeOutput; readonly shape: readonly number[] } {
    const found = this.handles.get(name);
    if (found === undefined) throw new Error(`no variable is named ${name}`);
    return found;
  }
}

/** Writes the making of variables, zero at first. The node gives all their handles in one tensor. */
function addNewVariables(graph: GraphWriter, declarations: readonly VariableDeclaration[]): NodeOutput {
  const handles = declarations.map(({ name, shape }) =>
    graph.addNode(
      `new/${name}`,
      'VarHandleOp',
      [],
      {
        dtype: float32,
        shape: { kind: 'shape', value: shape },
        shared_name: { kind: 'string', value: ANONYMOUS },
        container: { kind: 'string', value: '' },
      },
      variableDevice(),
    ),
  );
  const zeroed = addAssignments(graph, handles, addZeros(graph, declarations));
  return graph.addNode('packed', 'OptionalFromValue', [...handles, ...zeroed.map(runsAfter)], {
    Toutput_types: { kind: 'types', value: declarations.map(() => DataType.resource) },
  });
}

function addZeros(graph: GraphWriter, declarations: readonly VariableDeclaration[]): NodeOutput[] {
  const zero = graph.addScalar(0);
  return declarations.map(({ shape }) => graph.addFilled(shape, zero, DataType.float32));
}

function addAssignments(graph: GraphWriter, handles: readonly NodeOutput[], values: readonly NodeOutput[]): NodeOutput[] {
  return handles.map((handle, place) =>
    graph.addNode('assigned', 'AssignVariableOp', [handle, elementAt(values, place)], { dtype: float32 }),
  );
}

function addPackedPlaceholder(graph: GraphWriter): NodeOutput {
  return graph.addPlaceholder('variables', { dtype: DataType.variant, shape: [] });
}

/** Variables lie where the kernels run; left to itself, TensorFlow would unpack the handles on the CPU. */
function variableDevice(): string | undefined {
  return nativeBinding().isUsingGpuDevice() ? '/device:GPU:0' : undefined;
}
