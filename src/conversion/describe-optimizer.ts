import { describePython, numberFrom, type PythonValue } from '../checkpoint/python-values';
import { findOptimizer } from '../checkpoint/find-optimizer';
import { optimizerKind } from '../checkpoint/optimizer-kind';
import { optimizerForms } from '../engine/optimizers/table';
import { TorchTensor } from '../checkpoint/tensor';

/** What a checkpoint says of its optimiser. */
export interface OptimizerSummary {
  /** As its keys tell. */
  readonly kind: string;
  /** Why no training goes on from it here; undefined where one does. */
  readonly otherwise: string | undefined;
  /** Where it is, as `optimizer_states.0`. */
  readonly key: string;
  /** Parameters that have a state. */
  readonly states: number;
  readonly parameters: number;
  readonly step: number | undefined;
  readonly learningRate: number | undefined;
  readonly weightDecay: number | undefined;
}

/** The optimiser of a checkpoint; undefined where it has none. */
export function describeOptimizer(value: PythonValue, said?: 'adam'): OptimizerSummary | undefined {
  const found = findOptimizer(value);
  if (found === undefined) return undefined;
  const kind = optimizerKind(found.value, optimizerForms, said);
  const state = itemOf(found.value, 'state');
  const groupList = itemOf(found.value, 'param_groups');
  const groups = Array.isArray(groupList) ? groupList : [];
  const [first] = state instanceof Map ? state.values() : [];
  const [group] = groups;
  return {
    kind: kind?.name ?? 'not known',
    otherwise:
      kind === undefined
        ? `"${found.key}" is ${describePython(found.value)}, no state of an optimizer`
        : (kind.otherwise ?? severalOf(found.others.length + 1, 'optimizers') ?? severalOf(groups.length, 'groups of parameters')),
    key: found.key,
    states: state instanceof Map ? state.size : 0,
    parameters: groups.reduce<number>((count, item) => count + lengthOf(itemOf(item, 'params')), 0),
    step: numberOf(itemOf(first, 'step')),
    learningRate: numberOf(itemOf(group, 'lr')),
    weightDecay: numberOf(itemOf(group, 'weight_decay')),
  };
}

function severalOf(count: number, what: string): string | undefined {
  return count > 1 ? `it has ${count} ${what}, and Kumpas goes on with one` : undefined;
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
