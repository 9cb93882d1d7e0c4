import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  cohenKappa,
  confusionAt,
  confusionMatrix,
  outcomes,
  confusions,
  matthewsCorrelation,
  mostConfusedWith,
} from '../../src/evaluation/confusion';
import {
  bootstrapInterval,
  expectedCalibrationError,
  reliabilityBins,
  accuracy,
  balancedAccuracy,
  classMetrics,
  macroAverage,
  predictedClasses,
  ranksOfTargets,
  softmax,
  topKAccuracy,
  weightedAverage,
} from '../../src/evaluation/metrics';
import { describeHead } from '../../src/evaluation/result';
import { parityFolder, relativeDifference } from '../support/parity';

interface Fixture {
  readonly y_true: number[];
  readonly y_pred: number[];
  readonly labels: number;
  readonly accuracy: number;
  readonly weighted: { precision: number; recall: number; f1: number };
  readonly macro: { precision: number; recall: number; f1: number };
  readonly balanced_accuracy: number;
  readonly cohen_kappa: number;
  readonly matthews: number;
  readonly confusion: number[][];
  readonly per_class: { precision: number[]; recall: number[]; f1: number[]; support: number[] };
}

/** Figures of drawn logits, 60 clips of 6 classes of which one never occurs. */
interface DrawnFixture extends Pick<Fixture, 'macro' | 'balanced_accuracy' | 'cohen_kappa' | 'matthews'> {
  readonly y_true: number[];
  readonly logits: number[];
  readonly log_loss: number;
  readonly top_3_accuracy: number;
  readonly top_5_accuracy: number;
  readonly expected_calibration_error: number;
}

const fixture = JSON.parse(readFileSync(path.join(parityFolder, 'metrics.json'), 'utf8')) as Fixture;

describe('metrics', () => {
  const predicted = Int32Array.from(fixture.y_pred);
  const targets = Int32Array.from(fixture.y_true);
  const perClass = classMetrics(predicted, targets, fixture.labels);

  it('equal scikit-learn’s, a class without clips included', () => {
    expect(accuracy(predicted, targets)).toBe(fixture.accuracy);
    for (const figure of ['precision', 'recall', 'f1', 'support'] as const) {
      const ours = perClass.map((metrics) => metrics[figure]);
      expect(relativeDifference(ours, fixture.per_class[figure])).toBeLessThan(1e-12);
    }
    const average = weightedAverage(perClass);
    for (const figure of ['precision', 'recall', 'f1'] as const) expect(average[figure]).toBeCloseTo(fixture.weighted[figure], 12);
  });

  it('of agreement and macro averages equal scikit-learn’s too', () => {
    const matrix = confusionMatrix(predicted, targets, fixture.labels);
    const ids = fixture.confusion.keys();
    expect([...ids].map((truth) => fixture.confusion.map((_, prediction) => confusionAt(matrix, truth, prediction)))).toEqual(
      fixture.confusion,
    );
    expect(cohenKappa(matrix)).toBeCloseTo(fixture.cohen_kappa, 12);
    expect(matthewsCorrelation(matrix)).toBeCloseTo(fixture.matthews, 12);
    expect(balancedAccuracy(perClass)).toBeCloseTo(fixture.balanced_accuracy, 12);
    const average = macroAverage(perClass);
    for (const figure of ['precision', 'recall', 'f1'] as const) expect(average[figure]).toBeCloseTo(fixture.macro[figure], 12);
  });

  it('of logits equal scikit-learn’s, a class that occurs nowhere included', () => {
    const drawn = JSON.parse(readFileSync(path.join(parityFolder, 'classification.json'), 'utf8')) as DrawnFixture;
    const { metrics } = describeHead(Float32Array.from(drawn.logits), Int32Array.from(drawn.y_true), ['a', 'b', 'c', 'd', 'e', 'f']);
    expect(metrics).toMatchObject({
      loss: expect.closeTo(drawn.log_loss, 6),
      top_3_accuracy: expect.closeTo(drawn.top_3_accuracy, 12),
      top_5_accuracy: expect.closeTo(drawn.top_5_accuracy, 12),
      precision_macro: expect.closeTo(drawn.macro.precision, 12),
      recall_macro: expect.closeTo(drawn.macro.recall, 12),
      f1_macro: expect.closeTo(drawn.macro.f1, 12),
      balanced_accuracy: expect.closeTo(drawn.balanced_accuracy, 12),
      cohen_kappa: expect.closeTo(drawn.cohen_kappa, 12),
      matthews_corrcoef: expect.closeTo(drawn.matthews, 12),
      expected_calibration_error: expect.closeTo(drawn.expected_calibration_error, 9),
    });
  });

  it('tell which classes are confused, most often first', () => {
    const matrix = confusionMatrix(Int32Array.of(1, 1, 2, 0, 0, 2), Int32Array.of(0, 0, 0, 0, 1, 2), 3);
    expect(mostConfusedWith(matrix, 0)).toEqual({ id: 1, count: 2 });
    expect(mostConfusedWith(matrix, 2)).toBeUndefined();
    expect(confusions(matrix).map(({ truth, prediction, count }) => [truth, prediction, count])).toEqual([
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 1],
    ]);
  });

  it('of agreement are defined as scikit-learn does for a single class', () => {
    const single = confusionMatrix(Int32Array.of(0, 0), Int32Array.of(0, 0), 2);
    expect(cohenKappa(single)).toBeNaN();
    expect(matthewsCorrelation(single)).toBe(0);
  });

  it('put confidences into bins, the borders in the lower one', () => {
    const bins = reliabilityBins([0.05, 0.1, 0.95, 1, 0.95], [true, false, true, true, false]);
    expect(bins.map(({ clips }) => clips)).toEqual([2, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
    expect(bins[9]).toMatchObject({ accuracy: 2 / 3, confidence: expect.closeTo(2.9 / 3, 12) });
    expect(expectedCalibrationError(bins)).toBeCloseTo((2 * (0.5 - 0.075) + 3 * (2.9 / 3 - 2 / 3)) / 5, 12);
  });

  it('have an interval that the same clips always give, about as wide as the normal one', () => {
    const correct = Array.from({ length: 400 }, (_, clip) => clip % 5 !== 0);
    const interval = bootstrapInterval(correct, 0);
    expect(bootstrapInterval(correct, 0)).toEqual(interval);
    const halfWidth = 1.96 * Math.sqrt((0.8 * 0.2) / 400);
    expect(interval.low).toBeCloseTo(0.8 - halfWidth, 1.7);
    expect(interval.high).toBeCloseTo(0.8 + halfWidth, 1.7);
    expect(bootstrapInterval([true, true], 0)).toEqual({ low: 1, high: 1 });
  });

  it('take the highest logit, and of equal ones the lower class', () => {
    const logits = Float32Array.of(0, 2, 1, 3, 3, -1);
    expect([...predictedClasses(logits, 2)]).toEqual([1, 0]);
    expect(topKAccuracy(logits, Int32Array.of(2, 1), 1)).toBe(0);
    expect(topKAccuracy(logits, Int32Array.of(2, 1), 2)).toBe(1);
    expect(topKAccuracy(logits, Int32Array.of(0, 2), 2)).toBe(0);
  });

  it('make probabilities of logits, however large', () => {
    expect([...softmax([1000, 1000])]).toEqual([0.5, 0.5]);
    expect([...softmax([0, Math.log(3)])]).toEqual([expect.closeTo(0.25, 12), expect.closeTo(0.75, 12)]);
  });
});

describe('logits that are no numbers', () => {
  it('are no prediction, never the right one, and rank a target last', () => {
    const logits = Float32Array.of(NaN, NaN, NaN, 1, NaN, 0, 1, 3, 2);
    const targets = Int32Array.of(0, 0, 1);
    const predicted = predictedClasses(logits, 3);
    expect([...predicted]).toEqual([-1, -1, 1]);
    expect([...ranksOfTargets(logits, targets)]).toEqual([4, 2, 1]);
    expect(topKAccuracy(logits, targets, 3)).toBeCloseTo(2 / 3, 12);
    expect(outcomes(confusionMatrix(predicted, targets, 3))).toEqual([{ truth: 1, prediction: 1, count: 1 }]);
  });
});
