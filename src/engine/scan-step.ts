import type { tf } from './tensorflow';

/** What a scan goes over. */
export interface ScanInputs {
  /** At least one, each `[frames, …]`: a step sees one frame of them. */
  readonly sequences: readonly tf.Tensor[];
  /** What the first step is given, and each step hands on to the next. */
  readonly state: readonly tf.Tensor[];
  /** What every step is given. */
  readonly constants: readonly tf.Tensor[];
  /** From the last frame to the first. */
  readonly reverse?: boolean;
}

/** What a step hands on, and what it leaves behind; also what a whole scan gives: the last state, and the outputs `[frames, …]`. */
export interface ScanResult {
  readonly state: readonly tf.Tensor[];
  readonly outputs: readonly tf.Tensor[];
}

/** The computation of one frame. It must not use tensors but those that it is given and those that it makes. */
export type ScanStep = (sequences: readonly tf.Tensor[], state: readonly tf.Tensor[], constants: readonly tf.Tensor[]) => ScanResult;
