import type { EpochDone, StepDone, TrainingResult, TrainingStarted } from '../training/events';
import { endFacts, fileFacts, nextCommands, outcomeText, startFacts, type Fact } from './training-summary';
import { learningRateText, lossText, paceText, secondsText } from './quantities';
import { percent } from '../foundation/text';

/** How a piece of a line may be set off. */
export type Emphasis = 'plain' | 'dim' | 'bold' | 'good' | 'warning';

/** Puts an emphasis on a text, and makes it printable: every piece of a line goes through it. */
export type Paint = (text: string, emphasis: Emphasis) => string;

/** A piece of a line; the one with the highest `spare` is left out first where the line is too long, one without it never. */
interface Piece {
  readonly text: string;
  readonly emphasis?: Emphasis;
  readonly spare?: number;
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

/** An epoch's line, in at most `width` columns where leaving out pieces can achieve it. */
export function epochLine(event: EpochDone, width: number, paint: Paint): string {
  const best: Piece = event.best
    ? { text: '★ best', emphasis: 'good' }
    : { text: `best ${percent(event.bestGlossAccuracy)} (epoch ${event.bestEpoch})`, emphasis: 'dim', spare: 3 };
  const eta: Piece[] = event.epoch < event.epochs ? [{ text: `eta ${secondsText(event.etaSeconds)}`, emphasis: 'dim', spare: 4 }] : [];
  const pieces: Piece[] = [
    { text: epochText(event), emphasis: 'bold' },
    { text: `loss ${lossText(event.trainLoss)}` },
    { text: `val ${lossText(event.valLoss)}` },
    { text: `gloss ${percent(event.glossAccuracy).padStart(6)}`, emphasis: event.best ? 'good' : 'bold' },
    { text: `category ${percent(event.categoryAccuracy).padStart(6)}`, spare: 1 },
    { text: `lr ${learningRateText(event.learningRate)}`, emphasis: 'dim', spare: 5 },
    { text: secondsText(event.seconds), emphasis: 'dim', spare: 2 },
    { text: paceText(event.clipsPerSecond), emphasis: 'dim', spare: 6 },
    ...eta,
    best,
  ];
  return joined(fitting(pieces, width), paint);
}

/** The line that is redrawn while an epoch runs, never longer than `width` columns. */
export function progressLine(progress: Progress, width: number, paint: Paint): string {
  const { batch, batches, loss, clipsPerSecond, etaSeconds } = progress;
  const head: Piece = { text: epochText(progress), emphasis: 'bold' };
  const tail: Piece[] = [
    { text: `${String(batch).padStart(String(batches).length)}/${batches}`, spare: 3 },
    { text: `loss ${lossText(loss)}`, spare: 1 },
    { text: paceText(clipsPerSecond), emphasis: 'dim', spare: 4 },
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
  return pieces.reduce((sum, { text }) => sum + text.length + GAP.length, -GAP.length);
}

function joined(pieces: readonly Piece[], paint: Paint): string {
  return pieces.map(({ text, emphasis }) => paint(text, emphasis ?? 'plain')).join(GAP);
}
