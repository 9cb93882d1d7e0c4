import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { resolveSettings } from '../src/config/resolve';
import { startRuntime } from '../src/engine/runtime';
import { ownModels } from '../src/models/model-table';
import { prepareRun } from '../src/training/prepare-run';
import { closeRun, type TrainingRun } from '../src/training/run';
import { round, timeFigures, type Figures } from './figures';
import type { BenchFlags } from './flags';

/**
 * How long a training of the usual transformer waits for a state that is saved within an epoch: while the state is taken hold of, for the longest slice of the work in the
 * background, and for what the next update takes longer, whose weights go into new memory; and for a state that it waits to be written.
 */
export async function benchSave({ runs = 15, layers, heads, emb, ema }: BenchFlags): Promise<Figures> {
  const runtime = await startRuntime();
  const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-bench-'));
  const size = { emb_dim: String(emb), num_heads: String(heads), num_layers: String(layers), ff_dim: String(4 * emb) };
  const typed = { save_dir: folder, model: 'transformer', ...size, ema: String(ema), batch_size: '1' }; // Of a short step is seen what it takes longer.
  const { settings } = resolveSettings({ commandLine: typed }, ownModels);
  const versions = { kumpas: 'bench', node: process.versions.node, tensorflow: runtime.tensorflowVersion };
  const machine = { versions, device: runtime.device, gitCommit: undefined };
  const run = await prepareRun(settings, undefined, { report: () => undefined, now: () => new Date(), machine });
  try {
    const step = await smallStep(run);
    await step(); // Optimizers remember nothing before the first.
    const times: Waits[] = [];
    for (let count = 0; count <= runs; count++) {
      const waits = await waitsOf(run, step);
      if (count > 0) times.push(waits);
    }
    const figuresOf = (timeOfOne: (waits: Waits) => Time): Figures => ({
      clock: timeFigures(times.map((waits) => timeOfOne(waits).clock)),
      thread: timeFigures(times.map((waits) => timeOfOne(waits).thread)),
    });
    const { last } = run.folder.files;
    return {
      taking_hold: figuresOf(({ takingHold }) => takingHold),
      longest_slice: figuresOf(({ longestSlice }) => longestSlice),
      small_step: figuresOf(({ step }) => step),
      small_step_after: figuresOf(({ stepAfter }) => stepAfter),
      in_the_background: figuresOf(({ background }) => background),
      until_written: figuresOf(({ untilWritten }) => untilWritten),
      setting: { ...size, ema, megabytes: round(statSync(last).size / 1e6) },
      machine: { device: runtime.device, node: process.versions.node },
    };
  } finally {
    await closeRun(run);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Milliseconds on the clock, and of this thread's processor time, which other programs of a busy machine do not lengthen. */
interface Time {
  readonly clock: number;
  readonly thread: number;
}

interface Waits {
  readonly takingHold: Time;
  /** Of the work in the background. */
  readonly longestSlice: Time;
  readonly step: Time;
  readonly stepAfter: Time;
  readonly background: Time;
  readonly untilWritten: Time;
}

/** A step of one clip. */
async function smallStep({ data, learner }: TrainingRun): Promise<() => Promise<void>> {
  const batches = data.train.batches.epoch(data.train.plan(1).slice(0, 1));
  for await (const batch of batches)
    return async () => {
      await learner.step(batch, { gradientScale: 1, apply: true });
    };
  throw new Error('an epoch without batches');
}

async function waitsOf({ folder, learner }: TrainingRun, step: () => Promise<void>): Promise<Waits> {
  const timeOfStep = await timeOf(step);
  const takingHold = await timeOf(() => folder.saveLastMeanwhile(learner));
  const stepAfter = await timeOf(step);
  const written = { yet: false };
  const settled = folder.settled().then(() => {
    written.yet = true;
  });
  const slices: Time[] = [];
  const background = await timeOf(async () => {
    while (!written.yet) slices.push(await timeOf(() => setImmediate()));
  });
  await settled;
  const untilWritten = await timeOf(() => {
    folder.saveLast(learner);
  });
  const longestSlice = slices.reduce((longest, slice) => (slice.thread > longest.thread ? slice : longest));
  return { takingHold, longestSlice, step: timeOfStep, stepAfter, background, untilWritten };
}

async function timeOf(action: () => unknown): Promise<Time> {
  const [clock, thread] = [performance.now(), threadTime()];
  await action();
  return { clock: performance.now() - clock, thread: threadTime() - thread };
}

/** Processor time of the main thread in milliseconds, which Linux tells; elsewhere the clock's. */
function threadTime(): number {
  if (!existsSync(THREAD_TIME)) return performance.now();
  return Number(readFileSync(THREAD_TIME, 'utf8').split(' ', 1)[0]) / 1e6;
}

const THREAD_TIME = '/proc/self/schedstat';
