/** PyTorch's files: what `import … from 'kumpas/torch'` gives. It loads nothing of TensorFlow. */
export { readTorchFile, writeTorchFile } from './torch-file';
export { tensorOf, TorchTensor } from './tensor';
export type { Dtype, TensorValues } from './dtype';
export type { PythonDict, PythonValue } from './python-values';
