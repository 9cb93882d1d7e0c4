/** The engine alone: what `import … from 'kumpas/engine'` gives. It knows nothing of signs. */
export { startRuntime, type Runtime, type RuntimeOptions } from './runtime';
export { tf } from './tensorflow';

export { graphFunction, type GraphFunction, type HostArrays, type TensorsOrArrays } from './graph-function';
export { CaptureError } from './captured/recording';
export { scan } from './gru-states';
export { noDropout, seededDropout, type Dropout } from './dropout';

export { createProgram, type ProgramOptions } from './create-program';
export type { BatchDivision, Program, ProgramDefinition, StepResult, TrainingOutputs, UpdateRequest } from './program';
export { tensorNamed, valuesNamed, type HostArray, type NamedArrays, type NamedTensors } from './parameters';
export {
  constantValue,
  initialiseParameters,
  orthogonal,
  standardNormal,
  uniformFanIn,
  type ParameterDeclaration,
  type ParameterValues,
} from './parameters';
export { RandomStream } from '../foundation/random';
export { adam, adamW, type AdamSettings } from './optimizers/adam';
export { sgd, type SgdSettings } from './optimizers/sgd';
export type { Optimizer } from './optimizers/optimizer';
export type { ParameterGroup } from './optimizers/parameter-groups';
export { exponentialAverage, type AverageState, type WeightAverage } from './optimizers/weight-average';

export { rawOperation, rawOperations, savedTensor, withOwnGradient, type OperationAttribute } from './native-backend';
export { registerOperation, type LowPrecision, type OperationCall, type OperationRules } from './captured/operation-rules';
