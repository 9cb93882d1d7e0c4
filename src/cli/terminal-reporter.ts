import picocolors from 'picocolors';
import type { StepDone, TrainingEvent } from '../training/events';
import { endLines, epochLine, progressLine, startLines, type Emphasis, type Paint, type Progress } from './training-lines';
import { type TerminalStream, CLEAR_LINE, draw } from './terminal';
import { printableLine, printableText } from '../foundation/text';

/** What a test may put in place of the process's clock and environment. */
export interface ReporterOptions {
  /** Milliseconds since any moment. */
  readonly now: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const MILLISECONDS_BETWEEN_DRAWINGS = 100;
const WIDTH_OF_LINES_IN_A_PIPE = Number.POSITIVE_INFINITY;

/**
 * Shows a training. In a terminal, the running epoch is one line that is redrawn in place; in a pipe, there is one plain line an epoch and no control
 * codes. Colours are left out where NO_COLOR is set.
 */
export class TerminalReporter {
  private readonly interactive: boolean;
  private readonly paint: Paint;
  private readonly now: () => number;
  private current: { readonly epoch: number; readonly epochs: number; readonly startedAt: number } | undefined;
  private secondsOfLastEpoch: number | undefined;
  private drawnAt = Number.NEGATIVE_INFINITY;
  private drawing = '';

  constructor(
    private readonly stream: TerminalStream,
    options: ReporterOptions = { now: () => performance.now(), environment: process.env },
  ) {
    this.interactive = stream.isTTY === true;
    this.now = options.now;
    this.paint = paintFor(this.interactive && (options.environment['NO_COLOR'] ?? '') === '' && options.environment['TERM'] !== 'dumb');
  }

  report(event: TrainingEvent): void {
    switch (event.kind) {
      case 'start':
        this.print(startLines(event, this.paint));
        break;
      case 'epoch-start':
        this.current = { epoch: event.epoch, epochs: event.epochs, startedAt: this.now() };
        break;
      case 'step':
        this.drawStep(event);
        break;
      case 'epoch-end':
        this.secondsOfLastEpoch = event.seconds;
        this.endDrawing();
        this.print([epochLine(event, this.width(), this.paint)]);
        break;
      case 'note':
        this.print([printableText(event.text)]);
        break;
      case 'warning':
        this.print(
          printableText(`warning: ${event.text}`)
            .split('\n')
            .map((line) => this.paint(line, 'warning')),
        );
        break;
      case 'end':
        this.endDrawing();
        this.print(endLines(event.result, this.paint));
        break;
      case 'clips-read':
      case 'evaluation-start':
        break;
    }
  }

  private drawStep(step: StepDone): void {
    if (!this.interactive || this.current === undefined) return;
    const time = this.now();
    if (time - this.drawnAt < MILLISECONDS_BETWEEN_DRAWINGS && step.batch < step.batches) return;
    this.drawnAt = time;
    const { epoch, epochs, startedAt } = this.current;
    const etaSeconds = remainingSeconds({
      ...step,
      epoch,
      epochs,
      elapsedSeconds: (time - startedAt) / 1000,
      secondsOfLastEpoch: this.secondsOfLastEpoch,
    });
    const progress: Progress = { ...step, epoch, epochs, etaSeconds };
    // A line that fills the last column would make some terminals go to the next one.
    this.drawing = progressLine(progress, this.width() - 1, this.paint);
    draw(this.stream, CLEAR_LINE + this.drawing);
  }

  /** Prints whole lines above the one that is being redrawn. */
  private print(lines: readonly string[]): void {
    const text = lines.map((line) => `${line}\n`).join('');
    draw(this.stream, this.drawing === '' ? text : CLEAR_LINE + text + this.drawing);
  }

  private endDrawing(): void {
    if (this.drawing !== '') draw(this.stream, CLEAR_LINE);
    this.drawing = '';
    this.drawnAt = Number.NEGATIVE_INFINITY;
  }

  private width(): number {
    if (!this.interactive) return WIDTH_OF_LINES_IN_A_PIPE;
    const { columns = 0 } = this.stream; // 0 where a terminal does not know its size.
    return columns > 0 ? columns : 80;
  }
}

interface Pace {
  readonly epoch: number;
  readonly epochs: number;
  readonly batch: number;
  readonly batches: number;
  /** Since the running epoch began. */
  readonly elapsedSeconds: number;
  /** Validation included; undefined in the first epoch. */
  readonly secondsOfLastEpoch: number | undefined;
}

/** Seconds to the end of a training: an epoch takes as long as the last one did, or, in the first, as its batches so far suggest. */
export function remainingSeconds(pace: Pace): number {
  const secondsAnEpoch = pace.secondsOfLastEpoch ?? (pace.elapsedSeconds * pace.batches) / Math.max(pace.batch, 1);
  const restOfEpoch = secondsAnEpoch * (1 - pace.batch / pace.batches);
  return restOfEpoch + secondsAnEpoch * (pace.epochs - pace.epoch);
}

function paintFor(coloured: boolean): Paint {
  const colours = picocolors.createColors(coloured);
  const painters: Record<Emphasis, (text: string) => string> = {
    plain: (text) => text,
    dim: colours.dim,
    bold: colours.bold,
    good: colours.green,
    warning: colours.yellow,
  };
  return (text, emphasis) => painters[emphasis](printableLine(text));
}
