import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import util from 'node:util';
import { messageOf, UserError } from '../foundation/errors';
import { loadSessionLibrary, reserveMemory } from './captured/session';
import { nvidiaDriver, nvidiaGpus, processor } from './hardware';
import { loadOwnKernels } from './native-backend';
import { besideBinding, bindingFile, keepSignalsAside, processLibrary, useLargePages } from './native-process';
import { IS_CHECKOUT, SET_UP } from './provision/locations';
import { tf } from './tensorflow';

/** What computes, once {@link startRuntime} has looked for it. */
export interface Runtime {
  /** `native`: TensorFlow's own kernels; `javascript`: tfjs's, many times slower. */
  readonly backend: 'native' | 'javascript';
  /** Of TensorFlow, or of TensorFlow.js where the native library is not used. */
  readonly tensorflowVersion: string;
  readonly usesGpu: boolean;
  /** For people: `CPU, 2 threads, AVX-512`, or the GPUs' names. */
  readonly device: string;
  /** How many threads one operation may use on the CPU. */
  readonly threads: number;
  /** Whether its results do not depend on the machine's number of cores: see {@link RuntimeOptions.deterministic}. */
  readonly deterministic: boolean;
  /** What the user should know about it, as one plain line. */
  readonly warning?: string;
}

export interface RuntimeOptions {
  /** Whether TensorFlow's own messages are let through to stderr. */
  readonly verbose?: boolean;
  /**
   * Whether sums are taken in an order that does not depend on the number of cores: an operation is divided among {@link DETERMINISTIC_THREADS} threads, however many cores
   * there are and whatever TF_NUM_INTRAOP_THREADS says, and on a GPU TensorFlow and cuDNN take their deterministic kernels.
   */
  readonly deterministic?: boolean;
  /**
   * False: on a GPU float32 products are computed in full float32, not in TensorFloat-32, by NVIDIA_TF32_OVERRIDE=0, which cuBLAS and cuDNN read (NVIDIA's documentation of both).
   */
  readonly tf32?: boolean;
  /** Whether it computes with other processes ({@link startClusterServer}): what cannot be reached then fails at once. */
  readonly inCluster?: boolean;
}

/** Threads of a deterministic runtime: TensorFlow divides a sum into as many parts as there are. More than these would hinder each other on small machines. */
const DETERMINISTIC_THREADS = 4;

/** The part of tfjs-node's backend that describes the native library. */
interface NativeBackend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: { readonly TF_Version: string };
}

/** The part of tfjs-node that makes its backend of the binding. */
interface KernelBackend {
  readonly NodeJSKernelBackend: new (binding: unknown, packageName: string) => tf.KernelBackend;
}

let started: Promise<Runtime> | undefined;
let prepare: () => Promise<void> = () => Promise.resolve();

/**
 * Says what is done before TensorFlow is started for the first time. The command line prepares the native library then, so that what computes nothing does not wait
 * for it; a program finds it prepared.
 */
export function beforeRuntimeStarts(action: () => Promise<void>): void {
  prepare = action;
}

/** Does that alone, for processes that start TensorFlow each for itself. */
export async function prepareRuntime(): Promise<void> {
  await prepare();
}

/**
 * Starts TensorFlow: the native library where it is prepared and KUMPAS_BACKEND is not `js`, else tfjs's JavaScript backend. Later calls give the
 * first one's runtime. TF_FORCE_GPU_ALLOW_GROWTH (true), TF_CPP_MIN_LOG_LEVEL (3, quiet) and TF_CPU_ALLOCATOR_USE_BFC (true) keep what the user set. The last one lets TensorFlow keep the
 * memory of large tensors for the next ones: given back to the system after each operation, as otherwise, it comes back as pages that have to be cleared, a quarter of an evaluation's time.
 * @throws UserError in an installed package whose native library has not been prepared, unless KUMPAS_BACKEND is `js`; and where it has to be deterministic and was started otherwise.
 */
export async function startRuntime({
  verbose = false,
  deterministic = false,
  tf32 = true,
  inCluster = false,
}: RuntimeOptions = {}): Promise<Runtime> {
  if (inCluster) process.env['GRPC_FAIL_FAST'] = 'true'; // Else TensorFlow waits for a process that has ended until it is there again.
  started ??= start(verbose, deterministic, tf32);
  const runtime = await started;
  if (!tf32 && runtime.usesGpu && process.env['NVIDIA_TF32_OVERRIDE'] !== '0')
    throw new UserError(
      'tf32: the GPU computes in this process already, in TensorFloat-32, and cannot change that; begin with what is to do without, or do it in another process',
    );
  if (deterministic && !runtime.deterministic)
    throw new UserError(
      `deterministic: TensorFlow computes in this process already, with ${runtime.threads} threads, and cannot change that; begin with what is deterministic, or do it in another process`,
    );
  return runtime;
}

async function start(verbose: boolean, deterministic: boolean, tf32: boolean): Promise<Runtime> {
  await prepare();
  if (process.env['KUMPAS_BACKEND'] === 'js') return startJavascript();
  const binding = bindingFile();
  if (!existsSync(binding)) {
    const missing = `TensorFlow's native library is not prepared: \`${SET_UP}\` prepares it, or says what is missing.`;
    // Commands have tried to prepare it; a program of somebody else's would only wonder why it is so slow.
    if (!IS_CHECKOUT) throw new UserError(`${missing} KUMPAS_BACKEND=js computes without it, many times slower.`);
    return startJavascript(missing);
  }
  if (deterministic) processLibrary(binding)?.finish(); // The environment must not change while TensorFlow reads it.
  process.env['TF_FORCE_GPU_ALLOW_GROWTH'] ??= 'true';
  process.env['TF_CPU_ALLOCATOR_USE_BFC'] ??= 'true';
  if (deterministic) Object.assign(process.env, deterministicEnvironment);
  if (!tf32) process.env['NVIDIA_TF32_OVERRIDE'] = '0';
  restoreRemovedUtilities();
  try {
    loadNative(binding, verbose);
  } catch (error) {
    return startJavascript(`TensorFlow's native library does not load (${messageOf(error)}): \`${SET_UP}\` prepares it anew.`);
  }
  const runtime = describeNative(tf.backend() as unknown as NativeBackend, deterministic);
  useLargePages();
  keepSignalsAside();
  if (!runtime.usesGpu) reserveTensorMemory();
  if (runtime.usesGpu || process.env['KUMPAS_KERNELS'] === 'tensorflow') return runtime;
  const fault = loadKernelsBeside(binding);
  return fault === undefined ? runtime : { ...runtime, warning: [runtime.warning, fault].filter((line) => line !== undefined).join(' ') };
}

/**
 * What TensorFlow reads of the environment when it is loaded. On a processor the number of threads within an operation is all that matters; how many operations run beside each other
 * (TF_NUM_INTEROP_THREADS) does not, and kernels of Kumpas's own always add the same parts in the same order. The other two are for GPUs: with them two
 * trainings on an H100 gave the same weights to the bit.
 */
const deterministicEnvironment = {
  TF_NUM_INTRAOP_THREADS: String(DETERMINISTIC_THREADS),
  TF_DETERMINISTIC_OPS: '1',
  TF_CUDNN_DETERMINISTIC: '1',
};

/** Bytes that TensorFlow's tensors may lie in together: as much as a training of the default model needs. For each 32 of them the allocator keeps one of its own, at once. */
const RESERVED = 2 ** 29;

/**
 * Lets TensorFlow's allocator have memory in one piece and in large pages, before it asks for any itself, in pieces that double as it needs them. Nothing is taken until tensors lie there, and more than
 * this can still be had. Not where the user limits the allocator, or has TensorFlow do without it.
 */
function reserveTensorMemory(): void {
  const { TF_CPU_BFC_MEM_LIMIT_IN_MB: limit, TF_CPU_ALLOCATOR_USE_BFC: used } = process.env;
  if (limit === undefined && used === 'true') reserveMemory(RESERVED);
}

/** The operations of Kumpas's own, where they could be compiled; without them TensorFlow's do, more slowly. Returns why they cannot be used. */
function loadKernelsBeside(binding: string): string | undefined {
  const file = besideBinding(binding, 'kernels.node');
  if (!existsSync(file)) return undefined;
  try {
    loadOwnKernels(file);
    return undefined;
  } catch (error) {
    return `Kumpas's own kernels do not load (${messageOf(error)}): \`${SET_UP}\` makes them anew; TensorFlow's own do the same, more slowly.`;
  }
}

function describeNative({ isUsingGpuDevice, binding }: NativeBackend, deterministic: boolean): Runtime {
  const { threads, description } = describeProcessor();
  const driver = nvidiaDriver();
  const runtime = { backend: 'native', tensorflowVersion: binding.TF_Version, usesGpu: isUsingGpuDevice, threads, deterministic } as const;
  if (isUsingGpuDevice) return { ...runtime, device: nvidiaGpus().join(', ') || 'NVIDIA GPU' };
  if (driver === undefined || process.env['KUMPAS_BACKEND'] === 'cpu') return { ...runtime, device: description };
  const warning = `NVIDIA driver ${driver} is here, but TensorFlow does not use the GPU: --verbose shows why, \`npm run doctor\` what is installed.`;
  return { ...runtime, device: description, warning };
}

async function startJavascript(reason?: string): Promise<Runtime> {
  await tf.setBackend('cpu');
  (tf.backend() as unknown as { firstUse: boolean }).firstUse = false; // Its first operation prints an advertisement otherwise.
  const { description } = describeProcessor();
  const runtime = { backend: 'javascript', tensorflowVersion: tf.version.tfjs, usesGpu: false, threads: 1, deterministic: true } as const;
  const device = `${description}, in JavaScript`;
  return reason === undefined
    ? { ...runtime, device }
    : { ...runtime, device, warning: `${reason} JavaScript computes many times slower.` };
}

function describeProcessor(): { threads: number; description: string } {
  const { threads: available, instructionSets } = processor();
  const chosen = Number(process.env['TF_NUM_INTRAOP_THREADS']);
  const threads = Number.isInteger(chosen) && chosen > 0 ? chosen : available;
  const widest = ['AMX', 'AVX-512', 'AVX2', 'AVX', 'SVE', 'NEON'].find((name) => instructionSets.includes(name));
  const description = ['CPU', `${threads} thread${threads === 1 ? '' : 's'}`, ...(widest === undefined ? [] : [widest])].join(', ');
  return { threads, description };
}

/**
 * Loads TensorFlow.js, the binding, and with it TensorFlow; quiet unless verbose. TF_CPP_MIN_LOG_LEVEL chooses what TensorFlow prints while it runs; what it prints while
 * it is being loaded is kept back by the switch that is compiled beside the binding (a binding compiled by other means has none).
 */
function loadNative(binding: string, verbose: boolean): void {
  const load = createRequire(__filename);
  // What the package's own index does, without what that loads beside: half of TensorFlow.js, and a search for the binding.
  const { registerBackend, setBackend } = tf; // Before the kernels, which would load all of it.
  load('@tensorflow/tfjs-node-gpu/dist/register_all_kernels');
  const { NodeJSKernelBackend } = load('@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend') as KernelBackend;
  const level = (process.env['TF_CPP_MIN_LOG_LEVEL'] ??= verbose ? '0' : '3');
  const switched = processLibrary(binding);
  switched?.finish();
  if (level !== '0') switched?.silence();
  try {
    load(binding);
  } finally {
    switched?.restore();
  }
  loadSessionLibrary(besideBinding(binding, 'session.node'));
  registerBackend('tensorflow', () => new NodeJSKernelBackend(load(binding), '@tensorflow/tfjs-node-gpu'), PREFERRED);
  void setBackend('tensorflow');
}

/**
 * Gives back the memory that TensorFlow's library took while it was loaded and made the first graphs ready, about 200 MB: whatever of it is needed again comes back by
 * itself. For processes that go on for long, before their first graph is made and once it has run. Nothing, where the library is not there.
 */
export function releaseLoadingMemory(): void {
  if (tf.getBackend() === 'tensorflow') processLibrary()?.release();
}

/** Before all backends of TensorFlow.js's own. */
const PREFERRED = 3;

/** tfjs-node calls two functions of node:util that Node 23 removed (and that warn of their removal before). */
function restoreRemovedUtilities(): void {
  Object.assign(util, { isArray: Array.isArray, isNullOrUndefined: (value: unknown) => value === null || value === undefined });
}

/** What {@link sharingDevices} looks at. */
interface VisibleDevices {
  /** The names of the GPUs that the driver lists. */
  readonly gpus: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * TensorFlow's names of the devices that can share a batch: the GPUs that CUDA_VISIBLE_DEVICES leaves, where there are several; else none.
 * Written from documentation, never run on several GPUs.
 */
export function sharingDevices(
  { usesGpu }: Pick<Runtime, 'usesGpu'>,
  { gpus, environment }: VisibleDevices = { gpus: nvidiaGpus(), environment: process.env },
): string[] {
  if (!usesGpu) return [];
  const visible = environment['CUDA_VISIBLE_DEVICES'];
  const count = visible === undefined ? gpus.length : visibleGpus(visible).length;
  return count < 2 ? [] : Array.from({ length: count }, (_, gpu) => `/device:GPU:${gpu}`);
}

/** CUDA takes the listed GPUs up to the first that there is none of. */
function visibleGpus(list: string): string[] {
  const names = list.split(',').map((name) => name.trim());
  const end = names.findIndex((name) => name === '' || name.startsWith('-'));
  return end === -1 ? names : names.slice(0, end);
}
