import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { resolveSettings } from '../src/config/resolve';
import { formatNpz } from '../src/data/npz';
import { startRuntime } from '../src/engine/runtime';
import { RandomStream } from '../src/foundation/random';
import { prepareRun } from '../src/training/prepare-run';
import { trainEpochs } from '../src/training/training-loop';
import type { EpochDone } from '../src/training/events';
import { median, round, timeFigures, type Figures } from './figures';
import type { BenchFlags } from './flags';
import { benchModels } from './models';
import { inPrecision } from './in-precision';
import { startPytorch } from './pytorch';
import { ownModels } from '../src/models/model-table';
import { closeRun } from '../src/training/run';

export const TRAIN_CLIPS = 312;
export const VALIDATION_CLIPS = 78;
const WIDTH = 156;

/** Times epochs as `npm run train` runs them: training and validation, without and with what is written to disk. */
export async function benchEpoch(flags: BenchFlags): Promise<Figures> {
  const runtime = await startRuntime();
  const { flags: used, precision } = await inPrecision(flags);
  const epochs = (flags.runs ?? 8) + 1;
  const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-bench-'));
  try {
    writeRandomClips(folder, flags.frames);
    const ended: { event: EpochDone; seconds: number }[] = [];
    let started = performance.now();
    const { settings } = resolveSettings({ commandLine: settingsOf(flags, folder, epochs) }, ownModels);
    const run = await prepareRun(settings, undefined, {
      report: (event) => {
        if (event.kind === 'epoch-start') started = performance.now();
        if (event.kind === 'epoch-end') ended.push({ event, seconds: (performance.now() - started) / 1000 });
      },
      now: () => new Date(performance.timeOrigin + performance.now()),
      machine: {
        versions: { kumpas: 'bench', node: process.versions.node, tensorflow: runtime.tensorflowVersion },
        device: runtime.device,
        gitCommit: undefined,
      },
    });
    const pytorch =
      flags.pytorch === undefined ? undefined : await startPytorch(flags.pytorch, benchModels[flags.model](used).pytorch, runtime);
    const theirs: number[] = [];
    for (let epoch = 1; epoch <= epochs; epoch++) {
      await trainEpochs({ ...run, settings: { ...run.settings, epochs: epoch } }, new AbortController().signal);
      if (pytorch !== undefined) theirs.push(...(await pytorch.epoch(TRAIN_CLIPS, VALIDATION_CLIPS)));
    }
    pytorch?.end();
    await closeRun(run);
    const [first, ...counted] = ended;
    const ours = counted.map(({ event }) => event.seconds * 1000);
    return {
      ...timeFigures(ours),
      with_files: timeFigures(counted.map(({ seconds }) => seconds * 1000)),
      first_epoch_ms: Math.round((first?.event.seconds ?? NaN) * 1000),
      ...(pytorch === undefined
        ? {}
        : {
            pytorch: { version: pytorch.version, ...timeFigures(theirs.slice(1)) },
            ratio_to_pytorch: round(median(ours) / median(theirs.slice(1)), 3),
          }),
      setting: {
        model: flags.model,
        clips: TRAIN_CLIPS,
        validation_clips: VALIDATION_CLIPS,
        batch: flags.batch,
        frames: flags.frames,
        layers: flags.layers,
        heads: flags.heads,
        emb: flags.emb,
        amp: precision,
        eager: flags.eager,
      },
      machine: { device: runtime.device, threads: runtime.threads, tensorflow: runtime.tensorflowVersion, node: process.versions.node },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function settingsOf(flags: BenchFlags, folder: string, epochs: number): Record<string, unknown> {
  const numbers = { epochs, batch_size: flags.batch, num_layers: flags.layers, num_heads: flags.heads, emb_dim: flags.emb };
  const texts = Object.fromEntries(Object.entries(numbers).map(([key, value]) => [key, String(value)]));
  return {
    model: flags.model,
    data: folder,
    save_dir: path.join(folder, 'models'),
    lr: '3e-4',
    amp: flags.amp,
    compile_model: !flags.eager,
    ...texts,
  };
}

/** Writes a data folder of random clips. */
export function writeRandomClips(folder: string, frames: number): void {
  const random = new RandomStream(11);
  for (const [split, count] of [
    ['train', TRAIN_CLIPS],
    ['val', VALIDATION_CLIPS],
  ] as const) {
    mkdirSync(path.join(folder, `keypoints_${split}`), { recursive: true });
    const lines = ['file,gloss,cat'];
    for (let clip = 0; clip < count; clip++) {
      const values = Float32Array.from({ length: frames * WIDTH }, () => random.uniform());
      const npz = formatNpz({ X: { dtype: 'float32', shape: [frames, WIDTH], values } });
      writeFileSync(path.join(folder, `keypoints_${split}`, `${split}_${clip}.npz`), npz);
      lines.push(`${split}_${clip},${clip % 13},${clip % 4}`);
    }
    writeFileSync(path.join(folder, `${split}_labels.csv`), `${lines.join('\n')}\n`);
  }
}
