import { elementAt, required } from '../../foundation/required';
import { lastOf } from '../../foundation/slices';
import { nativeBinding } from '../native-backend';
import { type Held, type ParameterValues, sizeOfShape } from '../parameters';
import { GraphWriter, type NodeOutput, runsAfter } from './graph-writer';
import { DataType } from './recording';
import { downloadTensor, type Feed, freeTensors, type PreparedRun, type Session, type SessionTensor, uploadTensor } from './session';

export interface VariableDeclaration {
  readonly name: string;
  readonly shape: readonly number[];
}

const float32 = { kind: 'type', value: DataType.float32 } as const;

/** TensorFlow's name for a variable that no session keeps: it lives as long as somebody holds its handle (ResourceHandle::ANONYMOUS_NAME). */
const ANONYMOUS = 'cd2c89b7-88b7-44c8-ad83-06c2a9158347';

/** Where variables of a server's cluster live: with the process that runs the program. */
const HOME = '/job:worker/task:0';

/** Sets of variables that this process has made: one on a server has a name that no other has. */
let count = 0;

/**
 * Float32 variables that all graphs of a session read and update, zero at first. Only the graph that made them can assign to them.
 *
 * On a server, TensorFlow's sessions share variables by name. Within a process none sees another's: there the variables have no name and belong to no session; the graph that makes
 * them packs their handles into one tensor (an Optional), and that is fed to whichever graph uses them. In neither case is a value copied.
 */
export class SharedVariables {
  private readonly scope: string | undefined;
  /** The handles in one tensor, where the variables have no names. */
  private readonly packed: SessionTensor | undefined;
  private readonly runs: Record<'read' | 'write' | 'clear' | 'destroy', PreparedRun>;

  /** @param declarations at least one. */
  constructor(
    readonly session: Session,
    readonly declarations: readonly VariableDeclaration[],
  ) {
    this.scope = session.target === '' ? undefined : `variables${count++}`;
    const graph = new GraphWriter();
    const made = this.scope === undefined ? addPackedVariables(graph, declarations) : undefined;
    const { nodes, placeholder } = this.nodesIn(graph);
    const handles = declarations.map(({ name }) => nodes.handleOf(name));
    const reads = declarations.map(({ name }) => nodes.addRead(name));
    const values = declarations.map(({ name, shape }) => graph.addPlaceholder(`values/${name}`, { dtype: DataType.float32, shape }));
    // Copied, so that no variable lives in the memory of a JavaScript array.
    const copies = values.map((value) => graph.addNode('copies', 'DeepCopy', [value], { T: float32 }));
    const written = graph.addSignal('written', addAssignments(graph, handles, copies));
    const cleared = graph.addSignal('cleared', addAssignments(graph, handles, addZeros(graph, declarations)));
    const ends = handles.map((handle) => graph.addNode('end', 'DestroyResourceOp', [handle], {}));
    const destroyed = graph.addSignal('destroyed', ends);
    const loaded = session.add(graph.toBytes(), this.scope === undefined ? [] : [HOME]);
    this.packed = made === undefined ? undefined : elementAt(loaded.prepare([], [made]).run([]), 0);
    const feeds = this.feedsOf(placeholder);
    this.runs = {
      read: loaded.prepare([], reads, feeds),
      write: loaded.prepare(values, [written], feeds),
      clear: loaded.prepare([], [cleared], feeds),
      destroy: loaded.prepare([], [destroyed], feeds),
    };
    if (made === undefined) this.clear();
  }

  /** Gives a graph of the session access to the variables: its nodes for them, and what to feed it at each run. */
  addTo(graph: GraphWriter): { nodes: VariableNodes; feeds: readonly Feed[] } {
    const { nodes, placeholder } = this.nodesIn(graph);
    return { nodes, feeds: this.feedsOf(placeholder) };
  }

  private nodesIn(graph: GraphWriter): { nodes: VariableNodes; placeholder: NodeOutput | undefined } {
    const { scope, declarations } = this;
    if (scope !== undefined)
      return {
        nodes: new VariableNodes(graph, declarations, (variable) => addVariable(graph, variable, `${scope}/${variable.name}`)),
        placeholder: undefined,
      };
    const placeholder = graph.addPlaceholder('variables', { dtype: DataType.variant, shape: [] });
    return { nodes: new VariableNodes(graph, declarations, unpackedHandles(graph, declarations, placeholder)), placeholder };
  }

  private feedsOf(placeholder: NodeOutput | undefined): Feed[] {
    return placeholder === undefined ? [] : [{ target: placeholder, tensor: required(this.packed, 'the handles of the variables') }];
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
    return new HeldValues(this.declarations, this.runs.read.run([]));
  }

  /** Sets all variables; those without values become zero. @throws Error where a size differs. */
  write(values: ParameterValues): void {
    const arrays = this.declarations.map(({ name, shape }) => {
      const size = sizeOfShape(shape);
      const given = values.get(name) ?? new Float32Array(size);
      if (given.length !== size) throw new Error(`${name}: expected ${size} values (${shape.join(' × ')}), found ${given.length}`);
      return { shape, values: given };
    });
    const tensors: SessionTensor[] = [];
    try {
      for (const array of arrays) tensors.push(uploadTensor(array));
      freeTensors(this.runs.write.run(tensors));
    } finally {
      freeTensors(tensors);
    }
  }

  /** Sets all variables to zero. */
  clear(): void {
    freeTensors(this.runs.clear.run([]));
  }

  /** Lets go of the variables: they end when no run uses them any more. */
  dispose(): void {
    if (this.packed !== undefined) {
      freeTensors([this.packed]);
      return;
    }
    try {
      freeTensors(this.runs.destroy.run([]));
    } catch {
      // A server that is not there any more has no variables either.
    }
  }
}

/** Values of variables on TensorFlow's side, of the moment when they were read. */
class HeldValues implements Held<ParameterValues> {
  private readonly left: (readonly [name: string, tensor: SessionTensor])[];

  constructor(declarations: readonly VariableDeclaration[], tensors: readonly SessionTensor[]) {
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
    handleOf: (variable: VariableDeclaration, place: number) => NodeOutput,
  ) {
    this.handles = new Map(
      declarations.map((variable, place) => [variable.name, { handle: handleOf(variable, place), shape: variable.shape }]),
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
    return required(this.handles.get(name), `a variable named ${name}`);
  }
}

function addVariable(graph: GraphWriter, { name, shape }: VariableDeclaration, sharedName: string): NodeOutput {
  const attributes = {
    dtype: float32,
    shape: { kind: 'shape', value: shape },
    shared_name: { kind: 'string', value: sharedName },
    container: { kind: 'string', value: '' },
  } as const;
  return graph.addNode(`variable/${name}`, 'VarHandleOp', [], attributes, variableDevice());
}

/** Writes the making of variables without a name, zero at first. The node gives all their handles in one tensor. */
function addPackedVariables(graph: GraphWriter, declarations: readonly VariableDeclaration[]): NodeOutput {
  const handles = declarations.map((variable) => addVariable(graph, variable, ANONYMOUS));
  const zeroed = addAssignments(graph, handles, addZeros(graph, declarations));
  return graph.addNode('packed', 'OptionalFromValue', [...handles, ...zeroed.map(runsAfter)], {
    Toutput_types: { kind: 'types', value: declarations.map(() => DataType.resource) },
  });
}

/** Writes the unpacking of such a tensor. */
function unpackedHandles(
  graph: GraphWriter,
  declarations: readonly VariableDeclaration[],
  packed: NodeOutput,
): (variable: VariableDeclaration, place: number) => NodeOutput {
  const attributes = {
    output_types: { kind: 'types', value: declarations.map(() => DataType.resource) },
    output_shapes: { kind: 'shapes', value: declarations.map(() => []) },
  } as const;
  const unpacked = graph.addNode('handles', 'OptionalGetValue', [packed], attributes, variableDevice());
  return (_, place) => (place === 0 ? unpacked : `${unpacked}:${place}`);
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

/** Variables lie where the kernels run; left to itself, TensorFlow would unpack the handles on the CPU. */
function variableDevice(): string | undefined {
  return nativeBinding().isUsingGpuDevice() ? '/device:GPU:0' : undefined;
}
