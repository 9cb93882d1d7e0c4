import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { writeRandomClips } from './epoch';
import { round, type Figures } from './figures';
import type { BenchFlags } from './flags';

const PROCESSES = [1, 2, 4];
const ROOT = path.resolve(__dirname, '..');

/** A training over 1, 2 and 4 processes of this machine, which share its cores: the step, and the bytes that cross the loopback interface. */
export async function benchParallel({ batch, frames, layers, heads, emb, runs = 2 }: BenchFlags): Promise<Figures> {
  const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-bench-'));
  try {
    writeRandomClips(folder, frames);
    const figures: Record<string, unknown> = {};
    for (const count of PROCESSES)
      figures[`processes_${count}`] = await trainOver(count, folder, { batch, layers, heads, emb, epochs: runs + 1 });
    return { ...figures, setting: { batch, frames, layers, heads, emb, epochs: runs }, machine: { cores: availableParallelism() } };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One training; its first epoch, in which graphs are recorded, does not count. */
async function trainOver(
  count: number,
  data: string,
  { batch, layers, heads, emb, epochs }: { batch: number; layers: number; heads: number; emb: number; epochs: number },
): Promise<Figures> {
  const models = path.join(data, `models_${count}`);
  const addresses = await Promise.all(Array.from({ length: count }, freeAddress));
  const size = ['--batch-size', batch, '--num-layers', layers, '--num-heads', heads, '--emb-dim', emb, '--epochs', epochs].map(String);
  const flags = ['--data', data, '--model', 'transformer', '--save-dir', models, '--early-stop', 'none', ...size];
  const threads = String(Math.max(1, Math.floor(availableParallelism() / count)));
  const processes = addresses.map((_, rank) => {
    const cluster = count === 1 ? [] : ['--workers', addresses.join(','), '--rank', String(rank)];
    return start(['train', ...flags, ...cluster], threads);
  });
  try {
    const ended = Promise.all(processes.map(async (child) => ((await once(child, 'exit')) as [number | null])[0]));
    const before = await linesOf(models, 1, ended);
    const bytesBefore = loopbackBytes();
    const after = await linesOf(models, epochs, ended);
    const bytes = loopbackBytes() - bytesBefore;
    const counted = after.slice(before.length);
    const updates = counted.reduce((sum, { updates: ofEpoch }) => sum + ofEpoch, 0);
    const seconds = counted.reduce((sum, { train_seconds: ofEpoch }) => sum + ofEpoch, 0);
    return {
      step_ms: round((1000 * seconds) / updates),
      megabytes_a_step: round(bytes / updates / 1e6, 2),
      updates,
      threads_each: Number(threads),
    };
  } finally {
    for (const child of processes) child.kill('SIGKILL');
  }
}

function start(words: readonly string[], threads: string): ChildProcess {
  const environment = { ...process.env, TF_NUM_INTRAOP_THREADS: threads, TF_NUM_INTEROP_THREADS: threads };
  return spawn(process.execPath, ['--conditions=kumpas-source', '--import', 'tsx', path.join(ROOT, 'src/cli/main.ts'), ...words], {
    cwd: ROOT,
    env: environment,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

interface EpochLine {
  readonly updates: number;
  readonly train_seconds: number;
}

/** The epochs of a training, once there are so many. @throws Error where it ended before. */
async function linesOf(models: string, wanted: number, ended: Promise<unknown>): Promise<EpochLine[]> {
  const state = { over: false };
  void ended.then(() => (state.over = true));
  for (;;) {
    const isOver = state.over;
    const lines = metricsIn(models);
    if (lines.length >= wanted) return lines;
    if (isOver) throw new Error(`a training ended after ${lines.length} of ${wanted} epochs`);
    await setTimeout(20);
  }
}

function metricsIn(models: string): EpochLine[] {
  const names = existsSync(models) ? readdirSync(models, { recursive: true, encoding: 'utf8' }) : [];
  const file = names.find((name) => path.basename(name) === 'metrics.jsonl');
  if (file === undefined) return [];
  const lines = readFileSync(path.join(models, file), 'utf8').split('\n');
  return lines.filter((line) => line.includes('"train_seconds"')).map((line) => JSON.parse(line) as EpochLine);
}

async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return `127.0.0.1:${port}`;
}

/** Bytes that the loopback interface has received, which Linux tells; what else uses it meanwhile counts too. */
function loopbackBytes(): number {
  if (!existsSync('/proc/net/dev')) return NaN;
  return Number(/^\s*lo:\s*(\d+)/m.exec(readFileSync('/proc/net/dev', 'utf8'))?.[1]);
}
