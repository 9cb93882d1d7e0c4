import { CapturedProgram } from './captured/captured-program';
import type { MatrixType } from './captured/matrix-type';
import { EagerProgram } from './eager-program';
import { captureContext, nativeBinding } from './native-backend';
import type { ParameterValues } from './parameters';
import type { Program, ProgramDefinition } from './program';
import { hasNativeKernels } from './tensorflow';

export interface ProgramOptions {
  /** `captured`: each computation is recorded once and replayed by one native call; `eager`: op by op, many times slower, the oracle. */
  readonly mode: 'captured' | 'eager';
  /** The type of a captured program's matrix products; float32 if not given. An eager program computes in float32. */
  readonly matrixType?: MatrixType;
  /** The devices that a captured program divides each batch among, by TensorFlow's names; TensorFlow chooses one where there are none. */
  readonly devices?: readonly string[];
  /** Whether a captured program's GRUs are computed by cuDNN's fused kernels where an NVIDIA GPU computes; true if not given. */
  readonly cudnnGru?: boolean;
  /** Where a captured program runs and its variables live: in this process, or with the target of a server ({@link startServer}) on the machines of its cluster. */
  readonly target?: string;
}

/** A program that runs as the options ask. On tfjs's JavaScript backend, where nothing can be captured, it runs eagerly. */
export function createProgram(
  definition: ProgramDefinition,
  initial: ParameterValues,
  { mode, matrixType, devices, target, cudnnGru = true }: ProgramOptions,
): Program {
  if (mode === 'eager' || !hasNativeKernels()) return new EagerProgram(definition, initial);
  const ofCudnn = cudnnGru && nativeBinding().isUsingGpuDevice();
  return new CapturedProgram(ofCudnn ? byCudnn(definition) : definition, initial, matrixType, devices, target);
}

/** The same program, its GRUs computed by cuDNN. */
export function byCudnn(definition: ProgramDefinition): ProgramDefinition {
  const { evaluate, train } = definition;
  return {
    ...definition,
    evaluate: (...given) => captureContext.run({ cudnnGru: true }, () => evaluate(...given)),
    ...(train === undefined ? {} : { train: (...given) => captureContext.run({ cudnnGru: true }, () => train(...given)) }),
  };
}
