import { mkdtempSync, rmSync, statSync } from 'node:fs';
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

/** The longest that a training of the usual transformer waits for a state that is saved within an epoch, and for one that it waits to be written. */
export async function benchSave({ runs = 15, layers, heads, emb, ema }: BenchFlags): Promise<Figures> {
  const runtime = await startRuntime();
  const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-bench-'));
  const size = { emb_dim: String(emb), num_heads: String(heads), num_layers: String(layers), ff_dim: String(4 * emb) };
  const { settings } = resolveSettings({ commandLine: { save_dir: folder, model: 'transformer', ...size, ema: String(ema) } }, ownModels);
  const versions = { kumpas: 'bench', node: process.versions.node, tensorflow: runtime.tensorflowVersion };
  const machine = { versions, device: runtime.device, gitCommit: undefined };
  const run = await prepareRun(settings, undefined, { report: () => undefined, now: () => new Date(), machine });
  try {
    await step(run); // Optimizers remember nothing before the first.
    const [meanwhile, waiting] = [new Array<number>(), new Array<number>()];
    for (let count = 0; count <= runs; count++) {
      const [taken, written] = [
        await longestWait(run),
        timeOf(() => {
          run.folder.saveLast(run.learner);
        }),
      ];
      if (count === 0) continue;
      meanwhile.push(taken);
      waiting.push(written);
    }
    const { last } = run.folder.files;
    return {
      meanwhile: timeFigures(meanwhile),
      until_written: timeFigures(waiting),
      setting: { ...size, ema, megabytes: round(statSync(last).size / 1e6) },
      machine: { device: runtime.device, node: process.versions.node },
    };
  } finally {
    await closeRun(run);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function step({ data, learner }: TrainingRun): Promise<void> {
  for await (const batch of data.train.batches.epoch(data.train.plan(1).slice(0, 1)))
    learner.step(batch, { gradientScale: 1, apply: true });
}

/** Saves meanwhile. @returns the longest time in milliseconds that the thread was kept from its steps: while the state is taken, or a slice of it written. */
async function longestWait({ folder, learner }: TrainingRun): Promise<number> {
  let start = performance.now();
  await folder.saveLastMeanwhile(learner);
  let longest = performance.now() - start;
  const written = { yet: false };
  const settled = folder.settled().then(() => {
    written.yet = true;
  });
  while (!written.yet) {
    start = performance.now();
    await setImmediate();
    longest = Math.max(longest, performance.now() - start);
  }
  await settled;
  return longest;
}

function timeOf(action: () => void): number {
  const start = performance.now();
  action();
  return performance.now() - start;
}
