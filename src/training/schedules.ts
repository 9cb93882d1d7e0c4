import type { PlainRecord } from '../checkpoint/training-checkpoint';
import type { scheduleSettings } from '../config/schedule-settings';
import type { TrainingSettings } from '../config/training-settings';

/** A scheduler's state dict. */
type ScheduleState = PlainRecord;

/** A learning rate that changes from epoch to epoch, or from update to update, with the state dict of the PyTorch scheduler of that kind. */
export interface LearningRateSchedule {
  /** The rate for the update that comes next. */
  readonly learningRate: number;
  /** Rates that PyTorch's scheduler of this kind keeps in the optimiser's group of parameters, beside `initial_lr`. */
  readonly groupRates?: Readonly<Record<string, number>>;
  /** Ends an update, where the rate changes from one to the next. */
  endUpdate?(): void;
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

export type ScheduleSettings = Pick<TrainingSettings, 'scheduler' | 'lr' | 'epochs' | keyof typeof scheduleSettings>;

interface ScheduleEntry {
  readonly create: (settings: ScheduleSettings, updatesAnEpoch: number) => LearningRateSchedule;
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
  one_cycle: {
    create: ({ lr, epochs, pct_start, div_factor, final_div_factor }, updatesAnEpoch) =>
      new OneCycleSchedule(lr, epochs * updatesAnEpoch, { start: pct_start, divisor: div_factor, finalDivisor: final_div_factor }),
    wrote: (state) => '_schedule_phases' in state,
  },
  step: {
    create: ({ lr, step_size, step_gamma }) => stepSchedule(lr, step_size, step_gamma),
    wrote: (state) => 'step_size' in state && 'gamma' in state,
  },
};

/**
 * The schedule that the settings name, before its first epoch.
 * @param updatesAnEpoch how often the optimiser moves the weights in an epoch, for a schedule that goes from update to update.
 */
export function chooseSchedule(settings: ScheduleSettings, updatesAnEpoch = 1): LearningRateSchedule {
  return schedules[settings.scheduler].create(settings, updatesAnEpoch);
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

/** `torch.optim.lr_scheduler.StepLR`: every `size` epochs the rate is multiplied by `gamma`. */
export function stepSchedule(baseRate: number, size: number, gamma: number): LearningRateSchedule {
  return new EpochSchedule(baseRate, (epoch) => gamma ** Math.floor(epoch / size), { step_size: size, gamma });
}

/** What PyTorch's OneCycleLR calls pct_start, div_factor and final_div_factor. */
interface OneCycleShape {
  readonly start: number;
  readonly divisor: number;
  readonly finalDivisor: number;
}

/**
 * `torch.optim.lr_scheduler.OneCycleLR(cycle_momentum=False)`, stepped after every update (Smith & Topin 2018): a cosine up to the largest rate, and one down to
 * almost nothing at the last update.
 */
export class OneCycleSchedule implements LearningRateSchedule {
  private update = 0;
  private readonly first: number;
  private readonly least: number;
  /** The update at which the rate is largest; it need not be a whole number. */
  private readonly top: number;

  /** @param updates of the whole training. */
  constructor(
    private readonly largest: number,
    private readonly updates: number,
    { start, divisor, finalDivisor }: OneCycleShape,
  ) {
    this.first = largest / divisor;
    this.least = this.first / finalDivisor;
    this.top = start * updates - 1;
  }

  get learningRate(): number {
    const update = Math.min(this.update, this.updates - 1);
    if (update <= this.top) return between(this.first, this.largest, this.top === 0 ? 1 : update / this.top);
    return between(this.largest, this.least, (update - this.top) / (this.updates - 1 - this.top));
  }

  get groupRates(): Readonly<Record<string, number>> {
    return { max_lr: this.largest, min_lr: this.least };
  }

  endUpdate(): void {
    this.update++;
  }

  endEpoch(): void {
    // Its rate is a function of the update alone.
  }

  stateDict(): ScheduleState {
    return {
      total_steps: this.updates,
      _schedule_phases: [
        { end_step: this.top, start_lr: 'initial_lr', end_lr: 'max_lr', start_momentum: 'max_momentum', end_momentum: 'base_momentum' },
        {
          end_step: this.updates - 1,
          start_lr: 'max_lr',
          end_lr: 'min_lr',
          start_momentum: 'base_momentum',
          end_momentum: 'max_momentum',
        },
      ],
      _anneal_func_type: 'cos',
      cycle_momentum: false,
      base_lrs: [this.first],
      last_epoch: this.update,
      _step_count: this.update + 1,
      _is_initial: false,
      _get_lr_called_within_step: false,
      _last_lr: [this.learningRate],
    };
  }

  loadStateDict(state: Readonly<Record<string, unknown>>): void {
    this.update = numberIn(state, 'last_epoch', this.update);
  }
}

/** On a cosine from one rate to another. @param share of the way. */
function between(from: number, to: number, share: number): number {
  return to + (from - to) * halfCosine(share);
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
