import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ownModels } from '../../src/models/model-table';
import { accuracyWithin, pointsThatGoOn, rungsOf } from '../../src/training/sweep/halving';
import { planSweep, type SweepPlan } from '../../src/training/sweep/plan';
import { switchedOff, type VariedSettings } from '../../src/training/sweep/points';
import { summarise } from '../../src/training/sweep/results';
import { sweepDocument, sweepPage, trialsTable } from '../../src/training/sweep/results-text';
import { spreadOf, studentQuantile } from '../../src/training/sweep/statistics';
import type { TrialFigures, TrialFolder } from '../../src/training/sweep/trial-folders';
import { inTemporaryFolder } from '../support/clip-files';

function planOf(grid: Readonly<Record<string, readonly string[]>>, seeds: readonly number[] = [1, 2, 3]): SweepPlan {
  const axes = Object.entries(grid).map(([name, values]) => ({ name, values }));
  return planSweep({ base: { source: 'command line', values: {} }, axes, typed: true, seeds }, ownModels);
}

function folderWith(glossAccuracy: number, others: Partial<TrialFigures> = {}): TrialFolder {
  const figures = { glossAccuracy, categoryAccuracy: 0.9, calibrationError: 0.04, bestEpoch: 7, epochs: 10, seconds: 12, parameters: 1000 };
  return { folder: 'sweeps/lr/model', log: [], figures: { ...figures, ...others } };
}

describe('the figures over seeds', () => {
  it('are the mean, the sample’s deviation and Student’s interval', () => {
    // By hand: mean 0.9, squares 0.0001 + 0 + 0.0001 over 2, half-width 4.3027 × 0.01 / √3.
    const spread = spreadOf([0.89, 0.9, 0.91]);
    expect(spread?.mean).toBeCloseTo(0.9, 12);
    expect(spread?.deviation).toBeCloseTo(0.01, 12);
    expect(spread?.interval?.low).toBeCloseTo(0.9 - 0.024841, 6);
    expect(spread?.interval?.high).toBeCloseTo(0.9 + 0.024841, 6);
    expect(spreadOf([0.5])).toEqual({ count: 1, mean: 0.5, deviation: undefined, interval: undefined });
    expect(spreadOf([])).toBeUndefined();
  });

  it('take t of the tables', () => {
    const tables = { 1: 12.7062, 2: 4.3027, 3: 3.1824, 4: 2.7764, 9: 2.2622, 10: 2.2281, 30: 2.0423, 120: 1.9799, 1000: 1.9623 };
    for (const [degrees, t] of Object.entries(tables)) expect(studentQuantile(Number(degrees))).toBeCloseTo(t, 4);
    expect(studentQuantile(5, 0.99)).toBeCloseTo(4.0321, 4);
  });
});

describe('the winner', () => {
  const plan = planOf({ lr: ['1e-4', '3e-4', '1e-3'] }, [1, 2]);
  const winner = (accuracies: readonly (readonly [number, number])[], parameters: readonly number[] = [1, 1, 1]): string | undefined => {
    const values = accuracies.flat();
    const folders = plan.trials.map(
      ({ id, point }, place) => [id, folderWith(values[place] ?? 0, { parameters: parameters[point] ?? 0 })] as const,
    );
    return summarise(plan, new Map(folders)).winner?.name;
  };

  it('has the highest mean; of equal ones the smaller deviation, then fewer parameters', () => {
    expect(
      winner([
        [0.8, 0.9],
        [0.7, 0.99],
        [0.8, 0.85],
      ]),
    ).toBe('lr 0.0001');
    expect(
      winner([
        [0.8, 0.9],
        [0.84, 0.86],
        [0.75, 0.95],
      ]),
    ).toBe('lr 0.0003');
    expect(
      winner(
        [
          [0.8, 0.9],
          [0.9, 0.8],
          [0.8, 0.9],
        ],
        [3, 2, 1],
      ),
    ).toBe('lr 0.001');
    expect(
      winner([
        [0.8, 0.9],
        [0.9, 0.8],
        [0.8, 0.9],
      ]),
    ).toBe('lr 0.0001');
  });

  it('has all of its trials done', () => {
    const [first, second, ...others] = plan.trials;
    const done = new Map([first, ...others].map((trial) => [trial?.id ?? '', folderWith(trial?.point === 0 ? 0.99 : 0.5)]));
    const result = summarise(plan, done, new Map([[second?.id ?? '', 'the loss became NaN']]));
    expect(result.winner?.name).toBe('lr 0.0003');
    expect(result.points[0]).toMatchObject({ complete: false, trials: [{ state: 'done' }, { state: 'failed' }] });
    const page = sweepPage('Sweep lr', result);
    expect(page).toContain('| lr 0.0001 | 99.0 % | – | 90.0 % | 0.040 | 7.0 | 12.0 s | 1 of 2 |');
    expect(page).toContain('Failed: lr-0.0001\\_seed-2: the loss became NaN');
    expect(trialsTable(result).split('\n').slice(0, 3)).toEqual([
      'trial,point,lr,seed,fold,state,gloss_accuracy,category_accuracy,calibration_error,best_epoch,seconds,epochs,parameters,folder',
      'lr-0.0001_seed-1,lr 0.0001,0.0001,1,,done,0.99,0.9,0.04,7,12,10,1000,sweeps/lr/model',
      'lr-0.0001_seed-2,lr 0.0001,0.0001,2,,failed,,,,,,,,',
    ]);
  });
});

describe('successive halving', () => {
  const planWith = (halving: number, points: number, epochs: number): SweepPlan =>
    planSweep(
      {
        base: { source: 'command line', values: { epochs: String(epochs) } },
        axes: [{ name: 'lr', values: Array.from({ length: points }, (_, place) => `${place + 1}e-4`) }],
        typed: true,
        seeds: [1, 2],
        halving,
      },
      ownModels,
    );

  it('divides the epochs as it divides the points', () => {
    expect(rungsOf(planWith(3, 9, 27))).toEqual([
      { epochs: 3, keep: 3 },
      { epochs: 9, keep: 1 },
    ]);
    expect(rungsOf(planWith(2, 5, 20))).toEqual([
      { epochs: 3, keep: 3 },
      { epochs: 5, keep: 2 },
      { epochs: 10, keep: 1 },
    ]);
    expect(rungsOf(planWith(3, 9, 2))).toEqual([{ epochs: 1, keep: 3 }]); // Both rungs would be after the first epoch.
    expect(rungsOf(planWith(3, 9, 1))).toEqual([]);
    expect(rungsOf(planOf({ lr: ['1e-4', '3e-4'] }))).toEqual([]);
  });

  it('goes on with the points of the highest means over their trials, and never with one that failed', () => {
    const accuracies = new Map([
      [0, [0.9, 0.1]],
      [1, [0.6, 0.6]],
      [2, [0.99, undefined]],
      [3, [0.4, 0.8]],
      [4, [0.7, 0.7]],
    ]);
    expect(pointsThatGoOn(accuracies, 1)).toEqual([4]);
    expect(pointsThatGoOn(accuracies, 2)).toEqual([1, 4]);
    expect(pointsThatGoOn(accuracies, 5)).toEqual([0, 1, 3, 4]);
    const log = [0.2, 0.5, 0.4, 0.9].map((gloss_acc, place) => ({
      epoch: place + 1,
      train_loss: 1,
      val_loss: 1,
      gloss_acc,
      cat_acc: 1,
      lr: 1,
    }));
    expect([0, 1, 3, 9].map((epochs) => accuracyWithin(log, epochs))).toEqual([undefined, 0.2, 0.5, 0.9]);
  });

  it('says in its tables which trials were stopped, when, and how good they were', () => {
    const plan = planWith(2, 2, 10);
    const [first, second, third, fourth] = plan.trials.map(({ id }) => id);
    const result = summarise(
      plan,
      new Map([
        [first ?? '', folderWith(0.9)],
        [second ?? '', folderWith(0.8)],
      ]),
      new Map(),
      new Map([
        [third ?? '', { epochs: 5, glossAccuracy: 0.5 }],
        [fourth ?? '', { epochs: 5, glossAccuracy: 0.7 }],
      ]),
    );
    expect(result.winner?.name).toBe('lr 0.0001');
    const page = sweepPage('Sweep lr', result);
    expect(page).toContain('| lr 0.0002 | – | – | – | – | – | – | stopped after 5 epochs at 60.0 % |');
    expect(page).toContain('Successive halving: of 2 points the best go on, by the means of their trials: 1 after 5 of 10 epochs.');
    expect(page).not.toContain('not done yet');
    expect(trialsTable(result).split('\n')[3]).toBe('lr-0.0002_seed-1,lr 0.0002,0.0002,1,,stopped,0.5,,,,,5,,');
    expect(sweepDocument(result)).toMatchObject({
      halving: 2,
      points: [{}, { trials: [{ state: 'stopped', stopped: { epochs: 5, gloss_accuracy: 0.5 } }, {}] }],
    });
  });

  it('is refused where there is nothing to choose among', () => {
    expect(() => planWith(1, 2, 10)).toThrow('--halving: expected a whole number of at least 2, found 1');
    expect(() => planWith(3, 1, 10)).toThrow('--halving: expected several points to choose among, found one; give --grid or --random');
    const request = { base: { source: 'command line', values: {} }, axes: [], typed: true, halving: 3 };
    expect(() => planSweep({ ...request, axes: [{ name: 'epochs', values: ['1', '2'] }] }, ownModels)).toThrow(
      '--halving: it says itself how many epochs a point is trained; leave epochs out of --grid',
    );
    expect(() => planSweep({ ...request, ablations: { smaller: { lr: 1e-3 } } }, ownModels)).toThrow('--halving: an ablation compares all');
  });
});

describe('the plan', () => {
  it('has every combination with every seed, typed values read as flags are', () => {
    const plan = planOf({ 'learning-rate': ['1e-4', '3e-4'], grad_clip: ['none', '1'], ema: ['true'] }, [1, 2]);
    expect(plan.points.map(({ values }) => values)).toEqual([
      { lr: 1e-4, grad_clip: null, ema: true },
      { lr: 1e-4, grad_clip: 1, ema: true },
      { lr: 3e-4, grad_clip: null, ema: true },
      { lr: 3e-4, grad_clip: 1, ema: true },
    ]);
    expect(plan.trials).toHaveLength(8);
    expect(plan.trials[3]).toMatchObject({
      id: 'lr-0.0001_grad_clip-1_ema-true_seed-2',
      point: 1,
      settings: { lr: 1e-4, grad_clip: 1, seed: 2 },
    });
    expect(plan.baseSeed).toBe(42);
  });

  it('draws points from values and ranges, a function of the seed', () => {
    const drawn = (seed: string): readonly VariedSettings[] =>
      planSweep(
        {
          base: { source: 'command line', values: { seed } },
          axes: [
            { name: 'lr', values: ['1e-5..1e-2:log'] },
            { name: 'num_layers', values: ['1..3'] },
            { name: 'pooling', values: ['mean', 'cls'] },
          ],
          typed: true,
          random: 40,
        },
        ownModels,
      ).points.map(({ values }) => values);
    const points = drawn('7');
    expect(points).toHaveLength(40);
    expect(drawn('7')).toEqual(points);
    expect(drawn('8')).not.toEqual(points);
    const rates = points.map(({ lr }) => Number(lr));
    expect(rates.every((rate) => rate >= 1e-5 && rate <= 1e-2)).toBe(true);
    expect(rates.filter((rate) => rate < 1e-4).length).toBeGreaterThan(5); // Evenly drawn, one in a hundred would be.
    expect(new Set(points.map((point) => point['num_layers']))).toEqual(new Set([1, 2, 3]));
    expect(new Set(points.map(({ pooling }) => pooling))).toEqual(new Set(['mean', 'cls']));
    expect(() => planOf({ lr: ['1e-3..1e-4'] })).toThrow(
      /1e-3|0.001\.\.0.0001 is a range, from which --random N draws[^]*expected a range from less to more/,
    );
  });

  it('tries the weights of both losses as the grid search of the PyTorch pipeline does', () => {
    const request = { base: { source: 'command line', values: {} }, axes: [], typed: true, lossWeights: true };
    const { points, trials } = planSweep(request, ownModels);
    expect(points.map(({ values }) => values)).toEqual(
      [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9].map((alpha) => ({ alpha, beta: Number((1 - alpha).toFixed(1)) })),
    );
    expect(trials[0]?.id).toBe('alpha-0.1_beta-0.9_seed-42');
    expect(() => planSweep({ ...request, axes: [{ name: 'alpha', values: ['1'] }] }, ownModels)).toThrow(
      '--grid alpha: --loss-weights varies it already',
    );
  });

  it('trains each point in each fold', async () => {
    await inTemporaryFolder((folder) => {
      for (const fold of [1, 2]) mkdirSync(path.join(folder, `fold_${fold}`));
      const request = { base: { source: 'command line', values: { data: folder } }, axes: [], typed: true, seeds: [1, 2] };
      expect(planSweep({ ...request, folds: 2 }, ownModels).trials.map(({ id, settings }) => [id, settings['data']])).toEqual([
        ['base_seed-1_fold-1', path.join(folder, 'fold_1')],
        ['base_seed-1_fold-2', path.join(folder, 'fold_2')],
        ['base_seed-2_fold-1', path.join(folder, 'fold_1')],
        ['base_seed-2_fold-2', path.join(folder, 'fold_2')],
      ]);
      expect(() => planSweep({ ...request, folds: 3 }, ownModels)).toThrow(/fold_3 is not there: npm run data -- split CLIPS --folds 3/);
      return Promise.resolve();
    });
  });

  it('has the base and each change of an ablation, and the table what that makes', () => {
    const ablations = { 'without the average': { ema: false } };
    const plan = planSweep({ base: { source: 'command line', values: { ema: true } }, axes: [], typed: true, ablations }, ownModels);
    expect(plan.trials.map(({ id, settings }) => [id, settings['ema']])).toEqual([
      ['base_seed-42', true],
      ['without-the-average_seed-42', false],
    ]);
    const folders = new Map(plan.trials.map(({ id, point }) => [id, folderWith(0.9 - 0.02 * point)]));
    const page = sweepPage('Parts', summarise(plan, folders));
    expect(page).toContain('| change | gloss accuracy | to the base |');
    expect(page).toContain('| without the average | 88.0 % | −2.0 |');
  });

  it('switches off what is named, to its default, and all of it together', () => {
    expect(switchedOff(['ema', 'augment'], ownModels)).toEqual({
      'without ema': { ema: false },
      'without augment': { augment: 'none' },
      'without any of them': { ema: false, augment: 'none' },
    });
  });
});
