import type { EpochFigures, RunSummary } from '../../training-answers';
import { percent } from '../shared/elements';

/** What the states of a training are called. */
export const STATES: Readonly<Record<RunSummary['state'], string>> = {
  running: 'running',
  stopping: 'stopping',
  finished: 'finished',
  stopped: 'stopped',
  killed: 'broken off',
};

/** `0.42 s`, `42 s`, `3 min 05 s`, `1 h 02 min`. */
export function duration(seconds: number): string {
  if (seconds < 0.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const two = (count: number): string => String(count).padStart(2, '0');
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

/** How far a training has come, as `epoch 7 of 20, best 84.6 %`. */
export function progressText({ at_work: atWork, completed_epochs: done, epochs, best }: RunSummary): string {
  const at =
    atWork === null
      ? `${done} of ${epochs} epochs`
      : atWork.epoch === null
        ? 'measuring the best epoch'
        : `epoch ${atWork.epoch} of ${epochs}`;
  return best === null ? at : `${at}, best ${percent(best.gloss_acc)}`;
}

/** How much of a training is done, from 0 to 1. */
export function shareDone({ at_work: atWork, completed_epochs: done, epochs }: RunSummary): number {
  return Math.min(1, (done + (atWork?.share ?? 0)) / Math.max(1, epochs));
}

/** An epoch as a line, as the terminal shows it. */
export function epochLine(
  epoch: EpochFigures,
  { epochs, has_categories: hasCategories }: Pick<RunSummary, 'epochs' | 'has_categories'>,
): string {
  return [
    `epoch ${String(epoch.epoch).padStart(String(epochs).length)}/${epochs}`,
    `loss ${epoch.train_loss.toFixed(3)}`,
    `val ${epoch.val_loss.toFixed(3)}`,
    `gloss ${percent(epoch.gloss_acc)}`,
    ...(hasCategories ? [`category ${percent(epoch.cat_acc)}`] : []),
    `lr ${Number(epoch.lr.toPrecision(2)).toString()}`,
    duration(epoch.seconds),
    ...(epoch.best ? ['★ best'] : []),
  ].join('  ');
}
