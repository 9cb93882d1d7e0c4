import { execFile } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { PACK_FORMAT, PACK_VERSION } from '../src/data/pack/pack-index';
import { PACKED_ITEM_BYTES } from '../src/data/pack/packed-clip';
import { RandomStream } from '../src/foundation/random';
import { elementAt } from '../src/foundation/required';
import { formatHeader, placeTensors } from '../src/foundation/safetensors';
import type { Figures } from './figures';
import type { BenchFlags } from './flags';

const WIDTH = 156;
/** Far less than any set that is worth the bench. */
export const BUDGET_MB = 16;

/**
 * A set of made-up clips in a pack that does not fit in memory: how long it takes to open it for the first time and again, the memory that is taken, and how long steps wait for
 * their batches while it is trained on.
 */
export async function benchStream({ clips, frames, batch, runs = 40, layers, heads, emb }: BenchFlags): Promise<Figures> {
  const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-bench-'));
  try {
    const pack = path.join(folder, 'clips.kumpas.safetensors');
    writePack(pack, clips, frames);
    const first = await inProcess({ folder, pack, steps: 1, batch, layers, heads, emb });
    const again = await inProcess({ folder, pack, steps: runs, batch, layers, heads, emb });
    return {
      first_opening_s: first['opening_s'],
      ...again,
      setting: { clips, frames, batch, layers, heads, emb, steps: runs, budget_mb: BUDGET_MB },
      machine: { node: process.versions.node },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the process that opens the set and trains on it is asked for. */
export interface StreamTask {
  readonly folder: string;
  readonly pack: string;
  readonly steps: number;
  readonly batch: number;
  readonly layers: number;
  readonly heads: number;
  readonly emb: number;
}

/** In a process of its own, whose memory is that of nothing else. */
async function inProcess(task: StreamTask): Promise<Readonly<Record<string, unknown>>> {
  const file = path.join(__dirname, 'stream-process.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, file, JSON.stringify(task)], { encoding: 'utf8' });
  return JSON.parse(stdout) as Readonly<Record<string, unknown>>;
}

/** Writes a pack of random clips at once, without files that it would be made of. */
function writePack(file: string, clips: number, frames: number): void {
  const validation = 64;
  const names = { train: clips, val: validation };
  const tables = Object.entries(names).map(([split, count]): [string, Buffer] => {
    const lines = Array.from({ length: count }, (_, index) => `${split}_${index},${index % 100},${index % 10}`);
    return [`${split}_labels.csv`, Buffer.from(['file,gloss,cat', ...lines, ''].join('\n'))];
  });
  const places = Object.entries(names).flatMap(([split, count]) =>
    Array.from({ length: count }, (_, index) => `keypoints_${split}/${split}_${index}.npz/X`),
  );
  const random = new RandomStream(3);
  const pool = Float32Array.from({ length: 64 * frames * WIDTH }, () => random.uniform());
  const tensors = [
    ...tables.map(([name, bytes]) => ({ name, type: 'U8', shape: [bytes.length] })),
    ...places.map((name) => ({ name, type: 'F32', shape: [frames, WIDTH] })),
  ];
  const placed = placeTensors([...tensors, { name: 'crc32', type: 'U32', shape: [tensors.length] }], PACKED_ITEM_BYTES);
  const header = formatHeader(placed, { format: PACK_FORMAT, version: PACK_VERSION, texts: '[]' });
  const checksums = new Uint32Array(tensors.length);
  const descriptor = openSync(file, 'wx');
  try {
    const put = (bytes: Uint8Array, place: number): void => {
      writeSync(descriptor, bytes, 0, bytes.length, header.length + elementAt(placed, place).begin);
    };
    writeSync(descriptor, header, 0, header.length, 0);
    const contents = (place: number): Uint8Array => {
      const table = tables[place];
      if (table !== undefined) return table[1];
      const begin = (place * 7919) % (pool.length - frames * WIDTH);
      const values = pool.slice(begin, begin + frames * WIDTH);
      values[0] = (place % 1e6) / 1e6;
      return new Uint8Array(values.buffer);
    };
    for (const place of tensors.keys()) {
      const bytes = contents(place);
      checksums[place] = crc32(bytes);
      put(bytes, place);
    }
    put(new Uint8Array(checksums.buffer), tensors.length);
  } finally {
    closeSync(descriptor);
  }
}
