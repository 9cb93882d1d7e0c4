import { messageOf, UserError } from '../../foundation/errors';
import { counted, percent } from '../../foundation/text';
import type { SweepEvent } from '../../training/sweep/events';
import { describeFailure } from '../exit';
import { secondsText } from '../quantities';
import { CLEAR_LINE, draw, type TerminalStream } from '../terminal';

/** Shows a sweep: a line as each trial ends; in a terminal also, redrawn, where those are that run. */
export function progressTo(stream: TerminalStream, errors: TerminalStream, verbose: boolean): (event: SweepEvent) => void {
  const running = new Map<string, string>();
  let [ended, total] = [0, 0];
  const redraw = (line = ''): void => {
    if (line !== '' && stream.isTTY !== true) stream.write(`${line}\n`);
    if (stream.isTTY !== true) return;
    const now = [...running.values()].join('   ');
    draw(stream, `${CLEAR_LINE}${line === '' ? '' : `${line}\n`}${now.slice(0, (stream.columns ?? 80) - 1)}`);
  };
  const place = (): string => `${String(++ended).padStart(String(total).length)}/${total}`;
  return (event) => {
    switch (event.kind) {
      case 'planned': {
        [ended, total] = [event.done, event.plan.trials.length];
        const before = event.done === 0 ? '' : `, ${event.done} of them done already`;
        redraw(`${counted(event.plan.points.length, 'point')}, ${counted(total, 'trial')}${before}`);
        break;
      }
      case 'trial-start':
        running.set(event.trial.id, `${event.trial.id} …`);
        redraw();
        break;
      case 'trial-epoch': {
        const { epoch, epochs, bestGlossAccuracy } = event.epoch;
        running.set(event.trial.id, `${event.trial.id} epoch ${epoch}/${epochs} best ${percent(bestGlossAccuracy)}`);
        redraw();
        break;
      }
      case 'trial-end': {
        running.delete(event.trial.id);
        const { glossAccuracy, bestEpoch, epochs, seconds } = event.figures;
        redraw(
          `${place()}  ${event.trial.id}  gloss ${percent(glossAccuracy)}  best epoch ${bestEpoch} of ${epochs}  ${secondsText(seconds)}`,
        );
        break;
      }
      case 'trial-paused': {
        running.delete(event.trial.id);
        const { epochs, glossAccuracy } = event.reached;
        redraw(
          `${' '.repeat(2 * String(total).length + 1)}  ${event.trial.id}  gloss ${percent(glossAccuracy)} within ${counted(epochs, 'epoch')}`,
        );
        break;
      }
      case 'rung-end': {
        ended += event.stopped.length;
        const named = event.goOn.map(({ name }) => name).join('; ');
        redraw(
          `after ${counted(event.epochs, 'epoch')} go on: ${named === '' ? 'none' : named}. Stopped: ${counted(event.stopped.length, 'trial')}`,
        );
        break;
      }
      case 'trial-failed':
        running.delete(event.trial.id);
        if (stream.isTTY === true) draw(stream, CLEAR_LINE);
        errors.write(`${place()}  ${event.trial.id} failed: ${failureText(event.error, verbose)}\n`);
        redraw();
        break;
      case 'warning':
        if (stream.isTTY === true) draw(stream, CLEAR_LINE);
        errors.write(`warning: ${event.text}\n`);
        redraw();
        break;
    }
  };
}

/** A user's mistake in a line; a bug with its stack. */
export function failureText(error: unknown, verbose: boolean): string {
  return error instanceof UserError && !verbose ? messageOf(error) : describeFailure(error, verbose).text;
}
