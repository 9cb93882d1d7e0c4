import { readWeights } from '../checkpoint/training-checkpoint';
import type { WhenUnreadable } from '../data/batch-source';
import { filesLeftOut, namesLeftOut, type ClipSet, type Dataset, type UnreadableClip } from '../data/clip-set';
import { DataError, ReadingError } from '../data/data-error';
import { UserError } from '../foundation/errors';
import { elementAt, required } from '../foundation/required';
import { counted, percent } from '../foundation/text';
import type { TrainingListener } from './events';
import type { Progress } from './progress';
import type { TrainingData, TrainingRun } from './run';

/** The share of all clips that a training does without, with `skip_bad_clips`; one clip in any case. */
const MOST_LEFT_OUT = 0.1;

/**
 * Says which clips were left out when the data was opened, all at once.
 * @throws DataError where they are too many to do without.
 */
export function reportLeftOut(dataset: Dataset, report: TrainingListener): void {
  const { leftOut } = dataset;
  if (leftOut.length === 0) return;
  const [left, clips] = [filesLeftOut(dataset), clipsOf(dataset)];
  const listed = new DataError(leftOut).message;
  if (left > mostOf(clips)) throw new UserError(`${tooMany(left, clips)}\n${listed}`);
  report({ kind: 'warning', text: `--skip-bad-clips: ${left} of ${counted(clips, 'clip')} left out\n${listed}` });
}

/** Those that could not be used at first included. */
function clipsOf(dataset: Dataset): number {
  return (dataset.train?.entries.length ?? 0) + dataset.validation.entries.length + filesLeftOut(dataset);
}

function mostOf(clips: number): number {
  return Math.max(1, Math.floor(MOST_LEFT_OUT * clips));
}

function tooMany(left: number, clips: number): string {
  return `${left} of ${counted(clips, 'clip')} cannot be used, and with --skip-bad-clips at most ${percent(MOST_LEFT_OUT)} are left out: see to the data`;
}

/** The clips of a training's data that its earlier part left out: they stay in the plans of its batches. */
export function unreadableIn({ train, validation }: TrainingData): UnreadableClip[] {
  const ofSplit = (split: UnreadableClip['split'], set: ClipSet): UnreadableClip[] =>
    Array.from(set.unreadable ?? [], (index) => unreadableClip(set, index, split));
  return [...ofSplit('train', train.set), ...ofSplit('validation', validation.set)];
}

function unreadableClip(set: ClipSet, index: number, split: UnreadableClip['split']): UnreadableClip {
  const { name, frames } = elementAt(set.entries, index);
  return { split, name, frames, digest: required(set.digests?.[index], `the digest of ${name}`), leftOut: true };
}

/** How many clips a training does without by now. */
export function clipsLeftOut({ data: { dataset }, learner: { progress } }: TrainingRun): number {
  return filesLeftOut(dataset) + progress.unreadable.length;
}

/**
 * What leaves a clip of a split out that can no longer be read, with `skip_bad_clips`: it is named, and kept with the progress, so that a resumed run leaves it
 * out too. Undefined where such a clip ends the training.
 * @throws ReadingError, when it is called, where too many are left out by now.
 */
export function leavingOut(run: TrainingRun, split: UnreadableClip['split']): WhenUnreadable | undefined {
  const { settings, data, learner, folder, report, now } = run;
  if (!settings.skip_bad_clips) return undefined;
  return (index, problem) => {
    const { progress } = learner;
    const clip = unreadableClip(data[split].set, index, split);
    if (!progress.unreadable.some((known) => known.split === split && known.name === clip.name)) progress.unreadable.push(clip);
    const [left, clips] = [clipsLeftOut(run), clipsOf(data.dataset)];
    const text = `${problem}; it is left out from here on (${left} of ${counted(clips, 'clip')})`;
    folder.recordIncident({ event: 'clip left out', text }, progress, now());
    report({ kind: 'warning', text });
    if (left <= mostOf(clips) && progress.unreadable.filter((known) => known.split === split).length < data[split].set.entries.length)
      return;
    // Once the data is mended, they are clips like any others.
    progress.unreadable = progress.unreadable.map((known) => ({ ...known, leftOut: false }));
    throw new ReadingError(tooMany(left, clips), undefined);
  };
}

/**
 * Saves the state of a training whose clips cannot be read any more.
 * @param progress where it was after its last whole update.
 * @returns what to throw: the error, with what can be done about it.
 */
export function stopForClip(run: TrainingRun, error: ReadingError, progress: Progress): ReadingError {
  const { data, learner, folder } = run;
  const { clip } = error;
  const { unreadable, batchesDone } = learner.progress;
  const isWhole = batchesDone === progress.batchesDone || !movesBuffers(run);
  Object.assign(learner.progress, progress, { unreadable });
  const batches = data.train.plan(progress.completedEpochs + 1).length;
  const split = progress.batchesDone === batches ? 'validation' : 'train';
  if (clip !== undefined) learner.progress.unreadable.push({ ...unreadableClip(data[split].set, clip, split), leftOut: false });
  if (isWhole) folder.saveLast(learner);
  if (clip === undefined) return error;
  return new ReadingError(`${error.message}; mend the clip, or leave such clips out with --skip-bad-clips`, clip);
}

/** Whether every batch moves running statistics, as BatchNorm's: amid gathered batches, what was saved before is then what a training goes on from. */
function movesBuffers({ learner: { model, program }, folder: { files } }: TrainingRun): boolean {
  const saved = readWeights(files.last).model;
  const current = program.readParameters();
  const isMoved = (name: string): boolean => {
    const before = required(saved.get(name), `the saved values of ${name}`).values;
    return required(current.get(name), `the values of ${name}`).some((value, place) => value !== before[place]);
  };
  return model.parameters.some(({ name, trainable }) => !trainable && isMoved(name));
}

/** Positions of the validation clips that are not left out. */
export function validationLeft({ data: { validation }, learner }: TrainingRun): number[] {
  const names = namesLeftOut(learner.progress.unreadable, 'validation');
  return [...validation.set.entries.keys()].filter((index) => !names.has(elementAt(validation.set.entries, index).name));
}
