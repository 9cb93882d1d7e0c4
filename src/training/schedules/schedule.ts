/** A value in a scheduler's state dict. */
export type ScheduleState = Readonly<Record<string, number | string | boolean | readonly (number | null)[] | null>>;

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
export function numberIn(state: Readonly<Record<string, unknown>>, key: string, otherwise: number): number {
  const value = state[key];
  return typeof value === 'number' ? value : otherwise;
}
