import { UserError } from '../foundation/errors';
import { ownModels } from '../models/model-table';
import { NotFinite } from './learner';
import { restoreProgress } from './progress';
import { readResumePoint, restoreProgram } from './resume';
import type { TrainingRun } from './run';

/** How often a training goes back before it gives up. */
const MOST_RECOVERIES = 3;

/**
 * Takes a training that met a number that is not finite back to its last saved state, from where it goes on with half the learning rate.
 * @param error what stopped it.
 * @throws the error, where it is another one, no recovery is asked for, or it recovered three times already.
 */
export function recover({ settings, learner, folder, data, report, now }: TrainingRun, error: unknown): void {
  const { recoveries } = learner.progress;
  const cause = error instanceof UserError ? error.cause : undefined;
  if (!(cause instanceof NotFinite) || !settings.recover || recoveries >= MOST_RECOVERIES) throw error;
  const point = readResumePoint(folder.files.last, {}, { models: ownModels.with([learner.model.definition]) });
  restoreProgram(point, learner.model, learner.program, { keepsAverage: settings.ema, weighting: learner.weighting });
  const { scheduler, epoch } = point.checkpoint;
  if (scheduler !== undefined) learner.schedule.loadStateDict(scheduler);
  const batches = data.train.plan(epoch + 1).length;
  Object.assign(learner.progress, restoreProgress(point.checkpoint, point.progress, batches), {
    recoveries: recoveries + 1,
    unreadable: learner.progress.unreadable, // The threads that read leave them out from then on.
  });
  const place = learner.progress.batchesDone === 0 ? `epoch ${epoch}` : `batch ${learner.progress.batchesDone} of epoch ${epoch + 1}`;
  const text = `${cause.message}: back to the state after ${place}, from where it goes on with half the learning rate, ${learner.learningRate} (${recoveries + 1} of ${MOST_RECOVERIES})`;
  folder.recordIncident({ event: 'recovered', text }, learner.progress, now());
  report({ kind: 'warning', text });
}
