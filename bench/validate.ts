import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { validateSet } from '../src/data/checks/validate';
import { clipArrays } from '../src/data/keypoint-clip';
import { demoDataset } from '../src/data/demo/generate';
import { formatNpz } from '../src/data/npz';
import { elementAt, required } from '../src/foundation/required';
import { timed, timeFigures, type Figures } from './figures';
import type { BenchFlags } from './flags';

const CLIPS = 5000;
const WIDTH = 156;

/** Times the check of 5,000 clips, which are takes of the demo set joined until each has so many frames. */
export async function benchValidate({ frames, runs = 3 }: BenchFlags): Promise<Figures> {
  const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-bench-'));
  try {
    writeClips(folder, frames);
    const times: number[] = [];
    const computed: number[] = [];
    let findings = 0;
    for (let run = 0; run < runs; run++) {
      const before = process.cpuUsage();
      times.push(await timed(async () => (findings = (await validateSet({ data: folder })).findings.length)));
      const { user, system } = process.cpuUsage(before);
      computed.push((user + system) / 1000);
    }
    return {
      validate_5000_clips: timeFigures(times),
      processor_time_of_all_threads: timeFigures(computed),
      peak_memory_mb: Math.round(process.resourceUsage().maxRSS / 1024),
      findings,
      setting: { frames },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeClips(folder: string, frames: number): void {
  const demo = required(demoDataset({ seed: 1, clipsPerGloss: 12 }).train?.values, 'the clips of the demo set');
  const timestampsMs = Array.from({ length: frames }, (_, frame) => (frame * 1000) / 30);
  const rows = ['file,gloss,cat'];
  mkdirSync(path.join(folder, 'keypoints'));
  for (let clip = 0; clip < CLIPS; clip++) {
    const values = new Float32Array(frames * WIDTH);
    for (let at = 0, take = 7 * clip; at < values.length; take++) {
      const more = elementAt(demo, take % demo.length).subarray(0, values.length - at);
      values.set(more, at);
      at += more.length;
    }
    // No two clips are alike, though they are made of the same takes.
    const moved = values.map((value) => (value === 0 ? 0 : value * (0.6 + (0.4 * clip) / CLIPS)));
    const name = `clip_${String(clip).padStart(4, '0')}`;
    writeFileSync(path.join(folder, 'keypoints', `${name}.npz`), formatNpz(clipArrays({ frames, values: moved, timestampsMs, meta: {} })));
    rows.push(`${name},${clip % 105},0`);
  }
  writeFileSync(path.join(folder, 'labels.csv'), `${rows.join('\n')}\n`);
}
