import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { resolveSettings } from '../../src/config/resolve';
import { startRuntime } from '../../src/engine/runtime';
import { ownModels } from '../../src/models/model-table';
import { lossWeightsAt, type CurriculumSettings } from '../../src/training/curriculum';
import type { EpochDone } from '../../src/training/events';
import { inTemporaryFolder } from '../support/clip-files';
import { parityFolder, relativeDifference } from '../support/parity';
import { smallSettings, trainSmall, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

interface Fixture {
  readonly curricula: {
    readonly curriculum_epochs: number;
    readonly warmup_epochs: number;
    readonly min_weight: number;
    readonly alpha_beta_by_epoch: Readonly<Record<string, [alpha: number, beta: number][]>>;
  };
}

const { curricula } = JSON.parse(readFileSync(path.join(parityFolder, 'schedules.json'), 'utf8')) as Fixture;
const base: CurriculumSettings = {
  alpha: 0.5,
  beta: 0.5,
  curriculum: 'none',
  curriculum_schedule: 'linear',
  curriculum_epochs: curricula.curriculum_epochs,
  curriculum_warmup: curricula.warmup_epochs,
  curriculum_min_weight: curricula.min_weight,
};
const cases = Object.entries(curricula.alpha_beta_by_epoch);

it('there are figures of three curricula by three schedules', () => {
  expect(cases).toHaveLength(9);
});

describe.each(cases)('the curriculum %s', (name, expected) => {
  const [curriculum, curriculum_schedule] = name.split('/') as [
    CurriculumSettings['curriculum'],
    CurriculumSettings['curriculum_schedule'],
  ];

  it('weights the losses as the reference does, in every epoch', () => {
    const found = expected.map((_, epoch) => lossWeightsAt(epoch, { ...base, curriculum, curriculum_schedule }));
    expect(
      relativeDifference(
        found.map(({ alpha }) => alpha),
        expected.map(([alpha]) => alpha),
      ),
    ).toBeLessThan(1e-6);
    expect(
      relativeDifference(
        found.map(({ beta }) => beta),
        expected.map(([, beta]) => beta),
      ),
    ).toBeLessThan(1e-6);
  });

  it('ends with the alpha and beta that were set, and keeps their sum', () => {
    const settings = { ...base, alpha: 1.2, beta: 0.8, curriculum, curriculum_schedule };
    expect(lossWeightsAt(curricula.curriculum_epochs + curricula.warmup_epochs, settings)).toEqual({ alpha: 1.2, beta: 0.8 });
    for (let epoch = 0; epoch < 20; epoch++) {
      const { alpha, beta } = lossWeightsAt(epoch, settings);
      expect(alpha + beta).toBeCloseTo(2, 12);
    }
  });
});

it('no curriculum leaves alpha and beta as they are', () => {
  expect(lossWeightsAt(0, { ...base, alpha: 0.7, beta: 0 })).toEqual({ alpha: 0.7, beta: 0 });
});

it('a curriculum that would end with less than it begins with is refused', () => {
  const settle = (typed: Record<string, string>): unknown => resolveSettings({ commandLine: { data: 'clips', ...typed } }, ownModels);
  expect(() => settle({ curriculum: 'gloss-first', alpha: '1', beta: '0.05' })).toThrow(
    '--curriculum: gloss-first ends with alpha and beta: expected beta to be at least the share 0.1 of their sum (curriculum_min_weight), found 0.05 of 1.05',
  );
  expect(() => settle({ curriculum: 'category-first', alpha: '0', beta: '1' })).toThrow(/expected alpha to be at least/);
  expect(() => settle({ curriculum: 'category-first', alpha: '1', beta: '0' })).not.toThrow();
  expect(() => settle({ curriculum: 'gloss_first' })).toThrow(/--curriculum: expected .*gloss-first/);
});

it('a training tells the weights of each epoch, in metrics.jsonl and in its events', async () => {
  await inTemporaryFolder(async (folder) => {
    writeSmallData(folder);
    const epochs: EpochDone[] = [];
    const typed = { curriculum: 'gloss-first', curriculum_epochs: '2' };
    const onEvent: Parameters<typeof trainSmall>[1] = {
      onEvent: (event) => {
        if (event.kind === 'epoch-end') epochs.push(event);
      },
    };
    const { run } = await trainSmall(smallSettings(folder, typed), onEvent);
    const metrics = readFileSync(run.folder.files.metrics, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { alpha: number; beta: number });
    const expected = [
      [0.9, 0.1],
      [0.7, 0.3],
      [0.5, 0.5],
    ];
    const close = ([alpha, beta]: number[]): unknown => ({
      alpha: expect.closeTo(alpha ?? NaN, 12),
      beta: expect.closeTo(beta ?? NaN, 12),
    });
    expect(metrics).toEqual(expected.map((weights) => expect.objectContaining(close(weights) as Record<string, unknown>)));
    expect(epochs.map(({ lossWeights }) => lossWeights)).toEqual(expected.map(close));
    epochs.length = 0;
    const { run: plain } = await trainSmall(smallSettings(folder, { epochs: '1' }), onEvent);
    expect(epochs.map(({ lossWeights }) => lossWeights)).toEqual([undefined]);
    expect(readFileSync(plain.folder.files.metrics, 'utf8')).toMatch(/"alpha":0.5,"beta":0.5/);
  });
});
