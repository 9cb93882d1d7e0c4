import { beforeAll, describe, expect, it } from '@jest/globals';
import { startRuntime } from '../../src/engine/runtime';
import { tf } from '../../src/engine/tensorflow';
import { RandomStream } from '../../src/foundation/random';
import { classificationLoss, type LossSettings } from '../../src/training/losses';

beforeAll(async () => {
  await startRuntime();
});

const settings: LossSettings = { loss: 'ce', focal_gamma: 2, focal_alpha: 1, label_smoothing: 0.1 };

/** The definition of torch.nn.functional.cross_entropy with label_smoothing, without reduction, in float64. */
function crossEntropyByDefinition(logits: readonly (readonly number[])[], targets: readonly number[], smoothing: number): number[] {
  return logits.map((row, clip) => {
    const total = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0));
    const share = (id: number): number => (id === targets[clip] ? 1 - smoothing : 0) + smoothing / row.length;
    return row.reduce((sum, logit, id) => sum + share(id) * (total - logit), 0);
  });
}

function lossAndGradient(chosen: Partial<LossSettings>, logits: number[][], targets: number[]): { loss: number[]; gradient: number[] } {
  const compute = classificationLoss({ ...settings, ...chosen });
  return tf.tidy(() => {
    const ids = tf.tensor1d(targets, 'int32');
    const { value, grads } = tf.valueAndGrads((given: tf.Tensor) => tf.sum(compute(given, ids)))([tf.tensor2d(logits)]);
    expect(value.shape).toEqual([]);
    return { loss: [...compute(tf.tensor2d(logits), ids).dataSync()], gradient: [...(grads[0]?.dataSync() ?? [])] };
  });
}

const losses: [string, Partial<LossSettings>][] = [
  ['cross-entropy', { loss: 'ce' }],
  ['cross-entropy with smoothed labels', { loss: 'label_smoothing' }],
  ['focal loss', { loss: 'focal' }],
  ['focal loss with gamma 0', { loss: 'focal', focal_gamma: 0 }],
  ['focal loss with gamma 0.5', { loss: 'focal', focal_gamma: 0.5 }],
];

describe('a loss', () => {
  it.each([1, 2, 13])('is PyTorch’s cross_entropy by its definition for %d classes, smoothed or not', (classes) => {
    const random = new RandomStream(7, classes);
    const logits = Array.from({ length: 5 }, () => Array.from({ length: classes }, () => random.normal(0, 2)));
    const targets = logits.map(() => random.below(classes));
    for (const [loss, smoothing] of [['ce', 0] as const, ['label_smoothing', 0.1] as const]) {
      const expected = crossEntropyByDefinition(logits, targets, smoothing);
      const found = lossAndGradient({ loss, label_smoothing: smoothing }, logits, targets).loss;
      expect(found).toHaveLength(5);
      found.forEach((value, clip) => {
        expect(value).toBeCloseTo(expected[clip] ?? NaN, 5);
      });
    }
  });

  it.each(losses)('of a single class is 0 with a gradient of 0: %s', (_, chosen) => {
    const { loss, gradient } = lossAndGradient(chosen, [[3], [-2], [0]], [0, 0, 0]);
    expect(loss.map(Math.abs)).toEqual([0, 0, 0]);
    expect(gradient.map(Math.abs)).toEqual([0, 0, 0]);
  });

  it.each(losses)('has a finite gradient where a clip is certain: %s', (_, chosen) => {
    const { loss, gradient } = lossAndGradient(
      chosen,
      [
        [200, 0, 0],
        [0, 0.5, 1],
      ],
      [0, 1],
    );
    expect([...loss, ...gradient].every(Number.isFinite)).toBe(true);
    expect(Math.abs(gradient[3] ?? 0)).toBeGreaterThan(0.01);
  });

  it('is focal by its definition: alpha · (1 − p)^gamma · −log p', () => {
    const logits = [
      [0.3, -1, 2],
      [1.5, 0, 0.2],
    ];
    const targets = [2, 1];
    const entropies = crossEntropyByDefinition(logits, targets, 0);
    for (const gamma of [0, 0.5, 1, 2]) {
      const found = lossAndGradient({ loss: 'focal', focal_gamma: gamma, focal_alpha: 0.25 }, logits, targets).loss;
      found.forEach((value, clip) => {
        const entropy = entropies[clip] ?? NaN;
        expect(value).toBeCloseTo(0.25 * (1 - Math.exp(-entropy)) ** gamma * entropy, 5);
      });
    }
  });
});
