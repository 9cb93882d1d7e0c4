/** PyTorch's files: what `import … from 'kumpas/torch'` gives. It loads nothing of TensorFlow. */
export { readTorchFile, writeTorchFile } from './torch-file';
export { writeSafetensors } from './safetensors';
export {
  readCheckpoint,
  readWeights,
  writeTrainingCheckpoint as writeCheckpoint,
  type CheckpointReading,
  type CheckpointWeights,
  type OpenCheckpoint,
  type ReadOptimizer,
  type SavedOptimizer,
  type TrainingCheckpoint,
} from './training-checkpoint';
export { stateDictTensors, stateDictToPython, type NamedTensorData, type StateDict, type WeightDtype } from './state-dict';
export { tensorOf, TorchTensor } from './tensor';
export type { Dtype, TensorValues } from './tensor';
export type { PlainRecord, PlainValue } from './python-values';
export type { PythonDict, PythonValue } from './python-values';
