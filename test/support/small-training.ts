import path from 'node:path';
import type { Settings } from '../../src/config/model-settings';
import { resolveSettings } from '../../src/config/resolve';
import { ownModels } from '../../src/models/model-table';
import type { TrainingEvent, TrainingEnd } from '../../src/training/events';
import { prepareRun } from '../../src/training/prepare-run';
import { readResumePoint, resumedSettings } from '../../src/training/resume';
import { type TrainingContext, closeRun, type TrainingRun } from '../../src/training/run';
import { trainEpochs } from '../../src/training/training-loop';
import { writeDataFolder, type TestClip } from './clip-files';

/**
 * Writes a data folder of clips of several lengths, 3 glosses in 2 categories.
 * @param clips how many: where batches divide them without a rest, a training has fewer shapes to record, and is faster.
 */
export function writeSmallData(folder: string, clips: { readonly train: number; readonly val: number } = { train: 22, val: 7 }): string {
  const clip = (split: string, index: number): TestClip => ({
    name: `${split}_${index}`,
    gloss: index % 3,
    category: index % 2,
    frames: 5 + ((index * 7) % 11),
  });
  const data = path.join(folder, 'data');
  writeDataFolder(data, {
    train: Array.from({ length: clips.train }, (_, index) => clip('train', index)),
    val: Array.from({ length: clips.val }, (_, index) => clip('val', index)),
  });
  return data;
}

/** Flags of a training that takes a second or two. */
export const smallFlags = ['--emb-dim', '16', '--num-heads', '2', '--num-layers', '1', '--max-len', '12', '--batch-size', '4'] as const;

/** Settings of a training that takes a second or two. */
export function smallSettings(folder: string, typed: Readonly<Record<string, string>> = {}): Settings {
  return resolveSettings(
    {
      commandLine: {
        data: path.join(folder, 'data'),
        save_dir: path.join(folder, 'models'),
        emb_dim: '16',
        num_heads: '2',
        num_layers: '1',
        max_len: '12',
        batch_size: '4',
        num_buckets: '2',
        lr: '1e-3',
        epochs: '3',
        ...typed,
      },
    },
    ownModels,
  ).settings;
}

/** The world of a test's training. */
export function quietContext(onEvent: (event: TrainingEvent) => void = () => undefined): TrainingContext {
  return {
    report: onEvent,
    now: () => new Date(2026, 8, 20, 12),
    machine: { versions: { kumpas: '0.0.0', node: '20', tensorflow: '2' }, device: 'CPU', gitCommit: undefined },
  };
}

/** Trains, and closes the run. */
export async function trainSmall(
  settings: Settings,
  options: {
    readonly signal?: AbortSignal;
    readonly onEvent?: (event: TrainingEvent) => void;
    readonly sharingDevices?: readonly string[];
  } & Pick<TrainingContext, 'bfloat16Gains'> = {},
): Promise<{ run: TrainingRun; end: TrainingEnd }> {
  const { signal, onEvent, sharingDevices = [], ...further } = options;
  const run = await prepareRun(settings, undefined, { ...quietContext(onEvent), sharingDevices, ...further });
  return { run, end: await finish(run, signal) };
}

/** Goes on from a checkpoint with what `--resume FILE` and further flags would ask for. */
export async function resumeSmall(
  file: string,
  typed: Readonly<Record<string, string>> = {},
  options: { readonly signal?: AbortSignal; readonly onEvent?: (event: TrainingEvent) => void } & Pick<
    TrainingContext,
    'bfloat16Gains'
  > = {},
): Promise<{ run: TrainingRun; end: TrainingEnd }> {
  const point = readResumePoint(file);
  const settings = resumedSettings(point, [{ source: 'command line', values: typed }]);
  const { signal, onEvent, ...further } = options;
  const run = await prepareRun(settings, point, { ...quietContext(onEvent), ...further });
  return { run, end: await finish(run, signal) };
}

async function finish(run: TrainingRun, signal: AbortSignal = new AbortController().signal): Promise<TrainingEnd> {
  try {
    return await trainEpochs(run, signal);
  } finally {
    await closeRun(run);
  }
}
