/** A process that opens a set which does not fit in memory, takes some steps on it, and prints what that took. */
import path from 'node:path';
import { resolveSettings } from '../src/config/resolve';
import { startRuntime } from '../src/engine/runtime';
import { elementAt } from '../src/foundation/required';
import { ownModels } from '../src/models/model-table';
import { prepareRun } from '../src/training/prepare-run';
import { closeRun } from '../src/training/run';
import { median, round, type Figures } from './figures';
import { peakMemoryMb } from './peak-memory';
import { BUDGET_MB, type StreamTask } from './stream';

async function stream({ folder, pack, steps: wanted, batch, layers, heads, emb }: StreamTask): Promise<Figures> {
  const runtime = await startRuntime();
  const before = residentMb();
  const size = { emb_dim: emb, num_heads: heads, num_layers: layers, ff_dim: 4 * emb, batch_size: batch, memory_budget_mb: BUDGET_MB };
  const texts = Object.fromEntries(Object.entries(size).map(([key, value]) => [key, String(value)]));
  const typed = { save_dir: path.join(folder, 'models'), model: 'transformer', data: pack, ...texts };
  const { settings } = resolveSettings({ commandLine: typed }, ownModels);
  const versions = { kumpas: 'bench', node: process.versions.node, tensorflow: runtime.tensorflowVersion };
  const start = performance.now();
  const run = await prepareRun(settings, undefined, {
    report: () => undefined,
    now: () => new Date(),
    machine: { versions, device: runtime.device, gitCommit: undefined },
    cacheFolder: path.join(folder, 'cache'),
  });
  try {
    const opening = (performance.now() - start) / 1000;
    const opened = residentMb();
    const planning = performance.now();
    const plans = run.data.train.plan(1);
    const planned = performance.now() - planning;
    const waits: number[] = [];
    const steps: number[] = [];
    const batches = run.data.train.batches.epoch(plans.slice(0, wanted + 1));
    for (;;) {
      const asked = performance.now();
      const next = await batches.next();
      if (next.done === true) break;
      const came = performance.now();
      await run.learner.step(next.value, { gradientScale: 1, apply: true });
      waits.push(came - asked);
      steps.push(performance.now() - came);
    }
    // The first waits for the thread, and records the graph.
    const [further, counted] = [waits.slice(1), steps.slice(1)];
    const sum = (times: readonly number[]): number => times.reduce((total, time) => total + time, 0);
    return {
      opening_s: round(opening),
      planning_an_epoch_ms: Math.round(planned),
      resident_mb: { tensorflow_loaded: before, opened, after_steps: residentMb(), most: Math.round(peakMemoryMb()) },
      wait_ms: { first: round(elementAt(waits, 0)), median: round(median(further), 2), most: round(Math.max(...further), 2) },
      step_ms: round(median(counted)),
      share_of_time_waited: round(sum(further) / (sum(further) + sum(counted)), 4),
      epoch_s_at_this_pace: Math.round((plans.length * (sum(further) + sum(counted))) / counted.length / 1000),
    };
  } finally {
    await closeRun(run);
  }
}

function residentMb(): number {
  return Math.round(process.memoryUsage.rss() / 1e6);
}

stream(JSON.parse(process.argv[2] ?? '') as StreamTask).then(
  (figures) => process.stdout.write(JSON.stringify(figures)),
  (error: unknown) => {
    throw error;
  },
);
