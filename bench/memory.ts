import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setInterval } from 'node:timers/promises';
import { startRuntime } from '../src/engine/runtime';
import { UserError } from '../src/foundation/errors';
import { TRAIN_CLIPS, VALIDATION_CLIPS, writeRandomClips } from './epoch';
import { median, round, type Figures } from './figures';
import type { BenchFlags } from './flags';
import { benchModels } from './models';
import { peakMemoryOfMb } from './peak-memory';
import { pytorchArguments } from './pytorch';

const EPOCHS = 2;
/** Milliseconds between two looks at a process; the kernel keeps its peak, so that only what it reaches after the last one is missed. */
const LOOK = 20;

/**
 * The most resident memory of a training, `npm run train` as users start it, in a process of its own; and of the same epochs in PyTorch, where one is there, which holds
 * one batch of clips and no set.
 */
export async function benchMemory(flags: BenchFlags): Promise<Figures> {
  const { usesGpu } = await startRuntime();
  const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-bench-'));
  const [ours, theirs]: [number[], number[]] = [[], []];
  try {
    writeRandomClips(folder, flags.frames);
    for (let run = 0; run < (flags.runs ?? 5); run++) {
      ours.push(await peakOf(process.execPath, trainingOf(flags, folder, run)));
      if (flags.pytorch === undefined) continue;
      const work = `epoch ${EPOCHS} ${TRAIN_CLIPS} ${VALIDATION_CLIPS}\n`;
      theirs.push(await peakOf(flags.pytorch, pytorchArguments(benchModels[flags.model](flags).pytorch, usesGpu), work));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const figures = (peaks: readonly number[]): Figures => ({
    peak_rss_mb: round(median(peaks)),
    min_rss_mb: round(Math.min(...peaks)),
    runs: peaks.length,
  });
  return {
    ...figures(ours),
    ...(theirs.length === 0 ? {} : { pytorch: figures(theirs), memory_ratio: round(median(ours) / median(theirs), 2) }),
    setting: {
      epochs: EPOCHS,
      clips: TRAIN_CLIPS,
      validation_clips: VALIDATION_CLIPS,
      batch: flags.batch,
      frames: flags.frames,
      layers: flags.layers,
      emb: flags.emb,
    },
    machine: { node: process.versions.node },
  };
}

/** Node's arguments for a training of the set in a folder. */
function trainingOf(flags: BenchFlags, folder: string, run: number): string[] {
  const settings = {
    model: flags.model,
    data: folder,
    save_dir: path.join(folder, `models-${run}`),
    epochs: EPOCHS,
    batch_size: flags.batch,
    num_layers: flags.layers,
    num_heads: flags.heads,
    emb_dim: flags.emb,
  };
  const typed = Object.entries(settings).flatMap(([name, value]) => [`--${name.replaceAll('_', '-')}`, String(value)]);
  return ['--conditions=kumpas-source', path.resolve(__dirname, '../scripts/run.js'), 'train', ...typed];
}

/** Runs a program to its end; its most resident memory, in megabytes. @param input what it reads of standard input. */
async function peakOf(program: string, argv: readonly string[], input = ''): Promise<number> {
  const child = spawn(program, argv, { stdio: ['pipe', 'ignore', 'pipe'] });
  const ended = once(child, 'exit');
  let errors = '';
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
  child.stdin.end(input);
  let peak = 0;
  const { pid } = child;
  if (pid === undefined) throw new UserError(`${program}: it cannot be started`);
  for await (const started of setInterval(LOOK, pid)) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    peak = peakMemoryOfMb(started) ?? peak;
  }
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new UserError(`${program} ${argv.join(' ')} ended with ${String(code)}: ${errors.trim()}`);
  return peak;
}
