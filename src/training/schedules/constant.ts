import type { LearningRateSchedule } from './schedule';

/** The same learning rate throughout: no scheduler, and so no state dict. */
export function constantSchedule(baseRate: number): LearningRateSchedule {
  return { learningRate: baseRate, endEpoch: () => undefined, stateDict: () => undefined, loadStateDict: () => undefined };
}
