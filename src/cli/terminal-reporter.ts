import picocolors from 'picocolors';
import { hasCategories } from '../folder/config-file';
import { bytesText, counted, printableLine, printableText, percent } from '../foundation/text';
import type { StepDone, TrainingEvent, EpochDone, TrainingResult, TrainingStarted } from '../training/events';
import { learningRateText, lossText, paceText, secondsText } from './quantities';
import { type TerminalStream, CLEAR_LINE, draw } from './terminal';
import { endFacts, fileFacts, nextCommands, outcomeText, startFacts, type Fact } from './training-summary';

/** What a test may put in place of the process's clock and environment. */
interface ReporterOptions {
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
  /** Whether the model's categories say anything. */
  private withCategories = true;
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

  /** Whether lines of epochs have figures of categories, where no event says that a training starts. */
  showCategories(shown: boolean): void {
    this.withCategories = shown;
  }

  report(event: TrainingEvent): void {
    switch (event.kind) {
      case 'start':
        this.showCategories(hasCategories(event.record.run.classes));
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
        this.print([epochLine(event, this.width(), this.paint, this.withCategories)]);
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

/** How a piece of a line may be set off. */
type Emphasis = 'plain' | 'dim' | 'bold' | 'good' | 'warning';

/** Puts an emphasis on a text, and makes it printable: every piece of a line goes through it. */
type Paint = (text: string, emphasis: Emphasis) => string;

/** A piece of a line; the one with the highest `spare` is left out first where the line is too long, one without it never. */
interface Piece {
  readonly text: string;
  readonly emphasis?: Emphasis;
  readonly spare?: number;
  /** The columns that are kept for it, where that is more than its text has. */
  readonly columns?: number;
}

/** Where a training is within an epoch. */
export interface Progress extends Omit<StepDone, 'kind'> {
  readonly epoch: number;
  readonly epochs: number;
  /** Seconds to the end of the training; undefined while unknown. */
  readonly etaSeconds: number | undefined;
}

const GAP = '  ';
const SHORTEST_BAR = 6;
const LONGEST_BAR = 30;

const MARK = '★ best';
/** Columns of the pieces of an epoch's line whose length changes. */
const COLUMNS = {
  loss: 'loss 1.234'.length,
  val: 'val 1.234'.length,
  gloss: 'gloss 100.0 %'.length,
  category: 'category 100.0 %'.length,
  seconds: '1 min 02 s'.length,
  pace: '123 clips/s'.length,
  eta: 'eta 12 min 34 s'.length,
} as const;

/** An epoch's line, in at most `width` columns where leaving out pieces can achieve it; which are left out depends on the width and the number of epochs alone. */
export function epochLine(event: EpochDone, width: number, paint: Paint, withCategories = true): string {
  const { epochs, best } = event;
  const recalled = (accuracy: number, epoch: number): string => `best ${percent(accuracy)} (epoch ${epoch})`;
  const mark: Piece = { text: best ? MARK : '', emphasis: 'good' };
  const pieces: Piece[] = [
    { text: epochText(event), emphasis: 'bold' },
    { text: `loss ${lossText(event.trainLoss)}`, columns: COLUMNS.loss },
    { text: `val ${lossText(event.valLoss)}`, columns: COLUMNS.val },
    { text: `gloss ${percent(event.glossAccuracy).padStart(6)}`, emphasis: best ? 'good' : 'bold', columns: COLUMNS.gloss },
    ...(withCategories ? [{ text: `category ${percent(event.categoryAccuracy).padStart(6)}`, spare: 1, columns: COLUMNS.category }] : []),
    { text: `lr ${learningRateText(event.learningRate)}`, emphasis: 'dim', spare: 5 },
    ...(event.lossWeights === undefined ? [] : [{ text: lossWeightsText(event.lossWeights), emphasis: 'dim' as const, spare: 7 }]),
    { text: secondsText(event.seconds), emphasis: 'dim', spare: 2, columns: COLUMNS.seconds },
    { text: paceText(event.clipsPerSecond), emphasis: 'dim', spare: 6, columns: COLUMNS.pace },
    ...(event.clipsLeftOut === undefined
      ? []
      : [{ text: `${counted(event.clipsLeftOut, 'clip')} left out`, emphasis: 'warning' as const, spare: 8 }]),
    { text: event.epoch < epochs ? `eta ${secondsText(event.etaSeconds)}` : '', emphasis: 'dim', spare: 4, columns: COLUMNS.eta },
  ];
  const last: Piece = best
    ? { ...mark, spare: 3, columns: recalled(0.999, epochs).length }
    : { text: recalled(event.bestGlossAccuracy, event.bestEpoch), emphasis: 'dim', spare: 3, columns: recalled(0.999, epochs).length };
  let kept = fitting([...pieces, last], width);
  if (!kept.includes(last)) kept = [...fitting(pieces, width - GAP.length - MARK.length), mark];
  return joined(Number.isFinite(width) ? kept.map(padded) : kept.filter(({ text }) => text !== ''), paint).trimEnd();
}

/** `alpha 0.86 beta 0.14`: how much each head's loss counts. */
function lossWeightsText({ alpha, beta }: NonNullable<EpochDone['lossWeights']>): string {
  return `alpha ${alpha.toFixed(2)} beta ${beta.toFixed(2)}`;
}

/** Fills a piece up to its columns, so that what follows stands below the same of the line before. */
function padded(piece: Piece): Piece {
  return { ...piece, text: piece.text.padEnd(piece.columns ?? 0) };
}

/** The line that is redrawn while an epoch runs, never longer than `width` columns. */
export function progressLine(progress: Progress, width: number, paint: Paint): string {
  const { batch, batches, loss, clipsPerSecond, memoryMb, etaSeconds } = progress;
  const head: Piece = { text: epochText(progress), emphasis: 'bold' };
  const tail: Piece[] = [
    { text: `${String(batch).padStart(String(batches).length)}/${batches}`, spare: 3 },
    { text: `loss ${lossText(loss)}`, spare: 1 },
    { text: paceText(clipsPerSecond), emphasis: 'dim', spare: 4 },
    { text: bytesText(memoryMb * 1e6), emphasis: 'dim', spare: 5 },
    ...(etaSeconds === undefined ? [] : [{ text: `eta ${secondsText(etaSeconds)}`, emphasis: 'dim' as const, spare: 2 }]),
  ];
  const [, ...kept] = fitting([head, ...tail], width - SHORTEST_BAR - GAP.length);
  const room = width - lengthOf([head, ...kept]) - GAP.length;
  if (room < SHORTEST_BAR) return paint(head.text.slice(0, Math.max(width, 0)), 'bold');
  return (
    joined([head], paint) +
    GAP +
    bar(batch / batches, Math.min(room, LONGEST_BAR), paint) +
    (kept.length === 0 ? '' : GAP + joined(kept, paint))
  );
}

/** The lines above the first epoch: the title, then labels and values in two columns. */
export function startLines(event: TrainingStarted, paint: Paint): string[] {
  return ['', paint(`Training ${event.record.run.name}`, 'bold'), ...factLines(startFacts(event), paint), ''];
}

/** The lines after the last epoch: figures, where everything lies, and what to type next. */
export function endLines(result: TrainingResult, paint: Paint): string[] {
  return [
    '',
    paint(outcomeText(result), 'bold'),
    ...factLines(endFacts(result), paint),
    '',
    paint(result.folder, 'plain'),
    ...factLines(fileFacts(result), (text, emphasis) => paint(text, emphasis === 'dim' ? 'plain' : 'dim')),
    '',
    paint('Next', 'bold'),
    ...factLines(nextCommands(result), paint),
  ];
}

/** `epoch  3/30`: as wide in every epoch. */
function epochText({ epoch, epochs }: { readonly epoch: number; readonly epochs: number }): string {
  return `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`;
}

function factLines(facts: readonly Fact[], paint: Paint): string[] {
  const widest = Math.max(0, ...facts.map(([label]) => label.length));
  return facts.map(([label, value]) => `  ${paint(label.padEnd(widest), 'dim')}  ${paint(value, 'plain')}`);
}

function bar(share: number, length: number, paint: Paint): string {
  const done = Math.round(Math.min(Math.max(share, 0), 1) * length);
  return paint('━'.repeat(done), 'good') + paint('─'.repeat(length - done), 'dim');
}

function fitting(pieces: readonly Piece[], width: number): readonly Piece[] {
  let kept = pieces;
  while (lengthOf(kept) > width) {
    const most = Math.max(...kept.map(({ spare }) => spare ?? 0));
    if (most === 0) break;
    kept = kept.filter(({ spare }) => spare !== most);
  }
  return kept;
}

function lengthOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { text, columns = 0 }) => sum + Math.max(text.length, columns) + GAP.length, -GAP.length);
}

function joined(pieces: readonly Piece[], paint: Paint): string {
  return pieces.map(({ text, emphasis }) => paint(text, emphasis ?? 'plain')).join(GAP);
}
