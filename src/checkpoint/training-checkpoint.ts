import type { OptimizerForm } from '../foundation/optimizer-state';
import { checkpointFields, type CheckpointFields } from './checkpoint-fields';
import { findOptimizer } from './find-optimizer';
import { MalformedCheckpoint } from './malformed-checkpoint';
import { optimizerFromPython, optimizerToPython, type OptimizerReading, type SavedOptimizer } from './optimizer-state-dict';
import { pythonFromPlain, type PlainRecord } from './plain-value';
import { pythonFloat, type PythonDict, type PythonValue } from './python-values';
import { readTensors, stateDictToPython, weightTensors, type StateDict, type WeightDtype } from './state-dict';
import { readTorchFile, writeTorchFile } from './torch-file';

export type { SavedOptimizer } from './optimizer-state-dict';
export type { PlainRecord } from './plain-value';
export type { StateDict } from './state-dict';

/** How whoever reads a checkpoint wants it read. */
export interface CheckpointReading {
  /** The key of the weights to take, as `ema`; undefined for the raw ones. */
  readonly key?: string | undefined;
  /** What its optimiser is, where whoever asks says so of a file that leaves it open. */
  readonly optimizer?: 'adam' | undefined;
}

/** The weights of a checkpoint and what it says about itself; the notes tell what was passed over or chosen, a line each. */
export interface CheckpointWeights extends CheckpointFields {
  readonly model: StateDict;
}

/** All that a training needs to go on. */
export interface TrainingCheckpoint {
  /** Epochs completed. */
  readonly epoch: number;
  readonly bestMetric: number;
  readonly model: StateDict;
  readonly optimizer: SavedOptimizer | undefined;
  /** A scheduler's state_dict under PyTorch's names. */
  readonly scheduler: PlainRecord | undefined;
  readonly config: PlainRecord;
  readonly args: PlainRecord | undefined;
}

/**
 * Writes a training's checkpoint as a file that PyTorch resumes from, atomically.
 * @param dtype the type of the weights; the optimiser's state stays in float32.
 */
export function writeTrainingCheckpoint(file: string, checkpoint: TrainingCheckpoint, dtype: WeightDtype = 'float32'): void {
  writeTorchFile(file, checkpointToPython(checkpoint, dtype));
}

/** Weights under the names of a model, with the parameters in the order in which an optimiser's state knows them: as the lists that come into question. */
export interface FittedWeights {
  readonly weights: StateDict;
  /** Of different lengths. */
  readonly parameters: readonly (readonly string[])[];
}

/** The names of the model's parameters in order; or what finds out of the weights which model it is. */
type ParameterNames = readonly string[] | ((weights: CheckpointWeights) => FittedWeights);

/**
 * Reads a checkpoint to go on training from.
 * @param forms of the optimisers that a training can go on with.
 * @param onUnusableOptimizer is told why an optimiser's state cannot be used, and the rest is read without it; where absent, that is an error.
 * @throws UserError naming the file, the key, what was expected and what was found.
 */
export function readTrainingCheckpoint(
  file: string,
  parameterNames: ParameterNames,
  forms: readonly OptimizerForm[],
  onUnusableOptimizer?: (reason: string) => void,
  reading?: CheckpointReading,
): TrainingCheckpoint {
  return readTorchFile(file, (value) => checkpointFromPython(value, parameterNames, forms, onUnusableOptimizer, reading));
}

/**
 * Reads only the weights and settings of a checkpoint; an optimiser's state in the file is not touched.
 * @throws UserError naming the file and what is wrong with it.
 */
export function readWeights(file: string, reading?: CheckpointReading): CheckpointWeights {
  return readTorchFile(file, (value) => weightsFromPython(value, reading));
}

/** The reference's checkpoint: a dict with the keys epoch, model, optimizer, scheduler, scaler, best_metric, args and config. */
export function checkpointToPython(checkpoint: TrainingCheckpoint, dtype: WeightDtype = 'float32'): PythonDict {
  const { epoch, bestMetric, model, optimizer, scheduler, config, args } = checkpoint;
  return new Map<PythonValue, PythonValue>([
    ['epoch', epoch],
    ['model', stateDictToPython(model, dtype)],
    ['optimizer', optimizer ? optimizerToPython(withInitialRate(optimizer, scheduler), model) : null],
    ['scheduler', recordToPython(scheduler)],
    ['scaler', null],
    ['best_metric', pythonFloat(bestMetric)],
    ['args', recordToPython(args)],
    ['config', recordToPython(config)],
  ]);
}

/**
 * A checkpoint from what the file holds; one without training state (weights alone) has no optimizer, and one that does not say so has epoch 0.
 * @throws MalformedCheckpoint naming the key, what was expected and what was found.
 */
export function checkpointFromPython(
  value: PythonValue,
  parameterNames: ParameterNames,
  forms: readonly OptimizerForm[],
  onUnusableOptimizer?: (reason: string) => void,
  reading?: CheckpointReading,
): TrainingCheckpoint {
  const read = weightsFromPython(value, reading);
  const { epoch, bestMetric, config, args, scheduler } = read;
  const fitted = typeof parameterNames === 'function' ? parameterNames(read) : { weights: read.model, parameters: [parameterNames] };
  return {
    epoch: epoch ?? 0,
    bestMetric: bestMetric ?? -Infinity,
    model: fitted.weights,
    optimizer: optimizerFrom(value, { ...fitted, model: fitted.weights, forms, said: reading?.optimizer }, onUnusableOptimizer),
    scheduler,
    config: config ?? {},
    args,
  };
}

function optimizerFrom(
  value: PythonValue,
  reading: OptimizerReading,
  onUnusable: ((reason: string) => void) | undefined,
): SavedOptimizer | undefined {
  const found = findOptimizer(value);
  if (found === undefined) return undefined;
  try {
    if (found.others.length > 0)
      throw new MalformedCheckpoint(`it holds several optimizers, under ${[found.key, ...found.others].join(', ')}; expected one.`);
    return optimizerFromPython(found.value, reading);
  } catch (error) {
    if (onUnusable === undefined || !(error instanceof MalformedCheckpoint)) throw error;
    onUnusable(error.message);
    return undefined;
  }
}

/** {@link readWeights} for a value at hand. */
export function weightsFromPython(value: PythonValue, reading?: CheckpointReading): CheckpointWeights {
  const { tensors, notes } = weightTensors(value, reading?.key);
  const fields = checkpointFields(value);
  return { ...fields, model: readTensors(tensors), notes: [...notes, ...fields.notes] };
}

/** PyTorch's schedulers that know a base rate look for it in the group of parameters too. */
function withInitialRate(optimizer: SavedOptimizer, scheduler: PlainRecord | undefined): SavedOptimizer {
  const [base] = Array.isArray(scheduler?.['base_lrs']) ? (scheduler['base_lrs'] as readonly unknown[]) : [];
  const further = optimizer.furtherGroupKeys ?? new Map<string, never>();
  if (typeof base !== 'number' || further.has('initial_lr')) return optimizer;
  return { ...optimizer, furtherGroupKeys: new Map([...further, ['initial_lr', pythonFloat(base)]]) };
}

/** Settings of PyTorch's schedulers and of the reference that are floats in Python, though their values here may be whole. */
const FLOAT_KEYS: ReadonlySet<string> = new Set([
  ...['lr', '_last_lr', 'base_lrs', 'initial_lr', 'eta_min', 'start_factor', 'end_factor', 'factor', 'threshold', 'eps'],
  ...['best', 'mode_worse', 'weight_decay', 'dropout', 'alpha', 'beta', 'gamma', 'label_smoothing', 'grad_clip', 'clip', 'best_metric'],
]);

function recordToPython(record: PlainRecord | undefined): PythonValue {
  return record ? pythonFromPlain(record, (key) => FLOAT_KEYS.has(key)) : null;
}
