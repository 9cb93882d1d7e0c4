import { numberFrom, type PythonValue } from '../checkpoint/python-values';
import { TorchTensor } from '../checkpoint/tensor';

/** What a checkpoint says of its optimiser. */
export interface OptimizerSummary {
  /** As its state tells: Adam keeps two moments, SGD at most a momentum. */
  readonly kind: string;
  /** Parameters that have a state. */
  readonly states: number;
  readonly parameters: number;
  readonly step: number | undefined;
  readonly learningRate: number | undefined;
  readonly weightDecay: number | undefined;
}

/** The optimiser of a checkpoint; undefined where it has none that is a state_dict. */
export function describeOptimizer(value: PythonValue): OptimizerSummary | undefined {
  const optimizer = itemOf(value, 'optimizer') ?? itemOf(value, 'optimizer_state_dict');
  const state = itemOf(optimizer, 'state');
  const groups = itemOf(optimizer, 'param_groups');
  if (!(state instanceof Map) || !Array.isArray(groups)) return undefined;
  const [first] = state.values();
  const [group] = groups;
  return {
    kind: kindOf(first, group),
    states: state.size,
    parameters: groups.reduce<number>((count, item) => count + lengthOf(itemOf(item, 'params')), 0),
    step: numberOf(itemOf(first, 'step')),
    learningRate: numberOf(itemOf(group, 'lr')),
    weightDecay: numberOf(itemOf(group, 'weight_decay')),
  };
}

function kindOf(state: PythonValue | undefined, group: PythonValue | undefined): string {
  if (itemOf(state, 'exp_avg') !== undefined || itemOf(group, 'betas') !== undefined)
    return itemOf(group, 'decoupled_weight_decay') === true ? 'AdamW' : 'Adam';
  return itemOf(group, 'momentum') === undefined ? 'unknown' : 'SGD';
}

function itemOf(value: PythonValue | undefined, key: string): PythonValue | undefined {
  return value instanceof Map ? (value.get(key) ?? undefined) : undefined;
}

function lengthOf(value: PythonValue | undefined): number {
  return Array.isArray(value) ? value.length : 0;
}

function numberOf(value: PythonValue | undefined): number | undefined {
  return value instanceof TorchTensor && value.length === 1 ? value.toFloat32()[0] : numberFrom(value);
}
