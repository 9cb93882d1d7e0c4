import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { KEYPOINT_FOLDERS } from '../src/config/data-settings';
import { planEpoch } from '../src/data/batch';
import { BatchSource } from '../src/data/batch-source';
import type { ClipSet, Dataset } from '../src/data/clip-set';
import { openData } from '../src/data/open-clips';
import { writeRandomClips } from './epoch';
import { timed, timeFigures, type Figures } from './figures';
import type { BenchFlags } from './flags';

/** Times what stands between clips on a disk and a step: opening the set, and an epoch of batches from memory and from files. */
export async function benchLoad({ batch: batchSize, frames, runs = 5 }: BenchFlags): Promise<Figures> {
  const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-bench-'));
  try {
    writeRandomClips(folder, frames);
    const open = (memoryBudgetBytes: number): Promise<Dataset> =>
      openData({
        source: { folder },
        key: 'X',
        layout: KEYPOINT_FOLDERS,
        width: 156,
        keypoints: 'of the data',
        demoSeed: 0,
        memoryBudgetBytes,
        needTrain: true,
      });
    const opening = await timesOf(runs, () => open(1e12));
    const inMemory = await epochTimes((await open(1e12)).train, { batchSize, frames, runs });
    const fromFiles = await epochTimes((await open(1)).train, { batchSize, frames, runs });
    return {
      open_390_clips: timeFigures(opening),
      epoch_of_312_clips_from_memory: timeFigures(inMemory),
      epoch_of_312_clips_from_files: timeFigures(fromFiles),
      setting: { batch: batchSize, frames },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function epochTimes(
  set: ClipSet | undefined,
  { batchSize, frames, runs }: { batchSize: number; frames: number; runs: number },
): Promise<number[]> {
  if (set === undefined) throw new Error('the bench wrote no training clips');
  const source = new BatchSource(set, { batchSize });
  let epoch = 0;
  const drain = async (): Promise<void> => {
    const plans = planEpoch(set, { batchSize, maxFrames: frames, seed: 1, epoch: epoch++, shuffle: true, bucketLengths: [frames] });
    const batches = source.epoch(plans);
    while ((await batches.next()).done !== true);
  };
  await drain();
  const times = await timesOf(runs, drain);
  await source.close();
  return times;
}

async function timesOf(runs: number, run: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let count = 0; count < runs; count++) times.push(await timed(run));
  return times;
}
