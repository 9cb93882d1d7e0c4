import type { EpochDone } from '../events';
import type { TrainHooks } from '../train';
import type { StoppedTrial } from './halving';
import type { SweepPlan, Trial } from './plan';
import type { Point } from './points';
import type { TrialFigures } from './trial-folders';

/** Something that happens in a sweep. */
export type SweepEvent =
  /** All settings are checked. `done` of the trials are so from before. */
  | { readonly kind: 'planned'; readonly plan: SweepPlan; readonly done: number }
  | { readonly kind: 'trial-start'; readonly trial: Trial; readonly resumed: boolean }
  | { readonly kind: 'trial-epoch'; readonly trial: Trial; readonly epoch: EpochDone }
  | { readonly kind: 'trial-end'; readonly trial: Trial; readonly figures: TrialFigures }
  /** It waits for the others of its rung. */
  | { readonly kind: 'trial-paused'; readonly trial: Trial; readonly reached: StoppedTrial }
  /** After so many epochs these points go on; the trials of the others are stopped. */
  | { readonly kind: 'rung-end'; readonly epochs: number; readonly goOn: readonly Point[]; readonly stopped: readonly Trial[] }
  /** The others go on. */
  | { readonly kind: 'trial-failed'; readonly trial: Trial; readonly message: string; readonly error: unknown }
  | { readonly kind: 'warning'; readonly text: string };

/** How a sweep is watched and stopped. Aborted, the trials that run save their state, and the sweep's next call goes on with them. */
export type SweepHooks = Omit<TrainHooks, 'onEvent' | 'registry' | 'now'> & {
  readonly onEvent?: (event: SweepEvent) => void;
};
