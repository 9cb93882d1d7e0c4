import { hasNativeKernels } from './tensorflow';
import { CapturedProgram } from './captured/captured-program';
import type { MatrixType } from './captured/matrix-type';
import { EagerProgram } from './eager-program';
import type { ParameterValues } from './parameters';
import type { Program, ProgramDefinition } from './program';

export interface ProgramOptions {
  /** `captured`: each computation is recorded once and replayed by one native call; `eager`: op by op, many times slower, the oracle. */
  readonly mode: 'captured' | 'eager';
  /** The type of a captured program's matrix products; float32 if not given. An eager program computes in float32. */
  readonly matrixType?: MatrixType;
  /** The devices that a captured program divides each batch among, by TensorFlow's names; TensorFlow chooses one where there are none. */
  readonly devices?: readonly string[];
  /** Where a captured program runs and its variables live: in this process, or with the target of a server ({@link startServer}) on the machines of its cluster. */
  readonly target?: string;
}

/** A program that runs as the options ask. On tfjs's JavaScript backend, where nothing can be captured, it runs eagerly. */
export function createProgram(
  definition: ProgramDefinition,
  initial: ParameterValues,
  { mode, matrixType, devices, target }: ProgramOptions,
): Program {
  return mode === 'captured' && hasNativeKernels()
    ? new CapturedProgram(definition, initial, matrixType, devices, target)
    : new EagerProgram(definition, initial);
}
