import type { TrainingSettings } from '../config/training-settings';

/** A value in a scheduler's state dict. */
type ScheduleState = Readonly<Record<string, number | string | boolean | readonly (number | null)[] | null>>;

/** A learning rate that changes from epoch to epoch, with the state dict of the PyTorch scheduler of that kind. */
export interface LearningRateSchedule {
  /** The rate for the epoch that comes next. */
  readonly learningRate: number;
  /** Ends an epoch. @param metric its validation gloss accuracy. */
  endEpoch(metric: number): void;
  /** As PyTorch's scheduler of this kind writes it; undefined where there is no scheduler. */
  stateDict(): ScheduleState | undefined;
  /** Takes up a state dict, one that PyTorch wrote or one of its own. */
  loadStateDict(state: Readonly<Record<string, unknown>>): void;
}

/** A number of a state dict, or what stands for it where PyTorch's has none. */
function numberIn(state: Readonly<Record<string, unknown>>, key: string, otherwise: number): number {
  const value = state[key];
  return typeof value === 'number' ? value : otherwise;
}

export type ScheduleSettings = Pick<
  TrainingSettings,
  'scheduler' | 'lr' | 'epochs' | 'plateau_factor' | 'plateau_patience' | 'warmup_epochs'
>;

interface ScheduleEntry {
  readonly create: (settings: ScheduleSettings) => LearningRateSchedule;
  /** Whether a state_dict is one of PyTorch's scheduler of this kind, by the keys that only it has. */
  readonly wrote: (state: Readonly<Record<string, unknown>>) => boolean;
}

/** The schedules by the word that `--scheduler` takes. A further one is a row here, and its word (and settings) in config/training-settings.ts. */
const schedules: Readonly<Record<ScheduleSettings['scheduler'], ScheduleEntry>> = {
  none: { create: ({ lr }) => constantSchedule(lr), wrote: () => false },
  plateau: {
    create: ({ lr, plateau_factor, plateau_patience }) => new PlateauSchedule(lr, plateau_factor, plateau_patience),
    wrote: (state) => 'num_bad_epochs' in state && 'patience' in state,
  },
  cosine: { create: ({ lr, epochs }) => cosineSchedule(lr, epochs), wrote: (state) => 'T_max' in state },
  warmup_cosine: {
    create: ({ lr, epochs, warmup_epochs }) => warmupCosineSchedule(lr, epochs, warmup_epochs),
    wrote: (state) => 'lr_lambdas' in state,
  },
};

/** The schedule that the settings name, before its first epoch. */
export function chooseSchedule(settings: ScheduleSettings): LearningRateSchedule {
  return schedules[settings.scheduler].create(settings);
}

/** The kind of PyTorch scheduler that wrote a state_dict, as `--scheduler` names it; undefined for one that Kumpas does not have. */
export function kindOfSchedule(state: Readonly<Record<string, unknown>>): ScheduleSettings['scheduler'] | undefined {
  const words = Object.keys(schedules) as ScheduleSettings['scheduler'][];
  return words.find((word) => schedules[word].wrote(state));
}

/** The same learning rate throughout: no scheduler, and so no state dict. */
export function constantSchedule(baseRate: number): LearningRateSchedule {
  return { learningRate: baseRate, endEpoch: () => undefined, stateDict: () => undefined, loadStateDict: () => undefined };
}

/** A schedule whose rate is a function of the epoch alone. */
class EpochSchedule implements LearningRateSchedule {
  private epoch = 0;

  /**
   * @param factorAt the share of the base rate in an epoch, counted from 0.
   * @param ownState what PyTorch's scheduler of this kind keeps beside the epoch and the rate.
   */
  constructor(
    private readonly baseRate: number,
    private readonly factorAt: (epoch: number) => number,
    private readonly ownState: ScheduleState,
  ) {}

  get learningRate(): number {
    return this.baseRate * this.factorAt(this.epoch);
  }

  endEpoch(): void {
    this.epoch++;
  }

  stateDict(): ScheduleState {
    return {
      ...this.ownState,
      base_lrs: [this.baseRate],
      last_epoch: this.epoch,
      _step_count: this.epoch + 1,
      _is_initial: false,
      _get_lr_called_within_step: false,
      _last_lr: [this.learningRate],
    };
  }

  loadStateDict(state: Readonly<Record<string, unknown>>): void {
    this.epoch = numberIn(state, 'last_epoch', this.epoch);
  }
}

/** `torch.optim.lr_scheduler.CosineAnnealingLR(T_max=epochs)`: from the base rate down to 0 (Loshchilov & Hutter 2017). */
export function cosineSchedule(baseRate: number, epochs: number): LearningRateSchedule {
  const factorAt = (epoch: number): number => halfCosine(epoch / epochs);
  return new EpochSchedule(baseRate, factorAt, { T_max: epochs, eta_min: 0 });
}

/** The reference's warm-up: from a tenth of the base rate up to all of it over `warmupEpochs`, then a cosine down to a hundredth at the end of the training. */
export function warmupCosineSchedule(baseRate: number, epochs: number, warmupEpochs: number): LearningRateSchedule {
  const factorAt = (epoch: number): number => {
    if (epoch < warmupEpochs) return 0.1 + (0.9 * epoch) / warmupEpochs;
    const share = (epoch - warmupEpochs) / Math.max(1, epochs - warmupEpochs);
    return 0.01 + 0.99 * halfCosine(share);
  };
  return new EpochSchedule(baseRate, factorAt, { lr_lambdas: [null] });
}

function halfCosine(share: number): number {
  return 0.5 * (1 + Math.cos(Math.PI * share));
}

const THRESHOLD = 1e-4;
const SMALLEST_CHANGE = 1e-8;

/** `torch.optim.lr_scheduler.ReduceLROnPlateau(mode='max')`: lowers the rate after more than `patience` epochs without a better metric. */
export class PlateauSchedule implements LearningRateSchedule {
  private best = -Infinity;
  private badEpochs = 0;
  private lastEpoch = 0;
  private rate: number;

  constructor(
    baseRate: number,
    private readonly factor: number,
    private readonly patience: number,
  ) {
    this.rate = baseRate;
  }

  get learningRate(): number {
    return this.rate;
  }

  endEpoch(metric: number): void {
    this.lastEpoch++;
    if (metric > this.best * (1 + THRESHOLD)) {
      this.best = metric;
      this.badEpochs = 0;
    } else {
      this.badEpochs++;
    }
    if (this.badEpochs <= this.patience) return;
    this.badEpochs = 0;
    const lowered = this.rate * this.factor;
    if (this.rate - lowered > SMALLEST_CHANGE) this.rate = lowered;
  }

  stateDict(): ScheduleState {
    return {
      factor: this.factor,
      default_min_lr: 0,
      min_lrs: [0],
      patience: this.patience,
      cooldown: 0,
      eps: SMALLEST_CHANGE,
      last_epoch: this.lastEpoch,
      _last_lr: [this.rate],
      mode_worse: -Infinity,
      mode: 'max',
      threshold: THRESHOLD,
      threshold_mode: 'rel',
      best: this.best,
      cooldown_counter: 0,
      num_bad_epochs: this.badEpochs,
    };
  }

  loadStateDict(state: Readonly<Record<string, unknown>>): void {
    this.best = numberIn(state, 'best', this.best);
    this.badEpochs = numberIn(state, 'num_bad_epochs', this.badEpochs);
    this.lastEpoch = numberIn(state, 'last_epoch', this.lastEpoch);
    const [rate] = Array.isArray(state['_last_lr']) ? (state['_last_lr'] as unknown[]) : [];
    if (typeof rate === 'number') this.rate = rate;
  }
}

/** A scheduler's state that waits for a better metric from now on, whatever was reached before: its rate stays, its patience begins anew. */
export function withoutBestMetric(state: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return 'best' in state ? { ...state, best: -Infinity, num_bad_epochs: 0 } : state;
}
