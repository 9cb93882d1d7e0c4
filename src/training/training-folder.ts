import { existsSync } from 'node:fs';
import {
  writeTrainingCheckpoint,
  writeTrainingCheckpointMeanwhile,
  type PlainRecord,
  type TrainingCheckpoint,
} from '../checkpoint/training-checkpoint';
import { plainTransforms, TRANSFORMS_KEY, transformsInPython } from '../data/transforms/pipeline';
import type { RunRecord } from '../folder/config-file';
import type { RunFolder } from '../folder/model-folder';
import { MetricsLog, TrainingLog, type EpochMetrics, type LoggedIncident, type TrainingLogRow } from '../folder/training-log';
import { shareFile } from '../foundation/atomic-file';
import { UserError } from '../foundation/errors';
import type { KeptFolder } from '../foundation/folders';
import { counted, listed } from '../foundation/text';
import { factsOfOwnModel } from '../models/model-table';
import { keypointsOfRun, KEYPOINTS_KEY } from '../models/saved-keypoints';
import type { LockedFolder } from './folder-claim';
import { NotFinite, type Learner } from './learner';
import type { SavedPoint } from './progress';
import { runReadme } from './run-readme';
import { TEACHERS_KEY } from './teacher';

/** Clips that the message of a step that was not finite names: batches are rarely larger. */
const MOST_CLIPS = 64;

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
   * Takes the state as it is now and writes `_last.pt` from it while the training goes on, one at a time. Only taking it keeps the training waiting.
   * @throws UserError and FileSystemProblem as {@link saveBest}, and where the one before failed.
   */
  async saveLastMeanwhile(learner: Learner): Promise<void> {
    await this.settled();
    this.place.requireThere();
    const point = pointOf(learner);
    this.underWay = writeTrainingCheckpointMeanwhile(this.files.last, this.checkpointOf(learner)).then(
      () => {
        this.lastSaved = point;
      },
      (error: unknown) => {
        this.failure = { error };
      },
    );
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

  /** Does something within which `_last.pt` may be saved meanwhile: all is written when it has ended, however it ended. */
  async whileSaving<Result>(action: () => Promise<Result>): Promise<Result> {
    try {
      return await action();
    } finally {
      await this.settled();
    }
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
   * @param at where in the training it is done, and with which clips, for the message.
   * @throws UserError of one line: what happened, what lies on disk, and what to try.
   */
  whileFinite<Result>(
    learner: Learner,
    action: () => Result,
    at?: { readonly place: string; readonly step: number; readonly clips: readonly string[] },
  ): Result {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof NotFinite)) throw error;
      const happened = at === undefined ? error.message : `${error.message} ${at.place}`;
      const clips = at === undefined ? '' : `, at step ${at.step} with the clips ${listed(at.clips, MOST_CLIPS)}`;
      const kept = this.lastSaved === undefined ? 'nothing is saved yet' : `${this.files.last} holds ${stateText(this.lastSaved)}`;
      const advice =
        this.record.settings['grad_clip'] === null
          ? 'a lower --lr, or with --grad-clip 1; a resumed one keeps both'
          : 'a lower --lr; a resumed one keeps it';
      throw new UserError(
        `${happened} (learning rate ${learner.learningRate})${clips}; nothing of that was saved: ${kept}. Start a new training with ${advice}`,
        { cause: error },
      );
    }
  }

  /** Lets other processes write into it again. */
  release(): void {
    this.locked.place.release();
    this.locked.lock.release();
  }

  /** @param leading the weights of the model that the file is of, where the training keeps an average. */
  private writeCheckpoint(file: string, learner: Learner, leading: 'trained' | 'averaged'): void {
    writeTrainingCheckpoint(file, this.checkpointOf(learner), 'float32', leading);
  }

  private checkpointOf(learner: Learner): TrainingCheckpoint {
    const { settings } = this.record;
    return this.whileFinite(learner, () => learner.toCheckpoint(this.describe(learner), settings as PlainRecord));
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

function stateText({ epochs, batches }: SavedPoint): string {
  if (batches > 0) return `the state after ${counted(batches, 'batch', 'batches')} of epoch ${epochs + 1}`;
  return epochs === 0 ? 'the state before the first epoch' : `the state after epoch ${epochs}`;
}
