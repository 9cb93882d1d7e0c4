import type { Settings } from '../config/model-settings';
import type { BatchSource } from '../data/batches';
import type { Dataset, ClipSet } from '../data/clip-set';
import type { BatchPlan } from '../data/plan-epoch';
import type { Program } from '../engine/program';
import type { FolderLock } from '../foundation/folder-lock';
import type { KeptFolder } from '../foundation/folders';
import type { Model } from '../models/model';
import type { TrainingReporter } from './events';
import type { MetricsLog, TrainingLog } from '../folder/training-log';
import type { Progress, SavedPoint } from './progress';
import type { RunFiles } from '../folder/model-folder';
import type { RunRecord } from '../folder/config-file';
import type { LearningRateSchedule } from './schedules/schedule';
import type { StepOptions } from './step-definition';

/** One split while a training runs. */
export interface RunSplit {
  readonly set: ClipSet;
  readonly batches: BatchSource;
  /** The batches of an epoch, a function of (seed, epoch); always the same for validation. */
  readonly plan: (epoch: number) => BatchPlan[];
}

/** A training that is ready to run: everything that it needs, and how far it has come. */
export interface TrainingRun {
  readonly settings: Settings;
  /** How it had ended before, where nothing but its evaluation is left to do. */
  readonly ended: 'finished' | 'stopped early' | undefined;
  readonly model: Model;
  readonly dataset: Dataset;
  readonly train: RunSplit;
  readonly validation: RunSplit;
  readonly program: Program;
  readonly schedule: LearningRateSchedule;
  readonly stepOptions: Omit<StepOptions, 'randomSeed'>;
  readonly progress: Progress;
  /** Where it was when `_last.pt` was written; undefined where there is none yet. */
  lastSaved: SavedPoint | undefined;
  readonly files: RunFiles;
  /** Keeps other processes from writing into its folder. */
  readonly lock: FolderLock;
  /** Its folder, which nobody may take away while it is written into. */
  readonly place: KeptFolder;
  readonly record: RunRecord;
  readonly log: TrainingLog;
  readonly metrics: MetricsLog;
  readonly reporter: TrainingReporter;
  readonly now: () => Date;
}

/** Frees what a run holds: its reading threads, its tensors and its folder. */
export async function closeRun(run: TrainingRun): Promise<void> {
  try {
    await run.train.batches.close();
    await run.validation.batches.close();
    run.program.dispose();
  } finally {
    run.place.release();
    run.lock.release();
  }
}
