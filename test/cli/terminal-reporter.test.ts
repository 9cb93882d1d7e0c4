import { describe, expect, it } from '@jest/globals';
import { remainingSeconds, TerminalReporter } from '../../src/cli/terminal-reporter';
import type { EpochDone, StepDone, TrainingEvent } from '../../src/training/events';
import { trainingStarted } from '../support/training-events';

const ESCAPE = '\u001b';
const CLEAR_LINE = `\r${ESCAPE}[K`;

/** A stream that keeps what is written to it. */
class Recording {
  readonly writes: string[] = [];

  constructor(
    readonly isTTY: boolean,
    readonly columns = 100,
  ) {}

  write(text: string): void {
    this.writes.push(text);
  }

  get text(): string {
    return this.writes.join('');
  }

  /** What a terminal would still show: each line as it was last drawn. */
  get screen(): string[] {
    return this.text.split('\n').map((line) => line.slice(line.lastIndexOf(CLEAR_LINE) + 1).replace(`${ESCAPE}[K`, ''));
  }
}

const step = (batch: number): StepDone => ({ kind: 'step', batch, batches: 4, loss: 2, clipsPerSecond: 100, memoryMb: 1234 });
const epochEnd: EpochDone = {
  kind: 'epoch-end',
  epoch: 1,
  epochs: 2,
  trainLoss: 2,
  valLoss: 2.5,
  glossAccuracy: 0.5,
  categoryAccuracy: 0.75,
  learningRate: 1e-3,
  gradientNorm: 1.5,
  memoryMb: 512,
  seconds: 4,
  clipsPerSecond: 100,
  best: true,
  bestGlossAccuracy: 0.5,
  bestEpoch: 1,
  etaSeconds: 4,
};
const events: readonly TrainingEvent[] = [
  trainingStarted('SignTransformer'),
  { kind: 'epoch-start', epoch: 1, epochs: 2 },
  step(1),
  { kind: 'warning', text: 'the disk is nearly full' },
  step(2),
  step(3),
  step(4),
  epochEnd,
];

function show(stream: Recording, environment: Record<string, string> = {}, millisecondsAStep = 1000): Recording {
  let time = 0;
  const reporter = new TerminalReporter(stream, { now: () => (time += millisecondsAStep), environment });
  for (const event of events) reporter.report(event);
  return stream;
}

describe('in a pipe', () => {
  it('writes one plain line an epoch and no control codes, however the environment asks for colour', () => {
    const { text } = show(new Recording(false), { FORCE_COLOR: '1' });
    expect(text).not.toContain(ESCAPE);
    expect(text).not.toContain('\r');
    expect(text.split('\n')).toEqual([
      '',
      'Training SignTransformer',
      '  device    CPU; TensorFlow 2',
      '  data      clips',
      '  clips     312 training, 78 validation, 30 to 50 frames',
      '  classes   13 glosses in 4 categories',
      '  model     emb_dim 256; 3,301,111 parameters',
      '  training  30 epochs, batch size 32, lr 0.0003, scheduler plateau, seed 42',
      '  step      captured as a graph, float32',
      '  folder    models/SignTransformer',
      '',
      'warning: the disk is nearly full',
      'epoch 1/2  loss 2.000  val 2.500  gloss 50.0 %  category 75.0 %  lr 1.0e-3  4.0 s  100 clips/s  eta 4.0 s  ★ best',
      '',
    ]);
  });
});

describe('in a terminal', () => {
  it('redraws the running epoch in place, and leaves only its line behind', () => {
    const stream = show(new Recording(true, 200), { NO_COLOR: '1' });
    expect(stream.writes.filter((text) => text.includes('━')).length).toBeGreaterThanOrEqual(4);
    expect(stream.screen.slice(11)).toEqual([
      'warning: the disk is nearly full',
      'epoch 1/2  loss 2.000  val 2.500  gloss 50.0 %   category 75.0 %   lr 1.0e-3  4.0 s       100 clips/s  eta 4.0 s        ★ best',
      '',
    ]);
  });

  it('keeps every drawn line within the columns', () => {
    const stream = show(new Recording(true, 40), { NO_COLOR: '1' });
    for (const line of stream.text.split(/\n|\r/).filter((drawn) => drawn.includes('━'))) {
      expect(line.replace(`${ESCAPE}[K`, '').length).toBeLessThan(40);
    }
  });

  it('draws at most ten times a second, but always the last batch', () => {
    const { writes } = show(new Recording(true), { NO_COLOR: '1' }, 1);
    const drawn = writes.filter((text) => text.startsWith(`${CLEAR_LINE}epoch`) && text.includes('/4'));
    expect(drawn.map((text) => /(\d)\/4/.exec(text)?.[1])).toEqual(['1', '4']);
  });

  it('colours, unless NO_COLOR is set', () => {
    expect(show(new Recording(true)).text).toContain(`${ESCAPE}[32m`);
    expect(show(new Recording(true), { NO_COLOR: '1' }).text).not.toContain(`${ESCAPE}[32m`);
  });
});

describe('remainingSeconds', () => {
  const pace = { epoch: 1, epochs: 3, batch: 2, batches: 8, elapsedSeconds: 4, secondsOfLastEpoch: undefined };

  it('goes by the batches so far in the first epoch, by the last epoch later', () => {
    expect(remainingSeconds(pace)).toBe(12 + 2 * 16);
    expect(remainingSeconds({ ...pace, epoch: 3, secondsOfLastEpoch: 8 })).toBe(6);
    expect(remainingSeconds({ ...pace, epoch: 3, batch: 8, secondsOfLastEpoch: 8 })).toBe(0);
  });
});
