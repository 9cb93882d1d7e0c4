import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { AVERAGE_KEY, readWeights, type CheckpointReading } from '../checkpoint/training-checkpoint';
import type { TransformDescription } from '../config/data-settings';
import type { Settings } from '../config/model-settings';
import type { BatchPlan } from '../data/batch';
import { withoutUnreadable, type ClipSet, type Dataset } from '../data/clip-set';
import type { Bfloat16Gains } from '../engine/precision';
import type { Cluster } from '../engine/cluster-server';
import { evaluateModel } from '../evaluation/evaluate';
import { modelOfFile } from '../evaluation/loaded-model';
import { describeEvaluation, type EvaluationResult } from '../evaluation/result';
import { readEvaluation } from '../evaluation/results/contents';
import { saveResults } from '../evaluation/results/write-results';
import { curvesBeside } from '../evaluation/training-curves';
import type { MachineFacts, RegistryFacts } from '../folder/config-file';
import { RESULT_FILES } from '../folder/contents';
import type { RunFolder } from '../folder/model-folder';
import { ModelFolder } from '../folder/model-folder';
import { UserError } from '../foundation/errors';
import { ownModels, type ModelDefinitions } from '../models/model-table';
import type { TrainingEnd, TrainingListener } from './events';
import type { Learner } from './learner';
import type { TeacherRecord, TrainingBatches } from './teacher';
import type { TrainingFolder } from './training-folder';

/** What a training is given beside its settings. */
export interface TrainingContext {
  readonly report: TrainingListener;
  readonly now: () => Date;
  /** Milliseconds since any moment, however the machine's clock is set meanwhile: what takes how long. `performance.now` where undefined. */
  readonly clock?: () => number;
  readonly machine: MachineFacts;
  /** Those that can be trained; Kumpas's own where undefined. */
  readonly models?: ModelDefinitions;
  /** What the registry keeps of a new run from its start. */
  readonly registry?: RegistryFacts;
  /** TensorFlow's names of the devices that enable_parallel divides each batch among; none where there are fewer than two. */
  readonly sharingDevices?: readonly string[];
  /** What this machine gains by bfloat16; measured, or read of the cache, where undefined. */
  readonly bfloat16Gains?: () => Bfloat16Gains;
  /** The processes that train together, which each batch is divided among; undefined where this one trains alone. */
  readonly cluster?: Cluster | undefined;
  /** Which weights are taken of the file that `init_from` names. */
  readonly reading?: CheckpointReading;
  /** Where what can be made again is kept, as features of frames; the user's cache folder where undefined. */
  readonly cacheFolder?: string;
}

/** A training that is ready to run: what it learns from, what learns, and where that is written. */
export interface TrainingRun {
  readonly settings: Settings;
  readonly data: TrainingData;
  readonly learner: Learner;
  readonly folder: TrainingFolder;
  readonly report: TrainingListener;
  readonly now: () => Date;
  readonly clock: () => number;
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
  /** The teachers whose word the training clips come with; none where there are none. */
  readonly teachers: readonly TeacherRecord[];
}

/** One split while a training runs. */
export interface RunSplit {
  readonly set: ClipSet;
  readonly batches: TrainingBatches;
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

/**
 * Evaluates a run that has ended on its own validation clips and writes `evaluation_results` into its folder: its best checkpoint, or the last where it
 * went on from a better one. The folder's README.md takes its figures from there.
 */
export async function evaluateRun(run: TrainingRun): Promise<EvaluationResult> {
  const { learner, folder, report, now } = run;
  const { files, place } = folder;
  place.requireThere();
  const file = evaluatedCheckpoint(files);
  const key = learner.keepsAverage && file === files.last ? AVERAGE_KEY : undefined;
  const dataset = withoutUnreadable(run.data.dataset, learner.progress.unreadable);
  const loaded = modelOfFile(file, {}, { key, models: ownModels.with([learner.model.definition]) });
  const result = describeEvaluation(loaded, dataset, await evaluateModel(loaded, dataset, learner.microBatchSize));
  await saveResults(ModelFolder.holding(loaded.file).resultsOf(loaded.file), result, {
    curves: curvesBeside(loaded.file),
    created: now(),
    place,
    set: dataset.validation,
    onWarning: (text) => {
      report({ kind: 'warning', text });
    },
  });
  return result;
}

/**
 * Whether a run lacks the results of the evaluation at its end, as where it was killed in the middle of it: there are none, they are of another epoch, or they
 * are older than the run's last state.
 */
export function lacksFinalEvaluation(files: RunFolder): boolean {
  const evaluated = evaluatedCheckpoint(files);
  const document = path.join(files.resultsOf(evaluated), RESULT_FILES.document);
  const changed = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? -Infinity;
  if (changed(document) < Math.max(changed(evaluated), changed(files.last))) return true;
  const { epoch } = readWeights(evaluated);
  try {
    return readEvaluation(document).epoch !== epoch;
  } catch (error) {
    if (error instanceof UserError) return true;
    throw error;
  }
}

/** The checkpoint that a run is judged by. */
function evaluatedCheckpoint({ best, last }: Pick<RunFolder, 'best' | 'last'>): string {
  return existsSync(best) ? best : last;
}
