import type { OptimizerForm } from '../foundation/optimizer-state';
import { MalformedCheckpoint } from './bytes';
import { checkpointFields, LOSS_WEIGHTING_KEY, type CheckpointFields } from './checkpoint-fields';
import { TRAINED_KEY } from './find-weights';
import { findOptimizer } from './optimizer-kind';
import {
  namesInGroups,
  optimizerFromPython,
  type OptimizerReading,
  optimizerToPython,
  type SavedGroup,
  type SavedOptimizer,
} from './optimizer-state-dict';
import { type PlainRecord, type PythonDict, pythonFloat, pythonFromPlain, type PythonValue } from './python-values';
import { readTensors, type StateDict, stateDictToPython, type WeightDtype, weightTensors } from './state-dict';
import { readTorchFile, writeTorchFile, writeTorchFileMeanwhile } from './torch-file';

export type { SavedOptimizer } from './optimizer-state-dict';
export type { PlainRecord } from './python-values';
export type { StateDict } from './state-dict';

/** How a checkpoint is to be read. */
export interface CheckpointReading {
  /** The key of the weights to take, as `ema`; undefined for the raw ones. */
  readonly key?: string | undefined;
  /** Which optimiser it has, for a file that leaves it open. */
  readonly optimizer?: 'adam' | 'adamw' | undefined;
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
  /** The weights as they are trained. */
  readonly model: StateDict;
  /** Their moving average, with the buffers, where the training keeps one. */
  readonly average?: StateDict | undefined;
  readonly optimizer: SavedOptimizer | undefined;
  /** What weighs the losses, by name, where that is learnt: the training's and not the model's. */
  readonly lossWeighting?: StateDict | undefined;
  /** A scheduler's state_dict under PyTorch's names. */
  readonly scheduler: PlainRecord | undefined;
  readonly config: PlainRecord;
  readonly args: PlainRecord | undefined;
}

/**
 * Which weights of a training with an average have the model's place, under `model`: those that are trained, with their average under `ema`; or the average,
 * with the others under `raw`.
 */
type LeadingWeights = 'trained' | 'averaged';

/**
 * Writes a training's checkpoint as a file that PyTorch resumes from, atomically.
 * @param dtype the type of the weights; the optimiser's state stays in float32.
 */
export function writeTrainingCheckpoint(
  file: string,
  checkpoint: TrainingCheckpoint,
  dtype: WeightDtype = 'float32',
  leading: LeadingWeights = 'trained',
): void {
  writeTorchFile(file, checkpointToPython(checkpoint, dtype, leading));
}

/** {@link writeTrainingCheckpoint} in float32, trained weights first, while the program does other work; the checkpoint's values must stay as they are meanwhile. */
export async function writeTrainingCheckpointMeanwhile(file: string, checkpoint: TrainingCheckpoint): Promise<void> {
  await writeTorchFileMeanwhile(file, checkpointToPython(checkpoint));
}

/** What became of the optimiser in a file: its state, or why no training goes on from it. */
export type ReadOptimizer = { readonly usable: true; readonly state: SavedOptimizer } | { readonly usable: false; readonly reason: string };

/** A checkpoint whose file is open: each part is read when it is asked for, and no other. */
export class OpenCheckpoint {
  constructor(private readonly value: PythonValue) {}

  /**
   * The weights, and what the file says of itself.
   * @param key of the weights to take, as `ema`; undefined for the raw ones.
   * @throws MalformedCheckpoint where there are none, or they are damaged.
   */
  weights(key?: string): CheckpointWeights {
    const { tensors, notes } = weightTensors(this.value, key);
    const fields = checkpointFields(this.value);
    return { ...fields, model: readTensors(tensors), notes: [...notes, ...fields.notes] };
  }

  /** The keys of the weights that a training of Kumpas goes on with, and of their average; undefined where it kept none. */
  averaging(): { readonly trained: string; readonly average: string } | undefined {
    const { value } = this;
    if (!(value instanceof Map) || averagedUpdates(checkpointFields(value).config) === undefined) return undefined;
    if (value.has(TRAINED_KEY)) return { trained: TRAINED_KEY, average: MODEL_KEY };
    return value.has(AVERAGE_KEY) ? { trained: MODEL_KEY, average: AVERAGE_KEY } : undefined;
  }

  /** The optimiser's state, once it is known which model the weights are of; undefined where the file holds none. */
  optimizer(reading: OptimizerReading): ReadOptimizer | undefined {
    const found = findOptimizer(this.value);
    if (found === undefined) return undefined;
    if (found.others.length > 0)
      return { usable: false, reason: `it holds several optimizers, under ${[found.key, ...found.others].join(', ')}; expected one.` };
    try {
      const known = withLossWeighting(reading, checkpointFields(this.value).lossWeighting, found.value);
      return { usable: true, state: optimizerFromPython(found.value, { ...known, takesGroups: isOfKumpas(this.value) }) };
    } catch (error) {
      if (error instanceof MalformedCheckpoint) return { usable: false, reason: error.message };
      throw error;
    }
  }
}

/**
 * Opens a checkpoint of any form, hands it to `read`, and closes it.
 * @returns what `read` returns.
 * @throws UserError naming the file and what is wrong with it; and what `read` throws.
 */
export function readCheckpoint<Result>(file: string, read: (checkpoint: OpenCheckpoint) => Result): Result {
  return readTorchFile(file, (value) => read(new OpenCheckpoint(value)));
}

/**
 * Reads only the weights and settings of a checkpoint; an optimiser's state in the file is not touched.
 * @throws UserError naming the file and what is wrong with it.
 */
export function readWeights(file: string, reading?: CheckpointReading): CheckpointWeights {
  return readCheckpoint(file, (checkpoint) => checkpoint.weights(reading?.key));
}

/**
 * Reads a checkpoint to go on training from, of a model whose parameters are known.
 * @param parameterNames in the order of the model.
 * @param forms of the optimisers that a training can go on with.
 * @throws UserError naming the file, the key, what was expected and what was found; also where its optimiser cannot be used.
 */
export function readTrainingCheckpoint(
  file: string,
  parameterNames: readonly string[],
  forms: readonly OptimizerForm[],
): TrainingCheckpoint {
  return readTorchFile(file, (value) => checkpointFromPython(value, parameterNames, forms));
}

const MODEL_KEY = 'model';
/** Where an average of the weights lies beside them: in the `_last.pt` of a training with `ema`, and in files of others. */
export const AVERAGE_KEY = 'ema';

/** How many updates an average has followed, from a checkpoint's config; undefined where its training kept none. */
export function averagedUpdates(config: PlainRecord | undefined): number | undefined {
  const progress = config?.['progress'];
  const updates =
    typeof progress === 'object' && progress !== null && 'averaged_updates' in progress ? progress['averaged_updates'] : undefined;
  return typeof updates === 'number' && Number.isSafeInteger(updates) && updates >= 0 ? updates : undefined;
}

/** The reference's checkpoint: a dict with the keys epoch, model, optimizer, scheduler, scaler, best_metric, args and config; with an average also ema or raw. */
export function checkpointToPython(
  checkpoint: TrainingCheckpoint,
  dtype: WeightDtype = 'float32',
  leading: LeadingWeights = 'trained',
): PythonDict {
  const { epoch, bestMetric, model, average, optimizer, lossWeighting, scheduler, config, args } = checkpoint;
  const known = new Map([...model, ...underOptimizersNames(lossWeighting)]);
  const averageLeads = average !== undefined && leading === 'averaged';
  const further: [string, StateDict][] = average === undefined ? [] : [averageLeads ? [TRAINED_KEY, model] : [AVERAGE_KEY, average]];
  return new Map<PythonValue, PythonValue>([
    ['epoch', epoch],
    [MODEL_KEY, stateDictToPython(averageLeads ? average : model, dtype)],
    ...further.map(([key, weights]) => [key, stateDictToPython(weights, dtype)] as const),
    ['optimizer', optimizer ? optimizerToPython(withInitialRate(optimizer, scheduler), known) : null],
    ...(lossWeighting === undefined ? [] : ([[LOSS_WEIGHTING_KEY, stateDictToPython(lossWeighting)]] satisfies [string, PythonValue][])),
    ['scheduler', recordToPython(scheduler)],
    ['scaler', null],
    ['best_metric', pythonFloat(bestMetric)],
    ['args', recordToPython(args)],
    ['config', recordToPython(config)],
  ]);
}

/**
 * {@link readTrainingCheckpoint} for a value at hand.
 * @throws MalformedCheckpoint naming the key, what was expected and what was found.
 */
export function checkpointFromPython(
  value: PythonValue,
  parameterNames: readonly string[],
  forms: readonly OptimizerForm[],
): TrainingCheckpoint {
  const checkpoint = new OpenCheckpoint(value);
  const keys = checkpoint.averaging();
  const weights = checkpoint.weights(keys?.trained);
  const average = keys && checkpoint.weights(keys.average).model;
  const optimizer = checkpoint.optimizer({ forms, parameters: [parameterNames], model: weights.model });
  if (optimizer?.usable === false) throw new MalformedCheckpoint(optimizer.reason);
  return { ...trainingCheckpoint(weights, weights.model, optimizer?.state), ...(average === undefined ? {} : { average }) };
}

/**
 * What was read of a file, as a training's state; one that does not say so has epoch 0.
 * @param model the weights under the model's own names.
 * @param optimizer undefined where the file holds weights alone.
 */
export function trainingCheckpoint(
  { epoch = 0, bestMetric = -Infinity, config = {}, args, scheduler, lossWeighting }: CheckpointFields,
  model: StateDict,
  optimizer: SavedOptimizer | undefined,
): TrainingCheckpoint {
  return { epoch, bestMetric, model, optimizer, scheduler, config, args, ...(lossWeighting === undefined ? {} : { lossWeighting }) };
}

/** What weighs the losses under the names that an optimiser knows it by. */
function underOptimizersNames(lossWeighting: StateDict | undefined): StateDict {
  return new Map([...(lossWeighting ?? [])].map(([name, data]) => [`${LOSS_WEIGHTING_KEY}.${name}`, data]));
}

/** How an optimiser is read that may train what weighs the losses beside the model: then it names it. */
function withLossWeighting(reading: OptimizerReading, lossWeighting: StateDict | undefined, optimizer: PythonValue): OptimizerReading {
  const weighting = underOptimizersNames(lossWeighting);
  const names = namesInGroups(optimizer);
  const trained = [...weighting.keys()].filter((name) => names.has(name));
  if (trained.length === 0) return reading;
  return {
    ...reading,
    parameters: reading.parameters.map((ofModel) => [...ofModel, ...trained]),
    model: new Map([...reading.model, ...weighting]),
  };
}

/** Whether Kumpas wrote a checkpoint: its settings say what several groups of parameters are. */
export function isOfKumpas(value: PythonValue): boolean {
  return value instanceof Map && checkpointFields(value).config?.['kumpas_version'] !== undefined;
}

/** PyTorch's schedulers that know a base rate look for it in the groups of parameters too. */
function withInitialRate(optimizer: SavedOptimizer, scheduler: PlainRecord | undefined): SavedOptimizer {
  const bases = Array.isArray(scheduler?.['base_lrs']) ? (scheduler['base_lrs'] as readonly unknown[]) : [];
  const withBase = <Group extends SavedGroup>(group: Group, base: unknown): Group => {
    const further = group.furtherGroupKeys ?? new Map<string, never>();
    if (typeof base !== 'number' || further.has('initial_lr')) return group;
    return { ...group, furtherGroupKeys: new Map([...further, ['initial_lr', pythonFloat(base)]]) };
  };
  const { groups } = optimizer;
  if (groups === undefined) return withBase(optimizer, bases[0]);
  return { ...optimizer, groups: groups.map((group, place) => withBase(group, bases[place])) };
}

/** Settings of PyTorch's schedulers and of the reference that are floats in Python, though their values here may be whole. */
const FLOAT_KEYS: ReadonlySet<string> = new Set([
  ...['lr', '_last_lr', 'base_lrs', 'initial_lr', 'eta_min', 'start_factor', 'end_factor', 'factor', 'threshold', 'eps'],
  ...['best', 'mode_worse', 'weight_decay', 'dropout', 'alpha', 'beta', 'gamma', 'label_smoothing', 'grad_clip', 'clip', 'best_metric'],
  ...['adam_beta1', 'adam_beta2', 'momentum'],
]);

function recordToPython(record: PlainRecord | undefined): PythonValue {
  return record ? pythonFromPlain(record, (key) => FLOAT_KEYS.has(key)) : null;
}
