import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { endLines, epochLine, progressLine, startLines, type Progress } from '../../src/cli/training-lines';
import type { EpochDone } from '../../src/training/events';

const plain = (text: string): string => text;

const epoch: EpochDone = {
  kind: 'epoch-end',
  epoch: 3,
  epochs: 30,
  trainLoss: 1.2341,
  valLoss: 1.4562,
  glossAccuracy: 0.6154,
  categoryAccuracy: 0.8077,
  learningRate: 3e-4,
  seconds: 2.14,
  clipsPerSecond: 184.2,
  best: true,
  bestGlossAccuracy: 0.6154,
  bestEpoch: 3,
  etaSeconds: 57.8,
};

const progress: Progress = { epoch: 3, epochs: 30, batch: 5, batches: 10, loss: 1.3, clipsPerSecond: 184, etaSeconds: 61 };

describe('epochLine', () => {
  it('tells all figures with their units', () => {
    expect(epochLine(epoch, Infinity, plain)).toBe(
      'epoch  3/30  loss 1.234  val 1.456  gloss 61.5 %  category 80.8 %  lr 3.0e-4  2.1 s  184 clips/s  eta 58 s  ★ best',
    );
  });

  it('recalls the best epoch where this one is not, and has no ETA at the end', () => {
    const last = epochLine({ ...epoch, epoch: 30, best: false, bestGlossAccuracy: 0.846, bestEpoch: 26 }, Infinity, plain);
    expect(last).toMatch(/^epoch 30\/30 .* 184 clips\/s {2}best 84\.6 % \(epoch 26\)$/);
  });

  it('leaves out the least important figures where the terminal is narrow, never the losses and the gloss accuracy', () => {
    const narrow = epochLine(epoch, 80, plain);
    expect(narrow.length).toBeLessThanOrEqual(80);
    expect(narrow).toContain('category 80.8 %');
    expect(narrow).not.toContain('clips/s');
    expect(epochLine(epoch, 10, plain)).toBe('epoch  3/30  loss 1.234  val 1.456  gloss 61.5 %  ★ best');
  });
});

describe('progressLine', () => {
  it('draws a bar that is as full as the epoch is done', () => {
    expect(progressLine(progress, 120, plain)).toBe(
      'epoch  3/30  ━━━━━━━━━━━━━━━───────────────   5/10  loss 1.300  184 clips/s  eta 1 min 01 s',
    );
    expect(progressLine({ ...progress, batch: 10 }, 120, plain)).not.toContain('─');
  });

  it('never exceeds the width', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 200 }),
        fc.integer({ min: 1, max: 5000 }),
        fc.option(fc.integer({ min: 0, max: 1e6 })),
        (width, batches, eta) => {
          const line = progressLine({ ...progress, batches, batch: batches, etaSeconds: eta ?? undefined }, width, plain);
          expect(line.length).toBeLessThanOrEqual(width);
        },
      ),
    );
  });
});

describe('header and summary', () => {
  it('aligns labels and values', () => {
    const lines = startLines(
      {
        kind: 'start',
        title: 'SignTransformer',
        facts: [
          ['device', 'CPU'],
          ['parameters', '3,301,111'],
        ],
      },
      plain,
    );
    expect(lines).toEqual(['', 'SignTransformer', '  device      CPU', '  parameters  3,301,111', '']);
  });

  it('ends with where everything lies and what to type next', () => {
    const lines = endLines(
      {
        kind: 'end',
        outcome: '30 epochs done',
        facts: [['best', 'epoch 26']],
        folder: 'trained_models/transformer/transformer_baseline_01-02',
        files: [
          ['SignTransformer_best.pt', 'the best epoch'],
          ['README.md', 'what it is'],
        ],
        next: [['evaluate', 'npm run evaluate']],
      },
      plain,
    );
    expect(lines).toEqual([
      '',
      '30 epochs done',
      '  best  epoch 26',
      '',
      'trained_models/transformer/transformer_baseline_01-02',
      '  SignTransformer_best.pt  the best epoch',
      '  README.md                what it is',
      '',
      'Next',
      '  evaluate  npm run evaluate',
    ]);
  });
});
