import { numberIn, type LearningRateSchedule, type ScheduleState } from './schedule';

/** A schedule whose rate is a function of the epoch alone. */
export class EpochSchedule implements LearningRateSchedule {
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
