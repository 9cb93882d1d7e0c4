import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { writeTextAtomically } from '../foundation/atomic-file';
import { cacheFolder } from '../foundation/caches';
import { version } from '../foundation/installation';
import { elementAt, required } from '../foundation/required';
import { createProgram } from './create-program';
import { processor } from './hardware';
import { linearProduct } from './linear-and-norm';
import { constantValue, sizeOfShape, tensorNamed } from './parameters';
import {
  choosePrecision,
  isWorthCasting,
  productKinds,
  type AskedPrecision,
  type Bfloat16Gains,
  type ChosenPrecision,
  type PrecisionCircumstances,
  type ProductKind,
} from './precision';
import type { Program, ProgramDefinition } from './program';
import { startRuntime } from './runtime';
import { hasNativeKernels, tf } from './tensorflow';

/** Where what this machine gains is known from. */
export interface GainSources {
  /** Kumpas's cache folder, in which it is kept; the user's where undefined. */
  readonly cacheFolder?: string | undefined;
  /** What is taken in place of any measurement. */
  readonly bfloat16Gains?: (() => Bfloat16Gains) | undefined;
}

/** {@link choosePrecision} on this machine, whose runtime is started for it. */
export async function precisionHere(
  asked: AskedPrecision,
  circumstances: PrecisionCircumstances,
  { cacheFolder: cache, bfloat16Gains }: GainSources = {},
): Promise<ChosenPrecision> {
  const runtime = await startRuntime();
  const captured = circumstances.captured && hasNativeKernels();
  return choosePrecision(
    asked,
    { ...circumstances, captured },
    bfloat16Gains ?? (() => gainsOf(machineOf(runtime), cache ?? usersCache())),
  );
}

/** What a measurement holds for: it is taken again where any of it is another. */
export interface MeasuredMachine {
  readonly processor: string;
  readonly instructionSets: string;
  /** The GPU's name where one computes. */
  readonly device: string;
  readonly threads: number;
  readonly tensorflow: string;
  readonly kumpas: string;
}

function machineOf({ device, threads, tensorflowVersion }: Awaited<ReturnType<typeof startRuntime>>): MeasuredMachine {
  const { model, instructionSets } = processor();
  return { processor: model, instructionSets: instructionSets.join(' '), device, threads, tensorflow: tensorflowVersion, kumpas: version };
}

/** What was measured or read in this process. */
const known = new Map<string, Bfloat16Gains>();

/**
 * What a machine gains, from the cache, or measured now and kept there. A cache that cannot be read or written, or holds something else, is no fault: then it is
 * measured once a process.
 */
function gainsOf(machine: MeasuredMachine, cache: string | undefined): Bfloat16Gains {
  const key = JSON.stringify(machine);
  const gains =
    known.get(key) ??
    gainsKeptIn(cache === undefined || cache === '' ? undefined : path.join(cache, 'low-precision'), machine, measureBfloat16Gains);
  known.set(key, gains);
  return gains;
}

/** Undefined where the user has no home. */
function usersCache(): string | undefined {
  try {
    return cacheFolder({});
  } catch {
    return undefined;
  }
}

/** Whether more is at work than the processor can do at once: what is measured then may be wrong. */
function isMachineBusy(): boolean {
  return elementAt(loadavg(), 0) > availableParallelism();
}

/** The gains that a folder keeps for a machine; those that are measured, and kept there if that can be done and the machine is not busy, where it has none. */
export function gainsKeptIn(
  folder: string | undefined,
  machine: MeasuredMachine,
  measure: () => Bfloat16Gains,
  isBusy: () => boolean = isMachineBusy,
): Bfloat16Gains {
  const hash = createHash('sha256').update(JSON.stringify(machine)).digest('hex').slice(0, 16);
  const file = folder === undefined ? undefined : path.join(folder, `${hash}.json`);
  const kept = file === undefined ? undefined : readGains(file, machine);
  if (kept !== undefined) return kept;
  const gains = measure();
  try {
    if (file !== undefined && !isBusy()) writeTextAtomically(file, `${JSON.stringify({ machine, gains }, null, 2)}\n`);
  } catch {
    // A cache that cannot be written: the next process measures again.
  }
  return gains;
}

function readGains(file: string, machine: MeasuredMachine): Bfloat16Gains | undefined {
  try {
    const read = JSON.parse(readFileSync(file, 'utf8')) as { readonly machine?: unknown; readonly gains?: Partial<Bfloat16Gains> };
    if (JSON.stringify(read.machine) !== JSON.stringify(machine)) return undefined;
    const gains = productKinds.map((kind) => [kind, Number(read.gains?.[kind])] as const);
    return gains.every(([, gain]) => Number.isFinite(gain) && gain > 0) ? (Object.fromEntries(gains) as Bfloat16Gains) : undefined;
  } catch {
    return undefined;
  }
}

/** What is measured: a computation of `x` and of some weights. */
interface MeasuredProducts {
  readonly x: readonly number[];
  readonly weights: Readonly<Record<string, readonly number[]>>;
  readonly compute: (x: tf.Tensor, weight: (name: string) => tf.Tensor) => tf.Tensor;
}

/** Of each kind, products as a model of 256 numbers a frame makes them, forward. */
const MEASURED: Readonly<Record<ProductKind, MeasuredProducts>> = {
  // 16 clips of 32 frames through the two linear layers behind attention.
  large: {
    x: [512, 256],
    weights: { wide: [1024, 256], wideBias: [1024], narrow: [256, 1024], narrowBias: [256] },
    compute: (x, weight) =>
      linearProduct(tf.relu(linearProduct(x, weight('wide'), weight('wideBias'))), weight('narrow'), weight('narrowBias')),
  },
  // Sixteen layers behind each other, for 32 clips.
  small: {
    x: [32, 256],
    weights: { weight: [256, 256], bias: [256] },
    compute: (x, weight) => {
      const layer = (given: tf.Tensor): tf.Tensor => tf.relu(linearProduct(given, weight('weight'), weight('bias')));
      return Array.from({ length: 16 }, () => layer).reduce((value, next) => next(value), x);
    },
  },
  // Attention of 8 clips of 64 frames, 8 heads of 32 numbers.
  batched: {
    x: [64, 64, 32],
    weights: { keys: [64, 64, 32] },
    compute: (x, weight) => tf.matMul(tf.softmax(tf.matMul(x, weight('keys'), false, true)), weight('keys')),
  },
};

/** Numbers between -0.5 and 0.5. */
const someNumbers = (size: number): Float32Array => Float32Array.from({ length: size }, (_, place) => ((place * 7919) % 101) / 101 - 0.5);

/** Runs of each type that count, at least and at most, and the milliseconds after which a kind of product is measured no further. */
const [LEAST_RUNS, MOST_RUNS, BUDGET_MS] = [5, 12, 150] as const;

/** Measures this machine, in half a second. What wins must win twice. */
export function measureBfloat16Gains(): Bfloat16Gains {
  const confirmed = (kind: ProductKind): number => {
    const gain = gainOf(kind);
    return isWorthCasting(gain) ? Math.min(gain, gainOf(kind)) : gain;
  };
  return Object.fromEntries(productKinds.map((kind) => [kind, confirmed(kind)])) as Bfloat16Gains;
}

/** Both types in turns, after a first run of each, which also loads its graph. */
function gainOf(kind: ProductKind): number {
  const { x: shape, weights, compute } = MEASURED[kind];
  const parameters = Object.entries(weights).map(([name, of]) => ({ name, shape: of, trainable: false, initialise: constantValue(0) }));
  const values = new Map(parameters.map(({ name, shape: of }) => [name, someNumbers(sizeOfShape(of))]));
  const inputs = { x: { shape, values: someNumbers(sizeOfShape(shape)) } };
  const evaluate: ProgramDefinition['evaluate'] = (given, { x }) => ({
    sum: tf.sum(compute(required(x, 'the input x'), (name) => tensorNamed(given, name))),
  });
  const [full, low] = (['float32', 'bfloat16'] as const).map((matrixType) =>
    createProgram({ parameters, evaluate }, values, { mode: 'captured', matrixType }),
  ) as [Program, Program];
  const timed = (program: Program): number => {
    const start = performance.now();
    program.evaluate(inputs);
    return performance.now() - start;
  };
  try {
    for (const program of [full, low]) timed(program);
    const started = performance.now();
    const times: [full: number, low: number][] = [];
    while (times.length < LEAST_RUNS || (times.length < MOST_RUNS && performance.now() - started < BUDGET_MS))
      times.push([timed(full), timed(low)]);
    return gainOfTimes(times);
  } finally {
    for (const program of [full, low]) program.dispose();
  }
}

/** How many times as fast the second of each pair is: by the fastest or by the medians, whichever says less, so that a disturbance makes nothing win. */
export function gainOfTimes(times: readonly (readonly [full: number, low: number])[]): number {
  const [full, low] = [0, 1].map((side) => times.map((pair) => elementAt(pair, side)).sort((one, other) => one - other)) as [
    number[],
    number[],
  ];
  const ratioAt = (place: number): number => elementAt(full, place) / elementAt(low, place);
  return Math.min(ratioAt(0), ratioAt(Math.floor(times.length / 2)));
}
