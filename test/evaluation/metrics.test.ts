import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { accuracy, classMetrics, predictedClasses, softmax, topKAccuracy, weightedAverage } from '../../src/evaluation/metrics';
import { parityFolder, relativeDifference } from '../support/parity';

interface Fixture {
  readonly y_true: number[];
  readonly y_pred: number[];
  readonly labels: number;
  readonly accuracy: number;
  readonly weighted: { precision: number; recall: number; f1: number };
  readonly per_class: { precision: number[]; recall: number[]; f1: number[]; support: number[] };
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
