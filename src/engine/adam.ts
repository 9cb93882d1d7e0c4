import type { ParameterValues } from './parameters';

/** `torch.optim.Adam`'s settings but the learning rate, which each step is given. */
export interface AdamSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** L2: added to the gradient, as `torch.optim.Adam` does (not decoupled). */
  readonly weightDecay: number;
  /** The gradient's largest global norm, or undefined for no clipping (`torch.nn.utils.clip_grad_norm_`). */
  readonly clipNorm: number | undefined;
}

/** What Adam remembers, by parameter name; a parameter that never had a gradient is absent. */
export interface AdamState {
  /** Updates done so far. */
  readonly step: number;
  readonly expAvg: ParameterValues;
  readonly expAvgSq: ParameterValues;
}

/**
 * The step size and epsilon with which Adam's update `p −= rate · m / (sqrt(v) + epsilon)` equals PyTorch's bias-corrected one,
 * `p −= lr / (1 − beta1^t) · m / (sqrt(v / (1 − beta2^t)) + eps)`.
 * @param step the update's number, from 1.
 */
export function biasCorrected(settings: AdamSettings, learningRate: number, step: number): { rate: number; epsilon: number } {
  const correction = Math.sqrt(1 - settings.beta2 ** step);
  return { rate: (learningRate * correction) / (1 - settings.beta1 ** step), epsilon: settings.epsilon * correction };
}

/** The factor that `clip_grad_norm_` multiplies the gradient with. */
export function clipFactor(norm: number, clipNorm: number | undefined): number {
  return clipNorm === undefined ? 1 : Math.min(1, clipNorm / (norm + 1e-6));
}
