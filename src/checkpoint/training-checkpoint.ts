import { adamFromPython, adamToPython, type AdamState } from './adam-state';
import { describePython } from './describe-python';
import { MalformedCheckpoint } from './malformed-checkpoint';
import { plainRecordFromPython, pythonFromPlain, type PlainRecord } from './plain-value';
import { numberFrom, pythonFloat, type PythonDict, type PythonValue } from './python-values';
import { readStateDict, stateDictToPython, type StateDict, type WeightDtype } from './state-dict';
import { readTorchFile, writeTorchFile } from './torch-file';

export type { AdamState } from './adam-state';
export type { PlainRecord } from './plain-value';
export type { StateDict } from './state-dict';

/** The weights of a checkpoint and what it says about itself. */
export interface CheckpointWeights {
  readonly model: StateDict;
  /** Epochs completed; undefined where the file does not say. */
  readonly epoch: number | undefined;
  /** The best validation metric so far. */
  readonly bestMetric: number | undefined;
  readonly config: PlainRecord | undefined;
  readonly args: PlainRecord | undefined;
}

/** All that a training needs to go on. */
export interface TrainingCheckpoint {
  /** Epochs completed. */
  readonly epoch: number;
  readonly bestMetric: number;
  readonly model: StateDict;
  readonly optimizer: AdamState | undefined;
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

/**
 * The model's parameters in the order in which Adam's state knows them; or how to tell them from the weights: as the lists that come into question, of different
 * lengths.
 */
type ParameterNames = readonly string[] | ((weights: CheckpointWeights) => readonly (readonly string[])[]);

/**
 * Reads a checkpoint to go on training from.
 * @param onUnusableOptimizer is told why an optimiser's state cannot be used, and the rest is read without it; where absent, that is an error.
 * @throws UserError naming the file, the key, what was expected and what was found.
 */
export function readTrainingCheckpoint(
  file: string,
  parameterNames: ParameterNames,
  onUnusableOptimizer?: (reason: string) => void,
): TrainingCheckpoint {
  return readTorchFile(file, (value) => checkpointFromPython(value, parameterNames, onUnusableOptimizer));
}

/**
 * Reads only the weights and settings of a checkpoint; an optimiser's state in the file is not touched.
 * @throws UserError naming the file and what is wrong with it.
 */
export function readWeights(file: string): CheckpointWeights {
  return readTorchFile(file, weightsFromPython);
}

/** The reference's checkpoint: a dict with the keys epoch, model, optimizer, scheduler, scaler, best_metric, args and config. */
export function checkpointToPython(checkpoint: TrainingCheckpoint, dtype: WeightDtype = 'float32'): PythonDict {
  const { epoch, bestMetric, model, optimizer, scheduler, config, args } = checkpoint;
  return new Map<PythonValue, PythonValue>([
    ['epoch', epoch],
    ['model', stateDictToPython(model, dtype)],
    ['optimizer', optimizer ? adamToPython(withInitialRate(optimizer, scheduler), model) : null],
    ['scheduler', recordToPython(scheduler)],
    ['scaler', null],
    ['best_metric', pythonFloat(bestMetric)],
    ['args', recordToPython(args)],
    ['config', recordToPython(config)],
  ]);
}

/**
 * A checkpoint from what the file holds; one without training state (weights alone) has epoch 0 and no optimizer.
 * @throws MalformedCheckpoint naming the key, what was expected and what was found.
 */
export function checkpointFromPython(
  value: PythonValue,
  parameterNames: ParameterNames,
  onUnusableOptimizer?: (reason: string) => void,
): TrainingCheckpoint {
  const weights = weightsFromPython(value);
  const { model, epoch, bestMetric, config, args } = weights;
  return {
    epoch: epoch ?? 0,
    bestMetric: bestMetric ?? -Infinity,
    model,
    optimizer: optimizerFrom(value, weights, parameterNames, onUnusableOptimizer),
    scheduler: plainRecordAt(value, 'scheduler') ?? plainRecordAt(value, 'scheduler_state_dict'),
    config: config ?? {},
    args,
  };
}

function optimizerFrom(
  value: PythonValue,
  weights: CheckpointWeights,
  parameterNames: ParameterNames,
  onUnusable: ((reason: string) => void) | undefined,
): AdamState | undefined {
  const names = typeof parameterNames === 'function' ? parameterNames(weights) : [parameterNames];
  const optimizer = itemOf(value, 'optimizer') ?? itemOf(value, 'optimizer_state_dict');
  if (optimizer === undefined) return undefined;
  try {
    if (weights.epoch === undefined)
      throw new MalformedCheckpoint(
        'the key "epoch" is missing: expected the number of epochs trained, as there is an optimizer to go on with.',
      );
    return adamFromPython(optimizer, names, weights.model);
  } catch (error) {
    if (onUnusable === undefined || !(error instanceof MalformedCheckpoint)) throw error;
    onUnusable(error.message);
    return undefined;
  }
}

/** {@link readWeights} for a value at hand. */
export function weightsFromPython(value: PythonValue): CheckpointWeights {
  const model = readStateDict(value);
  const epoch = numberAt(value, 'epoch');
  if (epoch !== undefined && (!Number.isSafeInteger(epoch) || epoch < 0))
    throw new MalformedCheckpoint(`"epoch": expected a whole number of epochs, found ${epoch}.`);
  return {
    model,
    epoch,
    bestMetric: numberAt(value, 'best_metric'),
    config: plainRecordAt(value, 'config'),
    args: plainRecordAt(value, 'args'),
  };
}

/** PyTorch's schedulers that know a base rate look for it in the group of parameters too. */
function withInitialRate(optimizer: AdamState, scheduler: PlainRecord | undefined): AdamState {
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

/** What is under a key; undefined also for None and for a file that is no dict. */
function itemOf(value: PythonValue, key: string): PythonValue | undefined {
  return (value instanceof Map ? value.get(key) : undefined) ?? undefined;
}

function numberAt(value: PythonValue, key: string): number | undefined {
  const item = itemOf(value, key);
  const number = numberFrom(item);
  if (item !== undefined && number === undefined)
    throw new MalformedCheckpoint(`"${key}": expected a number, found ${describePython(item)}.`);
  return number;
}

/**
 * What is under a key as a plain record; undefined where there is nothing.
 * @throws MalformedCheckpoint where it is no dict.
 */
export function plainRecordAt(value: PythonValue, key: string): PlainRecord | undefined {
  const item = itemOf(value, key);
  const record = item === undefined ? undefined : plainRecordFromPython(item);
  if (item !== undefined && !record) throw new MalformedCheckpoint(`"${key}": expected a dict, found ${describePython(item)}.`);
  return record;
}
