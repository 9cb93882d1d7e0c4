import { numberIn, type LearningRateSchedule, type ScheduleState } from './schedule';

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
