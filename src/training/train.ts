import { EpochClock } from './epoch-clock';
import { hasStoppedEarly, noSums } from './progress';
import type { TrainingRun } from './run';
import { recordEpoch } from './record-epoch';
import { saveLast } from './save-run';
import { trainEpoch } from './train-epoch';
import { validate } from './validate';

/** How a training ended. */
export type TrainingEnd = 'finished' | 'stopped early' | 'interrupted';

/**
 * Trains a prepared run to its last epoch; one that has ended already is left as it is. After each epoch the checkpoints, the logs and the folder's README are on disk; when `signal` is aborted the
 * step ends, the state is saved, and a resumed run goes on with the very next batch.
 * @throws UserError where a number in it is no longer finite; what was saved before stays, and is finite.
 */
export async function train(run: TrainingRun, signal: AbortSignal): Promise<TrainingEnd> {
  const { settings, progress, schedule, reporter } = run;
  if (run.ended !== undefined) return run.ended;
  if (run.lastSaved === undefined) saveLast(run);
  const clock = new EpochClock(run.now, settings.epochs - progress.completedEpochs);
  while (progress.completedEpochs < settings.epochs) {
    const epoch = progress.completedEpochs + 1;
    const learningRate = schedule.learningRate;
    reporter.report({ kind: 'epoch-start', epoch, epochs: settings.epochs });

    clock.startTraining();
    const interrupted = await trainEpoch(run, epoch, clock, signal);
    if (interrupted) {
      saveLast(run);
      return 'interrupted';
    }

    clock.startValidation();
    const validation = await validate(run);
    clock.endEpoch();

    const { sums } = progress;
    const glossAccuracy = validation.scores.gloss.accuracy;
    const better = glossAccuracy > progress.bestMetric;
    if (better) Object.assign(progress, { bestMetric: glossAccuracy, bestEpoch: epoch });
    schedule.endEpoch(glossAccuracy);
    Object.assign(progress, { completedEpochs: epoch, batchesDone: 0, sums: noSums() });
    recordEpoch(run, { epoch, learningRate, sums, validation, better }, clock);

    if (hasStoppedEarly(progress, settings.early_stop)) return 'stopped early';
    if (signal.aborted && epoch < settings.epochs) return 'interrupted';
  }
  return 'finished';
}
