import type { CheckpointReading } from '../checkpoint/training-checkpoint';
import type { TransformDescription } from '../config/data-settings';
import type { Settings } from '../config/model-settings';
import type { BatchSource } from '../data/batch-source';
import type { ClipSet, Dataset } from '../data/clip-set';
import type { BatchPlan } from '../data/batch';
import type { MachineFacts, RegistryFacts } from '../folder/config-file';
import type { ModelDefinitions } from '../models/model-table';
import type { TrainingEnd, TrainingListener } from './events';
import type { Learner } from './learner';
import type { TrainingFolder } from './training-folder';

/** What a training is given beside its settings. */
export interface TrainingContext {
  readonly report: TrainingListener;
  readonly now: () => Date;
  readonly machine: MachineFacts;
  /** Those that can be trained; Kumpas's own where undefined. */
  readonly models?: ModelDefinitions;
  /** What the registry keeps of a new run from its start. */
  readonly registry?: RegistryFacts;
  /** TensorFlow's names of the devices that enable_parallel divides each batch among; none where there are fewer than two. */
  readonly sharingDevices?: readonly string[];
  /** Which weights are taken of the file that `init_from` names. */
  readonly reading?: CheckpointReading;
  /** Where the features of frames are kept for the next training; the user's cache folder where undefined. */
  readonly featureCache?: string;
}

/** A training that is ready to run: what it learns from, what learns, and where that is written. */
export interface TrainingRun {
  readonly settings: Settings;
  readonly data: TrainingData;
  readonly learner: Learner;
  readonly folder: TrainingFolder;
  readonly report: TrainingListener;
  readonly now: () => Date;
  /** How it had ended before, where nothing but its evaluation is left to do. */
  readonly ended: Exclude<TrainingEnd, 'interrupted'> | undefined;
}

/** The clips of a training. */
export interface TrainingData {
  readonly dataset: Dataset;
  /** What every clip goes through before the model sees it: those of the transforms that are part of the model. */
  readonly transforms: readonly TransformDescription[];
  readonly train: RunSplit;
  readonly validation: RunSplit;
}

/** One split while a training runs. */
export interface RunSplit {
  readonly set: ClipSet;
  readonly batches: BatchSource;
  /** The batches of an epoch, a function of (seed, epoch); always the same for validation. */
  readonly plan: (epoch: number) => BatchPlan[];
}

/** Frees what a run holds: its reading threads, its tensors and its folder. */
export async function closeRun({ data, learner, folder }: TrainingRun): Promise<void> {
  try {
    await data.train.batches.close();
    await data.validation.batches.close();
    learner.program.dispose();
  } finally {
    folder.release();
  }
}
