import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect } from '@jest/globals';
import { startRuntime } from '../../src/engine/runtime';
import { evaluateModel } from '../../src/evaluation/evaluate';
import { modelOfFile } from '../../src/evaluation/loaded-model';
import { describeEvaluation, HEADS, type HeadName } from '../../src/evaluation/result';
import { openFolder } from '../support/open-folder';
import { arrayNamed, parityFolder, readArrays, relativeDifference } from '../support/parity';
import { itWithShared, sharedPath } from '../support/shared';

beforeAll(async () => {
  await startRuntime();
});

describe('a checkpoint that PyTorch trained on real clips', () => {
  itWithShared('fixtures/torch/transformer_isl13_best.pt', 'gives here the logits and figures that it gave there', async (file) => {
    const data = sharedPath('data/isl13') ?? '';
    const expected = await readArrays(sharedPath('fixtures/parity/transformer_isl13_val_logits.npz') ?? '');
    const loaded = modelOfFile(file);
    expect(loaded.assumptions).toEqual(['num_heads 8', 'pooling mean']);
    const dataset = await openFolder(data);
    const evaluation = await evaluateModel(loaded, dataset, 32);
    const { outputs, scores } = evaluation;
    expect(relativeDifference(outputs.glossLogits, arrayNamed(expected, 'gloss_logits'))).toBeLessThan(1e-4);
    expect(relativeDifference(outputs.categoryLogits, arrayNamed(expected, 'cat_logits'))).toBeLessThan(1e-4);
    expect(scores.gloss).toEqual({ accuracy: 66 / 78, top5Accuracy: 76 / 78, weightedF1: expect.closeTo(0.848, 3) });
    expect(scores.category.accuracy).toBe(73 / 78);
    const result = describeEvaluation(loaded, dataset, evaluation);
    const figures = JSON.parse(readFileSync(path.join(parityFolder, 'isl13_metrics.json'), 'utf8')) as Record<
      HeadName,
      Record<string, number>
    >;
    for (const head of HEADS) {
      const metrics = new Map<string, number>(Object.entries(result[head].metrics));
      for (const [name, expectedFigure] of Object.entries(figures[head])) {
        // The loss sums float32 logits, which agree to the sixth digit; the others are counts.
        expect([name, metrics.get(name)]).toEqual([name, expect.closeTo(expectedFigure, name === 'loss' ? 5 : 12)]);
      }
    }
  });
});
