import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { recogniseSchedule } from '../../src/training/legacy-settings';
import { chooseSchedule, kindOfSchedule, type LearningRateSchedule, type ScheduleSettings } from '../../src/training/schedules';
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
  pct_start: 0.3,
  div_factor: 25,
  final_div_factor: 1e4,
  step_size: 10,
  step_gamma: 0.1,
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

/** What PyTorch made of OneCycleLR and StepLR: test/fixtures/optimizers/schedules.py. */
interface TorchSchedule {
  readonly rates: readonly number[];
  readonly state: Readonly<Record<string, unknown>>;
  /** What the optimiser's group of parameters says of rates. */
  readonly group: Readonly<Record<string, number>>;
}

interface TorchOneCycle extends TorchSchedule {
  readonly max_lr: number;
  readonly total_steps: number;
  readonly pct_start?: number;
  readonly div_factor?: number;
  readonly final_div_factor?: number;
}

interface TorchStep extends TorchSchedule {
  readonly lr: number;
  readonly step_size: number;
  readonly gamma: number;
}

const torchFile = path.resolve(__dirname, '../fixtures/optimizers/schedules.json');
const torch = JSON.parse(readFileSync(torchFile, 'utf8')) as {
  readonly one_cycle: readonly TorchOneCycle[];
  readonly step: readonly TorchStep[];
};

describe.each(torch.one_cycle)('the schedule one_cycle of $total_steps updates', (wanted) => {
  const { max_lr, total_steps, pct_start = 0.3, div_factor = 25, final_div_factor = 1e4, rates, state, group } = wanted;
  const settings: ScheduleSettings = {
    ...base,
    scheduler: 'one_cycle',
    lr: max_lr,
    epochs: total_steps,
    pct_start,
    div_factor,
    final_div_factor,
  };
  const after = (updates: number): LearningRateSchedule => {
    const schedule = chooseSchedule(settings);
    for (let update = 0; update < updates; update++) schedule.endUpdate?.();
    return schedule;
  };

  it('uses PyTorch’s learning rate at every update', () => {
    expect(
      relativeDifference(
        rates.map((_, update) => after(update).learningRate),
        rates,
      ),
    ).toBeLessThan(1e-9);
  });

  it('has PyTorch’s state dict, and goes on from it', () => {
    const ours = after(total_steps - 1).stateDict();
    expect(Object.keys(ours ?? {})).toEqual(Object.keys(state));
    expect({ ...ours, _last_lr: [], _schedule_phases: [] }).toEqual({ ...state, _last_lr: [], _schedule_phases: [] });
    const other = chooseSchedule(settings);
    other.loadStateDict({ ...state, last_epoch: 1 });
    expect(other.learningRate).toBe(after(1).learningRate);
    expect(other.groupRates).toEqual({ max_lr: group['max_lr'], min_lr: group['min_lr'] });
  });

  it('is recognised in a checkpoint of PyTorch', () => {
    expect(kindOfSchedule(state)).toBe('one_cycle');
    const { settings: known } = recogniseSchedule(state, group['lr'], new Map(Object.entries(group)));
    expect(known).toMatchObject({ scheduler: 'one_cycle', lr: max_lr });
    expect(
      relativeDifference(
        [known.pct_start ?? 0, known.div_factor ?? 0, known.final_div_factor ?? 0],
        [pct_start, div_factor, final_div_factor],
      ),
    ).toBeLessThan(1e-9);
  });
});

it('one_cycle is over all updates of a training', () => {
  const schedule = chooseSchedule({ ...base, scheduler: 'one_cycle', epochs: 5, lr: 1 }, 4);
  const rates = Array.from({ length: 20 }, () => {
    const rate = schedule.learningRate;
    schedule.endUpdate?.();
    return rate;
  });
  expect(rates.indexOf(Math.max(...rates))).toBe(5);
  expect(rates.at(-1)).toBeLessThan(1e-5);
});

describe.each(torch.step)('the schedule step', ({ lr, step_size, gamma, rates, state }) => {
  const settings: ScheduleSettings = { ...base, scheduler: 'step', lr, step_size, step_gamma: gamma };

  it('uses PyTorch’s learning rate in every epoch, and has its state dict', () => {
    const schedule = chooseSchedule(settings);
    const used = rates.map((_, epoch) => {
      if (epoch > 0) schedule.endEpoch(0);
      return schedule.learningRate;
    });
    expect(relativeDifference(used, rates)).toBeLessThan(1e-12);
    expect({ ...schedule.stateDict(), _last_lr: [] }).toEqual({ ...state, _last_lr: [] });
    expect(kindOfSchedule(state)).toBe('step');
    expect(recogniseSchedule(state, rates[0]).settings).toEqual({ scheduler: 'step', lr, step_size, step_gamma: gamma });
  });
});
