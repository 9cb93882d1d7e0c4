import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { tensorOf } from '../src/checkpoint/tensor';
import { writeTorchFile } from '../src/checkpoint/torch-file';
import { PythonOrderedDict } from '../src/checkpoint/python-values';
import { UserError } from '../src/foundation/errors';
import { RandomStream } from '../src/foundation/random';
import { median, round, timeFigures, type Figures } from './figures';
import type { BenchFlags } from './flags';

/** What a process that did one thing says of itself. */
interface Sample {
  readonly ms: number;
  readonly peak_mb: number;
}

/** Reads a checkpoint, in turn with PyTorch where a Python is named, each time in a process that does nothing else. */
export function benchCheckpoint({ file, runs = 7, pytorch }: BenchFlags): Figures {
  const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-bench-'));
  try {
    const read = file ?? writeLargeCheckpoint(path.join(folder, 'large.pt'));
    const samples = { load: [] as Sample[], inspect: [] as Sample[], pytorch: [] as Sample[] };
    for (let run = 0; run < runs; run++) {
      samples.load.push(ownSample('load', read));
      samples.inspect.push(ownSample('inspect', read));
      if (pytorch !== undefined) samples.pytorch.push(sampleOf(pytorch, [path.join(__dirname, 'pytorch_load.py'), read]));
    }
    const load = figuresOf(samples.load);
    const theirs = samples.pytorch.length === 0 ? undefined : figuresOf(samples.pytorch);
    return {
      load,
      inspect: figuresOf(samples.inspect),
      ...(theirs === undefined ? {} : { pytorch: theirs, memory_ratio: round(load.peak_rss_mb / theirs.peak_rss_mb, 2) }),
      setting: { file: file ?? 'made up', megabytes: round(statSync(read).size / 1e6) },
      machine: { node: process.versions.node },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function figuresOf(samples: readonly Sample[]): { median_ms: number; min_ms: number; runs: number; peak_rss_mb: number } {
  return { ...timeFigures(samples.map(({ ms }) => ms)), peak_rss_mb: round(median(samples.map(({ peak_mb }) => peak_mb))) };
}

function ownSample(what: 'load' | 'inspect', file: string): Sample {
  return sampleOf(process.execPath, ['--import', 'tsx', path.join(__dirname, 'checkpoint-process.ts'), what, file]);
}

/** Runs a program that prints `{"ms", "peak_mb"}`. */
function sampleOf(program: string, args: readonly string[]): Sample {
  const { stdout, stderr, status } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new UserError(`${program}: it ended without an answer: ${stderr.trim().split('\n').at(-1) ?? ''}`);
  return JSON.parse(stdout) as Sample;
}

/** A file like that of a whole InceptionV3-GRU: 590 tensors, 101 MB. */
function writeLargeCheckpoint(file: string): string {
  const random = new RandomStream(5);
  const model = new PythonOrderedDict();
  const size = 25_250_000 / 589;
  const values = Float32Array.from({ length: Math.ceil(size) }, () => random.uniform(-1, 1));
  for (let place = 0; place < 589; place++) model.set(`layer.${place}.weight`, tensorOf('float32', [values.length], values));
  model.set('num_batches_tracked', tensorOf('int64', [], BigInt64Array.of(1n)));
  writeTorchFile(file, new Map([['model', model]]));
  return file;
}
