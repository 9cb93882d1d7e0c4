import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readClip } from '../src/data/clip';
import { writeClipFile } from '../src/data/clip-file';
import { mapConcurrently } from '../src/data/file-reading';
import { packSet } from '../src/data/pack/pack-set';
import { RandomStream } from '../src/foundation/random';
import { median, round, timed, timeFigures, type Figures } from './figures';
import type { BenchFlags } from './flags';

const CLIPS = 3000;
/** As the thread that assembles batches reads. */
const AT_ONCE = 8;

/** Times reading every clip of a set once, in random order: from its `.npz` files and from the pack that is made of them, in turns. */
export async function benchPack({ frames, runs = 5 }: BenchFlags): Promise<Figures> {
  const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-bench-'));
  try {
    const data = path.join(folder, 'clips');
    writeSet(data, frames);
    const out = path.join(folder, 'clips.kumpas.safetensors');
    const packing = await timed(() => packSet({ data, out }));
    const random = new RandomStream(1);
    const readAll = async (set: string): Promise<void> => {
      const order = Array.from(random.permutation(CLIPS), nameOf);
      await mapConcurrently(order, AT_ONCE, (name) => readClip(path.join(set, 'keypoints_train', name), { key: 'X', width: 156 }));
    };
    const times = { files: [] as number[], pack: [] as number[] };
    for (const set of [data, out]) await readAll(set);
    for (let run = 0; run < runs; run++) {
      times.files.push(await timed(() => readAll(data)));
      times.pack.push(await timed(() => readAll(out)));
    }
    return {
      from_files: { ...timeFigures(times.files), clips_per_second: Math.round((1000 * CLIPS) / median(times.files)) },
      from_pack: { ...timeFigures(times.pack), clips_per_second: Math.round((1000 * CLIPS) / median(times.pack)) },
      times_as_fast: round(median(times.files) / median(times.pack)),
      packing_ms: Math.round(packing),
      pack_bytes: statSync(out).size,
      setting: { clips: CLIPS, frames, reads_at_once: AT_ONCE },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function nameOf(index: number): string {
  return `clip_${index}.npz`;
}

function writeSet(folder: string, frames: number): void {
  mkdirSync(folder, { recursive: true });
  const random = new RandomStream(7);
  const lines = ['file,gloss,cat'];
  for (let index = 0; index < CLIPS; index++) {
    const values = Float32Array.from({ length: frames * 156 }, () => random.uniform());
    const timestampsMs = Array.from({ length: frames }, (_, frame) => 33 * frame);
    writeClipFile(path.join(folder, 'keypoints_train', nameOf(index)), { frames, values, timestampsMs, meta: { made: 'at random' } });
    lines.push(`${nameOf(index)},${index % 10},0`);
  }
  writeFileSync(path.join(folder, 'train_labels.csv'), `${lines.join('\n')}\n`);
}
