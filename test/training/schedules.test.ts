import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { chooseSchedule, type ScheduleSettings } from '../../src/training/schedules';
import { parityFolder, relativeDifference } from '../support/parity';

interface Fixture {
  readonly base_lr: number;
  readonly schedules: {
    readonly plateau: { metrics: number[]; patience: number; factor: number; lr_used_in_epoch: number[] };
    readonly cosine: { epochs: number; lr_used_in_epoch: number[] };
    readonly warmup_cosine: { epochs: number; warmup_epochs: number; lr_used_in_epoch: number[] };
  };
}

const fixture = JSON.parse(readFileSync(path.join(parityFolder, 'schedules.json'), 'utf8')) as Fixture;
const { plateau, cosine, warmup_cosine } = fixture.schedules;
const base: ScheduleSettings = {
  scheduler: 'none',
  lr: fixture.base_lr,
  epochs: 20,
  plateau_factor: 0.5,
  plateau_patience: 5,
  warmup_epochs: 5,
};

const cases: { settings: ScheduleSettings; metrics: number[]; expected: number[] }[] = [
  {
    settings: { ...base, scheduler: 'plateau', plateau_factor: plateau.factor, plateau_patience: plateau.patience },
    metrics: plateau.metrics,
    expected: plateau.lr_used_in_epoch,
  },
  { settings: { ...base, scheduler: 'cosine', epochs: cosine.epochs }, metrics: [], expected: cosine.lr_used_in_epoch },
  {
    settings: { ...base, scheduler: 'warmup_cosine', epochs: warmup_cosine.epochs, warmup_epochs: warmup_cosine.warmup_epochs },
    metrics: [],
    expected: warmup_cosine.lr_used_in_epoch,
  },
];

describe.each(cases)('the schedule $settings.scheduler', ({ settings, metrics, expected }) => {
  it('uses PyTorch’s learning rate in every epoch', () => {
    const schedule = chooseSchedule(settings);
    const used = expected.map((_, epoch) => {
      const rate = schedule.learningRate;
      schedule.endEpoch(metrics[epoch] ?? 0);
      return rate;
    });
    expect(relativeDifference(used, expected)).toBeLessThan(1e-12);
  });

  it('goes on from its state dict as if it had never stopped', () => {
    const half = Math.floor(expected.length / 2);
    const first = chooseSchedule(settings);
    for (let epoch = 0; epoch < half; epoch++) first.endEpoch(metrics[epoch] ?? 0);
    const second = chooseSchedule(settings);
    second.loadStateDict(JSON.parse(JSON.stringify(first.stateDict())) as Record<string, unknown>);
    const used = expected.slice(half).map((_, offset) => {
      const rate = second.learningRate;
      second.endEpoch(metrics[half + offset] ?? 0);
      return rate;
    });
    expect(relativeDifference(used, expected.slice(half))).toBeLessThan(1e-12);
  });
});

it('no scheduler keeps the rate and has no state', () => {
  const schedule = chooseSchedule(base);
  schedule.endEpoch(0.5);
  expect(schedule.learningRate).toBe(fixture.base_lr);
  expect(schedule.stateDict()).toBeUndefined();
});
