import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { formatNpz } from '../src/data/npz';
import { round, type Figures } from './figures';
import type { BenchFlags } from './flags';
import { writeModel } from './predict';

const WIDTH = 156;
const CLIENTS = 50;
const REQUESTS_A_SECOND = 20;

/** Starts an app in a process of its own, and asks it to recognise clips: fifty at once, then twenty a second whether or not those before are answered. */
export async function benchApp(flags: BenchFlags): Promise<Figures> {
  const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-bench-'));
  const model = path.join(folder, 'model.pt');
  writeModel(model, flags);
  const script = path.resolve(__dirname, '../scripts/run.js');
  await timeOf([script, 'app', '--help']); // What is compiled once is kept, as it is of any command before.
  const [node, commandLine] = [await timeOf(['-e', '']), await timeOf([script, 'app', '--help'])];
  const start = performance.now();
  const child = spawn(process.execPath, ['--conditions=kumpas-source', script, 'app', model, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [printed] = (await once(child.stdout, 'data')) as [Buffer];
    const address = performance.now() - start;
    const ask = asking(`${printed.toString().trim()}api/predict`, flags.frames);
    for (const together of [1, 2, 4, 4]) await Promise.all(Array.from({ length: together }, ask)); // Each size of a batch has a graph of its own.
    const atOnce = await Promise.all(Array.from({ length: CLIENTS }, ask));
    const paced: Promise<Outcome>[] = [];
    for (let sent = 0; sent < (flags.runs ?? 200); sent++) {
      paced.push(ask());
      await wait(1000 / REQUESTS_A_SECOND);
    }
    return {
      start: {
        node_ms: round(node),
        command_line_ms: round(commandLine - node),
        server_tensorflow_and_model_ms: round(address - commandLine),
        until_address_ms: round(address),
      },
      clients_at_once: { clients: CLIENTS, ...latencies(atOnce) },
      paced: { requests_a_second: REQUESTS_A_SECOND, requests: paced.length, ...latencies(await Promise.all(paced)) },
      setting: { frames: flags.frames, layers: flags.layers, heads: flags.heads, emb: flags.emb },
    };
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGINT');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Milliseconds that a process takes from its start to its end. */
async function timeOf(argv: readonly string[]): Promise<number> {
  const start = performance.now();
  await once(spawn(process.execPath, ['--conditions=kumpas-source', ...argv], { stdio: 'ignore' }), 'exit');
  return performance.now() - start;
}

/** What came of a request. */
interface Outcome {
  readonly milliseconds: number;
  readonly isAnswered: boolean;
}

function asking(address: string, frames: number): () => Promise<Outcome> {
  const values = Float32Array.from({ length: frames * WIDTH }, (_, place) => (place * 0.6180339887) % 1);
  const clip = formatNpz({ X: { dtype: 'float32', shape: [frames, WIDTH], values } });
  return async () => {
    const body = new FormData();
    body.append('file', new File([new Uint8Array(clip)], 'clip.npz'));
    const start = performance.now();
    const response = await fetch(address, { method: 'POST', body }).catch(() => undefined);
    await response?.arrayBuffer();
    return { milliseconds: performance.now() - start, isAnswered: response?.ok === true };
  };
}

function latencies(outcomes: readonly Outcome[]): Figures {
  const sorted = outcomes.map(({ milliseconds }) => milliseconds).sort((one, other) => one - other);
  const at = (share: number): number => round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN);
  return { errors: outcomes.filter(({ isAnswered }) => !isAnswered).length, median_ms: at(0.5), p95_ms: at(0.95), max_ms: at(1) };
}
