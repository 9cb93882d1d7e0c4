import { rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { endLines, epochLine, progressLine, startLines, type Progress } from '../../src/cli/terminal-reporter';
import type { ChosenPrecision } from '../../src/engine/precision';
import type { EpochDone, TrainingResult, TrainingStarted } from '../../src/training/events';
import { inTemporaryFolder } from '../support/clip-files';
import { trainingResult, trainingStarted } from '../support/training-events';

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
  gradientNorm: 1.5,
  memoryMb: 512,
  seconds: 2.14,
  clipsPerSecond: 184.2,
  best: true,
  bestGlossAccuracy: 0.6154,
  bestEpoch: 3,
  etaSeconds: 57.8,
};

const progress: Progress = { epoch: 3, epochs: 30, batch: 5, batches: 10, loss: 1.3, clipsPerSecond: 184, memoryMb: 512, etaSeconds: 61 };

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

  it('tells how the heads are weighted where a curriculum changes it, and leaves that out first', () => {
    const line = epochLine({ ...epoch, lossWeights: { alpha: 0.862, beta: 0.138 } }, Infinity, plain);
    expect(line).toContain('lr 3.0e-4  alpha 0.86 beta 0.14  2.1 s');
    const narrow = epochLine({ ...epoch, lossWeights: { alpha: 0.862, beta: 0.138 } }, 120, plain);
    expect(narrow).toBe(epochLine(epoch, 120, plain));
  });

  it('leaves out the least important figures where the terminal is narrow, never the losses and the gloss accuracy', () => {
    const narrow = epochLine(epoch, 80, plain);
    expect(narrow.length).toBeLessThanOrEqual(80);
    expect(narrow).toContain('category 80.8 %');
    expect(narrow).not.toContain('clips/s');
    expect(epochLine(epoch, 10, plain)).toBe('epoch  3/30  loss 1.234  val 1.456  gloss 61.5 %   ★ best');
  });
});

it('leaves out categories where all clips are of one', () => {
  expect(epochLine(epoch, Infinity, plain, false)).toContain('gloss 61.5 %  lr 3.0e-4');
  const ofOne = <Event extends TrainingStarted | TrainingResult>(event: Event): Event => {
    const { record } = event;
    return { ...event, record: { ...record, run: { ...record.run, classes: { gloss: 4, category: 1 } } } };
  };
  const lines = [...startLines(ofOne(trainingStarted('a')), plain), ...endLines(ofOne(trainingResult('models/a')), plain)];
  expect(lines.map((line) => line.trim().replaceAll(/ +/g, ' '))).toContain('classes 4 glosses');
  expect(lines.join('\n')).toContain('gloss accuracy 87.5 %, validation loss');
});

it.each([80, 100])('keeps the columns of an epoch’s line at %d characters, whatever its figures are', (width) => {
  const lines = [
    epoch,
    { ...epoch, epoch: 4, best: false, seconds: 62.3, etaSeconds: 1600, clipsPerSecond: 8.4 },
    { ...epoch, epoch: 5, best: false, trainLoss: 12.31, valLoss: 0.003, seconds: 9.9, glossAccuracy: 1 },
    { ...epoch, epoch: 30, bestEpoch: 12, best: false },
  ].map((event) => epochLine(event, width, plain));
  const places = lines.map((line) => [/loss/, /val/, /gloss/, /category/, /\d s\b/].map((word) => word.test(line)));
  expect(new Set(places.map(String)).size).toBe(1);
  for (const word of ['loss', 'val', 'gloss', 'category']) expect(new Set(lines.map((line) => line.indexOf(word))).size).toBe(1);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
});

describe('progressLine', () => {
  it('draws a bar that is as full as the epoch is done', () => {
    expect(progressLine(progress, 120, plain)).toBe(
      'epoch  3/30  ━━━━━━━━━━━━━━━───────────────   5/10  loss 1.300  184 clips/s  512.0 MB  eta 1 min 01 s',
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
  it('says what runs on what', () => {
    const started = trainingStarted('transformer_baseline_01-02');
    const shown = (event: TrainingStarted): string[] => startLines(event, plain).filter((line) => /step|resumed|clips /.test(line));
    expect(startLines(started, plain).slice(0, 3)).toEqual(['', 'Training transformer_baseline_01-02', '  device    CPU; TensorFlow 2']);
    expect(shown(started)).toEqual([
      '  clips     312 training, 78 validation, 30 to 50 frames',
      '  step      captured as a graph, float32',
    ]);
    const precision: ChosenPrecision = {
      asked: true,
      bfloat16: [],
      because: 'measured',
      gains: { large: 0.5, small: 0.04, batched: 1 },
    };
    const step = { captured: true, precision, sharingDevices: 2 };
    const resumed = { file: 'a_last.pt', epochs: 1, batches: 3 };
    expect(shown({ ...started, clips: { ...started.clips, longest: 30 }, step, resumed })).toEqual([
      '  clips     312 training, 78 validation, 30 frames each',
      '  step      captured as a graph, float32: in bfloat16 nothing wins on this machine (large products run 0.5 times as fast, small ones 0.04, batched ones 1.0); --amp force insists; each batch divided among 2 devices (never measured on GPUs yet)',
      '  resumed   from a_last.pt, after 1 epoch and 3 batches',
    ]);
    expect(shown({ ...started, step: { ...step, captured: false } })[1]).toBe('  step      operation by operation, float32');
  });

  it('ends with what lies where, as far as it is there, and what to type next', async () => {
    await inTemporaryFolder((folder) => {
      const result = trainingResult(folder);
      const { last, log, metrics, config, readme } = result.files;
      for (const file of [last, log, metrics, config, readme]) writeFileSync(file, '');
      const shown = (changed: Partial<TrainingResult> = {}): string[] =>
        endLines({ ...result, ...changed }, plain).map((line) => line.replaceAll(folder, 'FOLDER'));
      expect(shown()).toEqual([
        '',
        '30 epochs done',
        '  best  epoch 26: gloss accuracy 87.5 %, category accuracy 90.0 %, validation loss 0.250',
        '',
        'FOLDER',
        '  SignTransformer_last.pt  the last state, to go on from',
        '  training_log.txt         a line an epoch',
        '  metrics.jsonl            more of each epoch',
        '  config.json              all settings, versions, data',
        '  README.md                what it is and how to load it',
        '',
        'Next',
        '  try it    npm run app -- FOLDER',
        '  evaluate  npm run evaluate -- --model-path FOLDER --data clips',
        '  predict   npm run predict -- --model-path FOLDER --input clips/keypoints_val/val_0.npz',
      ]);
      for (const file of [log, metrics]) rmSync(file);
      const interrupted = shown({ end: 'interrupted', completedEpochs: 0 });
      expect(interrupted).toContain('Interrupted after 0 of 30 epochs; everything so far is saved');
      expect(interrupted).toContain('  go on  npm run train -- --resume FOLDER');
      expect(interrupted.join('\n')).not.toMatch(/training_log\.txt|metrics\.jsonl|_best\.pt/);
    });
  });
});
