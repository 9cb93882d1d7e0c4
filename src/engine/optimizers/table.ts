import type { Hyperparameters, OptimizerForm } from '../../foundation/optimizer-state';
import { adam } from './adam';
import type { Optimizer } from './optimizer';

/** The settings that optimisers are made of. */
export interface OptimizerSettings {
  readonly weight_decay: number;
}

/** The optimiser that settings ask for. */
export function optimizerFor(settings: OptimizerSettings): Optimizer {
  return adam({ weightDecay: settings.weight_decay });
}

/** The optimisers whose state a training can go on with. */
export const optimizerForms: readonly OptimizerForm[] = [adam().form];

/** The settings that a state_dict tells. */
export function settingsOfOptimizer({ hyperparameters }: { readonly hyperparameters: Hyperparameters }): OptimizerSettings {
  return { weight_decay: Number(hyperparameters['weight_decay']) };
}
