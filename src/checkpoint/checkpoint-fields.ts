import { describePython, numberFrom, type PlainRecord, plainRecordFromPython, PythonFloat, type PythonValue } from './python-values';
import { readTensors, type StateDict } from './state-dict';
import { TorchTensor } from './tensor';

/** What a checkpoint says beside its weights and its optimiser. */
export interface CheckpointFields {
  /** Epochs completed; undefined where the file does not say. */
  readonly epoch: number | undefined;
  /** The best validation metric so far. */
  readonly bestMetric: number | undefined;
  readonly config: PlainRecord | undefined;
  readonly args: PlainRecord | undefined;
  /** A scheduler's state_dict under PyTorch's names. */
  readonly scheduler: PlainRecord | undefined;
  /** What weighed the losses, by name, where that was learnt. */
  readonly lossWeighting?: StateDict | undefined;
  /** What is there and was not understood, and what became of it; a line each. */
  readonly notes: readonly string[];
}

/** The keys under which trainings keep the settings that they were started with; Lightning's is the second. */
const ARGS_KEYS = ['args', 'hyper_parameters', 'hparams'];
/** The key under which a checkpoint holds what weighs the losses, as tensors by name. */
export const LOSS_WEIGHTING_KEY = 'loss_weighting';
const SCHEDULER_KEYS = ['scheduler', 'scheduler_state_dict', 'lr_scheduler', 'lr_schedulers'];

/**
 * Reads what training scripts leave beside weights, each in its own way. Whatever is not understood is told and passed over: it is no reason to refuse weights.
 * @throws MalformedCheckpoint for settings that no honest file has, as 200,000 values.
 */
export function checkpointFields(value: PythonValue): CheckpointFields {
  const reader = new FieldReader(value);
  const epoch = reader.epoch('epoch');
  const bestMetric = reader.metric('best_metric');
  const config = reader.record(['config']);
  const args = reader.record(ARGS_KEYS);
  const scheduler = reader.record(SCHEDULER_KEYS);
  return { epoch, bestMetric, config, args, scheduler, lossWeighting: reader.tensors(LOSS_WEIGHTING_KEY), notes: reader.notes };
}

class FieldReader {
  readonly notes: string[] = [];

  constructor(private readonly value: PythonValue) {}

  epoch(key: string): number | undefined {
    const item = this.itemAt(key);
    if (item === undefined) return undefined;
    const epoch = numberIn(item);
    if (epoch === undefined || !Number.isSafeInteger(epoch) || epoch < 0) {
      this.passOver(key, 'a whole number of epochs', item, epoch);
      return undefined;
    }
    if (typeof item === 'string') this.notes.push(`"${key}" is ${describePython(item)}: it was taken as ${epoch}`);
    return epoch;
  }

  metric(key: string): number | undefined {
    const item = this.itemAt(key);
    if (item === undefined) return undefined;
    const metric = numberIn(item);
    if (metric !== undefined && !Number.isNaN(metric)) return metric;
    this.passOver(key, 'a number', item, metric);
    return undefined;
  }

  /** The first of the keys that holds a dict. */
  record(keys: readonly string[]): PlainRecord | undefined {
    for (const key of keys) {
      const item = this.itemAt(key);
      const [only] = Array.isArray(item) ? item : [];
      const record = item === undefined ? undefined : plainRecordFromPython(key === 'lr_schedulers' && only !== undefined ? only : item);
      if (record !== undefined) return record;
      if (item !== undefined && !(Array.isArray(item) && item.length === 0)) this.passOver(key, 'a dict', item);
    }
    return undefined;
  }

  /** The tensors of a dict of such; undefined for anything else. */
  tensors(key: string): StateDict | undefined {
    const item = this.itemAt(key);
    if (!(item instanceof Map) || item.size === 0) return undefined;
    const tensors = [...item].filter(
      (entry): entry is [string, TorchTensor] => typeof entry[0] === 'string' && entry[1] instanceof TorchTensor,
    );
    return tensors.length === item.size ? readTensors(new Map(tensors)) : undefined;
  }

  /** What is under a key; undefined also for None and for a file that is no dict. */
  private itemAt(key: string): PythonValue | undefined {
    const item = this.value instanceof Map ? (this.value.get(key) ?? undefined) : undefined;
    // Of a file that is a state_dict itself, a tensor of such a name is a weight.
    return item instanceof TorchTensor && item.length !== 1 ? undefined : item;
  }

  private passOver(key: string, expected: string, item: PythonValue, number?: number): void {
    const found = item instanceof TorchTensor && number !== undefined ? `a tensor of the number ${number}` : describePython(item);
    this.notes.push(`"${key}": expected ${expected}, found ${found}; it was passed over`);
  }
}

/** A number, a tensor of one, or a text that is a number. */
function numberIn(item: PythonValue): number | undefined {
  if (item instanceof TorchTensor) return item.length === 1 ? item.toFloat32()[0] : undefined;
  if (typeof item === 'string') return /^\s*[+-]?\d+(\.\d+)?(e[+-]?\d+)?\s*$/i.test(item) ? Number(item) : undefined;
  return item instanceof PythonFloat ? item.value : numberFrom(item);
}
