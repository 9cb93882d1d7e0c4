import { existsSync } from 'node:fs';
import { writeTrainingCheckpoint, writeTrainingCheckpointMeanwhile, type PlainRecord } from '../checkpoint/training-checkpoint';
import { plainTransforms, TRANSFORMS_KEY, transformsInPython } from '../data/transforms/pipeline';
import type { RunRecord } from '../folder/config-file';
import type { RunFolder } from '../folder/model-folder';
import { MetricsLog, TrainingLog, type EpochMetrics, type LoggedIncident, type TrainingLogRow } from '../folder/training-log';
import { shareFile } from '../foundation/atomic-file';
import type { KeptFolder } from '../foundation/folders';
import { inSlices, lastOf } from '../foundation/slices';
import { factsOfOwnModel } from '../models/model-table';
import { keypointsOfRun, KEYPOINTS_KEY } from '../models/saved-keypoints';
import type { LockedFolder } from './folder-claim';
import type { Learner } from './learner';
import { NotFinite, stopForNotFinite, type StepPlace } from './not-finite';
import type { SavedPoint } from './progress';
import { runReadme } from './run-readme';
import { TEACHERS_KEY } from './teacher';

/** The key in a checkpoint's config under which the kinds of matrix products are kept that its run computes in bfloat16; absent where `amp` was off. */
export const BFLOAT16_PRODUCTS = 'bfloat16_products';

/**
 * The folder of a training: its checkpoints, its logs, its `config.json` and README.md. Each file is written whole or not at all, and nothing is written where
 * the folder was taken away meanwhile.
 */
export class TrainingFolder {
  readonly files: RunFolder;
  /** Where the training was when `_last.pt` was written; undefined where there is none yet. */
  lastSaved: SavedPoint | undefined;
  private readonly log: TrainingLog;
  private readonly metrics: MetricsLog;
  /** A `_last.pt` that is being written; it never fails, but leaves its failure below. */
  private underWay: Promise<void> | undefined;
  private failure: { readonly error: unknown } | undefined;

  /**
   * Writes `config.json`, and drops what the logs have beyond the training's own progress.
   * @param progress how far it has come.
   * @param earlier the log's rows of the run that this one goes on from in another folder.
   */
  constructor(
    private readonly locked: LockedFolder,
    private described: RunRecord,
    readonly checkpointName: string,
    progress: { readonly completedEpochs: number; readonly batchesDone: number },
    earlier: readonly TrainingLogRow[] = [],
  ) {
    this.files = locked.files;
    this.log = new TrainingLog(this.files.log, progress.completedEpochs, earlier);
    this.metrics = new MetricsLog(this.files.metrics, progress.completedEpochs);
    this.files.writeConfig(described);
    this.lastSaved = existsSync(this.files.last) ? { epochs: progress.completedEpochs, batches: progress.batchesDone } : undefined;
  }

  /** What `config.json` says. */
  get record(): RunRecord {
    return this.described;
  }

  /** A row for each epoch so far. */
  get rows(): readonly TrainingLogRow[] {
    return this.log.rows;
  }

  /** The folder, which nobody may take away while it is written into. */
  get place(): KeptFolder {
    return this.locked.place;
  }

  /**
   * Puts an epoch on disk. The order lets a training be killed at any point: the best checkpoint first, `_last.pt` at the end, so that whatever a killed one
   * had written beyond its last checkpoint is done again and written again, the same.
   * @param metrics.best whether it is the best so far.
   * @throws FileSystemProblem where the folder was taken away, or something cannot be written into it.
   */
  recordEpoch(row: TrainingLogRow, metrics: EpochMetrics, learner: Learner): void {
    this.place.requireThere();
    if (metrics.best) this.saveBest(learner);
    this.log.append(row);
    this.metrics.append(metrics);
    this.saveLast(learner, { sameAsBest: metrics.best && !learner.keepsAverage });
    this.writeReadme(learner.progress.bestEpoch);
  }

  /**
   * Changes a setting of the run that it goes on with, in `config.json` and whatever is saved from now on.
   * @throws FileSystemProblem where the folder was taken away, or the file cannot be written.
   */
  changeSetting(key: string, value: number): void {
    this.place.requireThere();
    this.described = { ...this.described, settings: { ...this.described.settings, [key]: value } };
    this.files.writeConfig(this.described);
  }

  /**
   * Leaves a line in `metrics.jsonl` of something that happened to the training.
   * @param progress that of the state from which it goes on.
   * @throws FileSystemProblem where the folder was taken away, or the file cannot be written.
   */
  recordIncident(
    incident: Pick<LoggedIncident, 'event' | 'text'>,
    { completedEpochs, batchesDone }: { readonly completedEpochs: number; readonly batchesDone: number },
    time: Date,
  ): void {
    this.place.requireThere();
    const { event, text } = incident;
    this.metrics.append({ event, after_epoch: completedEpochs, after_batch: batchesDone, time: time.toISOString(), text });
  }

  /**
   * Writes `_best.pt`.
   * @throws UserError where the weights or what the optimiser remembers are not finite: then nothing is written.
   * @throws FileSystemProblem where the folder was taken away, or the file cannot be written.
   */
  saveBest(learner: Learner): void {
    this.place.requireThere();
    this.writeCheckpoint(this.files.best, learner, 'averaged');
  }

  /**
   * Writes `_last.pt`, from which the training can go on.
   * @param options.sameAsBest whether `_best.pt` was written from this very state: then its bytes serve for both.
   * @throws UserError and FileSystemProblem as {@link saveBest}.
   */
  saveLast(learner: Learner, options: { readonly sameAsBest: boolean } = { sameAsBest: false }): void {
    this.place.requireThere();
    if (options.sameAsBest) shareFile(this.files.best, this.files.last);
    else this.writeCheckpoint(this.files.last, learner, 'trained');
    this.lastSaved = pointOf(learner);
  }

  /**
   * Takes hold of the state as it is now; the training goes on while it is copied, checked and written as `_last.pt`, one at a time.
   * @throws UserError and FileSystemProblem as {@link saveBest} where the one before failed. What is wrong with this one is thrown by whatever waits for it.
   */
  async saveLastMeanwhile(learner: Learner): Promise<void> {
    await this.settled();
    this.place.requireThere();
    const point = pointOf(learner);
    this.underWay = this.writeMeanwhile(this.takeCheckpoint(learner)).then(
      () => {
        this.lastSaved = point;
      },
      (error: unknown) => {
        this.failure = { error: this.namingNotFinite(error, learner) };
      },
    );
  }

  /** Nothing is written before all of it is checked. */
  private async writeMeanwhile(taken: ReturnType<Learner['takeCheckpoint']>): Promise<void> {
    const checkpoint = await inSlices(taken);
    this.place.requireThere();
    await writeTrainingCheckpointMeanwhile(this.files.last, checkpoint);
  }

  /** @throws what made the last {@link saveLastMeanwhile} fail, where that is known by now. */
  requireSaved(): void {
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure.error as Error;
  }

  /** Waits for what {@link saveLastMeanwhile} writes. @throws what made it fail. */
  async settled(): Promise<void> {
    await this.underWay;
    this.underWay = undefined;
    this.requireSaved();
  }

  /** Does something within which `_last.pt` may be saved meanwhile: all is written when it has ended, however it ended. Where both fail, what was done says more. */
  async whileSaving<Result>(action: () => Promise<Result>): Promise<Result> {
    const result = await action().catch(async (error: unknown) => {
      await this.settled().catch(() => undefined);
      throw error;
    });
    await this.settled();
    return result;
  }

  /** Writes the README.md from the log as it stands; what a person wrote between its marks stays. */
  writeReadme(bestEpoch: number): void {
    const { rows } = this;
    const noBest =
      rows.length === 0 ? 'No epoch has ended yet.' : 'No epoch here was better than the checkpoint that this training went on from.';
    const page = runReadme(
      this.record,
      rows.find(({ epoch }) => epoch === bestEpoch) ?? noBest,
      this.checkpointName,
      transformsInPython(this.record.run.transforms ?? [], keypointsOfRun(this.record.run, this.files.config)),
    );
    this.place.requireThere();
    this.files.writeReadme(page);
  }

  /**
   * Does a part of the training that stops where a number is no longer finite.
   * @throws UserError of {@link stopForNotFinite}.
   */
  whileFinite<Result>(learner: Learner, action: () => Result): Result {
    try {
      return action();
    } catch (error) {
      throw this.namingNotFinite(error, learner);
    }
  }

  /** The same with a step. @param at where in the training it is taken, and with which clips, for the message. */
  async whileStepping<Result>(learner: Learner, step: () => Promise<Result>, at: StepPlace): Promise<Result> {
    try {
      return await step();
    } catch (error) {
      throw this.namingNotFinite(error, learner, at);
    }
  }

  private namingNotFinite(error: unknown, { learningRate }: Learner, at?: StepPlace): unknown {
    if (!(error instanceof NotFinite)) return error;
    const clipsGradient = this.record.settings['grad_clip'] !== null;
    return stopForNotFinite(error, { learningRate, file: this.files.last, lastSaved: this.lastSaved, clipsGradient }, at);
  }

  /** Lets other processes write into it again. */
  release(): void {
    this.locked.place.release();
    this.locked.lock.release();
  }

  /** @param leading the weights of the model that the file is of, where the training keeps an average. */
  private writeCheckpoint(file: string, learner: Learner, leading: 'trained' | 'averaged'): void {
    const checkpoint = this.whileFinite(learner, () => lastOf(this.takeCheckpoint(learner)));
    writeTrainingCheckpoint(file, checkpoint, 'float32', leading);
  }

  private takeCheckpoint(learner: Learner): ReturnType<Learner['takeCheckpoint']> {
    return learner.takeCheckpoint(this.describe(learner), this.record.settings as PlainRecord);
  }

  /** What lets a checkpoint know itself: its shape, its labels, its data. */
  private describe({ model }: Learner): PlainRecord {
    const { run, settings } = this.record;
    const { validation_names: names, clips_left_out: left, ...data } = run.data;
    return {
      model: settings['model'] as string,
      ...model.config,
      ...factsOfOwnModel(model.definition),
      ...(run.transforms === undefined ? {} : { [TRANSFORMS_KEY]: plainTransforms(run.transforms) }),
      ...(run.keypoints === undefined ? {} : { [KEYPOINTS_KEY]: run.keypoints as PlainRecord }),
      ...(run.teachers === undefined ? {} : { [TEACHERS_KEY]: run.teachers.map((teacher) => ({ ...teacher })) }),
      ...(run.amp === undefined ? {} : { [BFLOAT16_PRODUCTS]: [...run.amp.bfloat16_products] }),
      gloss_labels: run.gloss_labels,
      category_labels: run.category_labels,
      description: run.name,
      data: {
        ...data,
        ...(names === undefined ? {} : { validation_names: names }),
        ...(left === undefined ? {} : { clips_left_out: left }),
      },
      kumpas_version: run.versions.kumpas,
    };
  }
}

function pointOf({ progress }: Learner): SavedPoint {
  return { epochs: progress.completedEpochs, batches: progress.batchesDone };
}
