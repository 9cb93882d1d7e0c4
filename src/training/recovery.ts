import { OutOfMemory } from '../engine/out-of-memory';
import { UserError } from '../foundation/errors';
import { counted } from '../foundation/text';
import { ownModels } from '../models/model-table';
import { NotFinite } from './not-finite';
import { restoreProgress, type Progress } from './progress';
import { readResumePoint, restoreProgram } from './resume';
import type { TrainingRun } from './run';

/** How often a training goes back before it gives up. */
const MOST_RECOVERIES = 3;

/**
 * Takes a training that met a number that is not finite back to its last saved state, from where it goes on with half the learning rate; one whose memory did not suffice goes
 * on with half as many clips at once.
 * @param error what stopped it.
 * @param updated where it was after its last update.
 * @throws the error, where it is another one, no recovery is asked for, or it recovered three times already.
 * @throws UserError where memory does not suffice for one clip.
 */
export function recover(run: TrainingRun, error: unknown, updated: Progress): void {
  if (error instanceof OutOfMemory) {
    goOnInSmallerParts(run, error, updated);
    return;
  }
  const { settings, learner, folder, report, now } = run;
  const { recoveries } = learner.progress;
  const cause = error instanceof UserError ? error.cause : undefined;
  if (!(cause instanceof NotFinite) || !settings.recover || recoveries >= MOST_RECOVERIES) throw error;
  backToSavedState(run);
  learner.progress.recoveries = recoveries + 1;
  const text = `${cause.message}: back to the state after ${placeText(learner.progress)}, from where it goes on with half the learning rate, ${learner.learningRate} (${recoveries + 1} of ${MOST_RECOVERIES})`;
  folder.recordIncident({ event: 'recovered', text }, learner.progress, now());
  report({ kind: 'warning', text });
}

/**
 * Goes on from the last update; from the last saved state where it is not sure that the weights are still those of the update. The batches stay what they are: each is computed in
 * parts, whose gradients add up to its own.
 */
function goOnInSmallerParts(run: TrainingRun, error: OutOfMemory, updated: Progress): void {
  const { settings, learner, folder, report, now } = run;
  const found = `the memory did not suffice for ${counted(learner.microBatchSize, 'clip')} at once in epoch ${learner.progress.completedEpochs + 1} (${error.message})`;
  if (learner.microBatchSize === 1)
    throw new UserError(
      `${found}: give a smaller model, a smaller --max-len, or a machine with more memory; what was saved stays, and goes on with --resume`,
      { cause: error },
    );
  if (learner.weighting?.gathers === false)
    throw new UserError(
      `${found}: its loss weighting takes whole batches unless parts are asked for from the start; go on with --resume and --micro-batch-size ${Math.ceil(learner.microBatchSize / 2)}`,
      { cause: error },
    );
  learner.halveMicroBatch();
  if (error.changedNothing) Object.assign(learner.progress, updated, { unreadable: learner.progress.unreadable });
  else backToSavedState(run);
  folder.changeSetting('micro_batch_size', learner.microBatchSize);
  const text = `${found}: it goes on from ${placeText(learner.progress)} with ${learner.microBatchSize} at once; batches stay ${settings.batch_size} clips, the gradients of their parts are added (--micro-batch-size)`;
  folder.recordIncident({ event: 'out of memory', text }, learner.progress, now());
  report({ kind: 'warning', text });
}

/** Takes a training back to the state that `_last.pt` holds; how often it recovered stays. */
function backToSavedState({ settings, learner, folder, data }: TrainingRun): void {
  const { recoveries } = learner.progress;
  const point = readResumePoint(folder.files.last, {}, { models: ownModels.with([learner.model.definition]) });
  restoreProgram(point, learner.model, learner.program, { keepsAverage: settings.ema, weighting: learner.weighting });
  const { scheduler, epoch } = point.checkpoint;
  if (scheduler !== undefined) learner.schedule.loadStateDict(scheduler);
  const batches = data.train.plan(epoch + 1).length;
  Object.assign(learner.progress, restoreProgress(point.checkpoint, point.progress, batches), {
    recoveries,
    unreadable: learner.progress.unreadable, // The threads that read leave them out from then on.
  });
}

function placeText({ completedEpochs, batchesDone }: TrainingRun['learner']['progress']): string {
  return batchesDone === 0 ? `epoch ${completedEpochs}` : `batch ${batchesDone} of epoch ${completedEpochs + 1}`;
}
