import { createRequire } from 'node:module';
import { messageOf } from '../../foundation/errors';
import { required } from '../../foundation/required';
import type { HostArray } from '../parameters';
import { MessageWriter } from './message-writer';
import { CaptureError, DataType, type TensorType } from './recording';

/** A tensor on TensorFlow's side of a session, until it is freed. */
export interface SessionTensor extends TensorType {
  readonly handle: Handle;
}

/** What stands in JavaScript for something of the native library's. */
type Handle = object & { readonly ofNativeLibrary: unique symbol };

/** Numbers; a Uint8Array are truth values, a Uint16Array the bits of bfloat16. */
type TensorValues = Float32Array | Int32Array | Uint8Array | Uint16Array;

/** What can be fed. */
export interface TensorArray {
  readonly shape: readonly number[];
  readonly values: TensorValues;
}

/** The functions of `native/session`, compiled. */
interface SessionLibrary {
  uploadTensor(shape: readonly number[], dtype: number, values: TensorValues): SessionTensor;
  downloadTensor(tensor: Handle): TensorValues;
  freeTensor(tensor: Handle): void;
  reserveMemory(bytes: number): boolean;
  newSession(target: string, config: Uint8Array, graph: Uint8Array): Handle;
  extendSession(session: Handle, graph: Uint8Array, prefix: string): void;
  prepareRun(session: Handle, feeds: readonly string[], fetches: readonly string[]): Handle;
  run(prepared: Handle, tensors: readonly Handle[]): SessionTensor[];
  runLater(prepared: Handle, tensors: readonly Handle[]): Promise<SessionTensor[]>;
  sessionDevices(session: Handle): string[];
  cancelSession(session: Handle): void;
  closeSession(session: Handle): void;
  startServer(definition: Uint8Array, host: string): Handle;
  serverTarget(server: Handle): string;
}

let loaded: SessionLibrary | undefined;

/** Loads the library of sessions, compiled. TensorFlow must be loaded already. */
export function loadSessionLibrary(file: string): void {
  loaded = createRequire(__filename)(file) as SessionLibrary;
}

/** Lets TensorFlow's allocator have so many bytes in one piece; nothing of them is taken until tensors lie there. False where the system does not give them. */
export function reserveMemory(bytes: number): boolean {
  return library().reserveMemory(bytes);
}

function library(): SessionLibrary {
  return required(loaded, 'the library of sessions, which the runtime loads when it starts');
}

/** Where graphs are run. */
export interface SessionOptions {
  /** '' for this process; the target of a server ({@link startServer}) for all machines of its cluster. */
  readonly target?: string;
  /** Whether all graphs are parts of one that grows, in one session of TensorFlow's. */
  readonly grows?: boolean;
}

/**
 * Graphs that run at one place and share variables ({@link SharedVariables}). Each has a session of TensorFlow's own: what is added later changes nothing for those that are there, and
 * costs the same however many there are. One session with a graph that grows converts all of it anew for each run of another kind (docs/captured-step.md has the figures). On a GPU
 * that is the lesser evil: there TensorFlow compiles kernels when they first run in a session, for seconds.
 */
export class Session {
  readonly target: string;
  private readonly graphs: LoadedGraph[] = [];
  /** TensorFlow's session of a graph that grows. */
  private readonly whole: Handle | undefined;

  constructor({ target = '', grows = false }: SessionOptions = {}) {
    this.target = target;
    if (target !== '') onServers.add(this);
    this.whole = grows ? library().newSession(target, sessionConfig([]), new Uint8Array()) : undefined;
  }

  /**
   * Loads a graph.
   * @param graph the bytes of a GraphDef.
   * @param filters of the devices that it may run on (`/job:worker/task:0`): other processes of the target's cluster are not so much as asked whether they are there. All where there are none.
   * @throws CaptureError where TensorFlow refuses it, or the target cannot be reached.
   */
  add(graph: Uint8Array, filters: readonly string[] = []): LoadedGraph {
    const added =
      this.whole === undefined ? graphAlone(this.target, graph, filters) : graphAmong(this.whole, graph, `graph${this.graphs.length}`);
    this.graphs.push(added);
    return added;
  }

  /** TensorFlow's names of the devices that its graphs can run on. @throws CaptureError where the target cannot be reached. */
  devices(): string[] {
    const empty = graphAlone(this.target, new Uint8Array());
    try {
      return empty.devices();
    } finally {
      empty.dispose();
    }
  }

  /** See {@link cancelRuns}. */
  cancel(): void {
    for (const graph of this.graphs) if (graph.waitsForOthers) graph.cancel();
  }

  /** Ends all graphs, each as soon as it does not run. */
  dispose(): void {
    for (const graph of this.graphs.splice(0)) graph.dispose();
    if (this.whole !== undefined) library().closeSession(this.whole);
    onServers.delete(this);
  }
}

/** Those that compute with a server's cluster, until they are disposed of. */
const onServers = new Set<Session>();

/** Ends what runs on a server's cluster with an error, now or soon, as where another process will never do its part. What runs on this machine alone goes on. */
export function cancelRuns(target: string): void {
  for (const session of onServers) if (session.target === target) session.cancel();
}

/** A graph in a session of its own. */
function graphAlone(target: string, graph: Uint8Array, filters: readonly string[] = []): LoadedGraph {
  return accepted(() => new LoadedGraph(library().newSession(target, sessionConfig(filters), graph), { filters }));
}

/** A graph as a part of the one that a session has, its nodes under a prefix. */
function graphAmong(session: Handle, graph: Uint8Array, prefix: string): LoadedGraph {
  return accepted(() => {
    library().extendSession(session, graph, prefix);
    return new LoadedGraph(session, { prefix: `${prefix}/` });
  });
}

function accepted(load: () => LoadedGraph): LoadedGraph {
  try {
    return load();
  } catch (error) {
    throw new CaptureError(`TensorFlow refuses the recorded graph: ${messageOf(error)}`, { cause: error });
  }
}

/** A graph, and the session of TensorFlow's that runs it. */
class LoadedGraph {
  private readonly prefix: string;
  private readonly filters: readonly string[];
  /** Aborted where a run that was cancelled has not ended: it began when another process was gone already, and TensorFlow waits for that whatever it is told. */
  private readonly givenUp = new AbortController();

  /** @param options.prefix of the names of its nodes in the session. */
  constructor(
    private readonly handle: Handle,
    { prefix = '', filters = [] }: { readonly prefix?: string; readonly filters?: readonly string[] },
  ) {
    this.prefix = prefix;
    this.filters = filters;
  }

  /**
   * A run of what some nodes need, any number of times.
   * @param inputs nodes that are given a value at each run, each in its place.
   * @param feeds what is given the same value at all runs.
   */
  prepare(inputs: readonly string[], fetches: readonly string[], feeds: readonly Feed[] = []): PreparedRun {
    const named = (nodes: readonly string[]): string[] => nodes.map((node) => `${this.prefix}${node}`);
    const targets = [...feeds.map(({ target }) => target), ...inputs];
    return new PreparedRun(library().prepareRun(this.handle, named(targets), named(fetches)), feeds, this.givenUp.signal);
  }

  devices(): string[] {
    return library().sessionDevices(this.handle);
  }

  /** Whether it may run on all machines of the target's cluster. */
  get waitsForOthers(): boolean {
    return this.filters.length === 0;
  }

  cancel(): void {
    library().cancelSession(this.handle);
    setTimeout(() => {
      this.givenUp.abort();
    }, ENDS_WITHIN);
  }

  dispose(): void {
    library().closeSession(this.handle);
  }
}

/** Milliseconds that a run which was cancelled is waited for. */
const ENDS_WITHIN = 2000;

export type { LoadedGraph };

/** A tensor that goes into a graph, and where. */
export interface Feed {
  readonly target: string;
  readonly tensor: SessionTensor;
}

/** What is fed and fetched, settled once. The tensors that a run gives are the caller's to free. */
export class PreparedRun {
  constructor(
    private readonly handle: Handle,
    private readonly feeds: readonly Feed[],
    private readonly givenUp: AbortSignal,
  ) {}

  /** Runs, and waits for it. */
  run(inputs: readonly SessionTensor[]): SessionTensor[] {
    return library().run(this.handle, this.allHandles(inputs));
  }

  /** Runs on another thread, beside whatever else runs. Until it is done, nobody may change arrays that were uploaded for it. */
  async runLater(inputs: readonly SessionTensor[]): Promise<SessionTensor[]> {
    let giveUp = (): void => undefined;
    const never = new Promise<never>((_, reject) => {
      giveUp = () => {
        reject(new Error('the run was cancelled, and did not end'));
      };
      this.givenUp.addEventListener('abort', giveUp);
    });
    try {
      return await Promise.race([library().runLater(this.handle, this.allHandles(inputs)), never]);
    } finally {
      this.givenUp.removeEventListener('abort', giveUp);
    }
  }

  private allHandles(inputs: readonly SessionTensor[]): Handle[] {
    return [...this.feeds.map(({ tensor }) => tensor.handle), ...inputs.map(({ handle }) => handle)];
  }
}

/**
 * Hands values to TensorFlow: as they lie in the array's own memory where that begins at a multiple of 64 bytes, else copied. So nobody may change the array until
 * the tensor is freed and no run uses it.
 * @throws Error of an allocation that was refused ({@link OutOfMemory} knows it).
 */
export function uploadTensor({ shape, values }: TensorArray): SessionTensor {
  return library().uploadTensor(shape, dtypeOf(values), values);
}

/** Copies a tensor's values. @throws Error where it has no numbers. */
export function downloadTensor({ handle, shape }: SessionTensor): HostArray {
  return { shape, values: library().downloadTensor(handle) as Float32Array | Int32Array };
}

export function freeTensors(tensors: readonly SessionTensor[]): void {
  for (const { handle } of tensors) library().freeTensor(handle);
}

function dtypeOf(values: TensorValues): number {
  if (values instanceof Float32Array) return DataType.float32;
  if (values instanceof Int32Array) return DataType.int32;
  return values instanceof Uint8Array ? DataType.bool : DataType.bfloat16;
}

/** One of TensorFlow's servers in this process, which computes for sessions of its cluster until the process ends. */
export interface Server {
  /** The target of sessions that compute on the server's cluster. */
  readonly target: string;
}

/**
 * Starts a server. Whoever reaches it can have it compute anything: it belongs on a private network.
 * @param definition the bytes of a ServerDef (tensorflow/core/protobuf/tensorflow_server.proto).
 * @param host whose address it listens at, of all that this machine has.
 * @throws Error in TensorFlow's words, where the definition is wrong or the port is taken; where it cannot be kept from listening at other addresses.
 */
export function startServer(definition: Uint8Array, host: string): Server {
  const handle = library().startServer(definition, host);
  return { target: library().serverTarget(handle) };
}

/**
 * A serialised ConfigProto. A graph is optimised when it first runs, which for a recorded step takes longer than loading it: the passes are left out
 * that find nothing in one, on a GPU too, where they took 0.7 s. It has no loops outside a function, needs no memory moved and no images turned, and a second round repeats the first. The numbers are those of the fields in
 * tensorflow/core/protobuf/config.proto and rewriter_config.proto.
 */
function sessionConfig(filters: readonly string[]): Uint8Array {
  const OFF = 2;
  const out = new MessageWriter();
  for (const filter of filters) out.text(4, filter); // device_filters
  // graph_options { rewrite_options { …
  out.within(10, () => {
    out.within(10, () => {
      out.integer(1, OFF); // layout_optimizer
      out.integer(4, 1); // memory_optimization: NO_MEM_OPT
      out.integer(9, OFF); // loop_optimization
      out.integer(12, 1); // meta_optimizer_iterations: ONE
      out.integer(22, OFF); // implementation_selector
      out.truth(32, true); // disable_tfg_optimizer
    });
  });
  return out.bytes();
}
