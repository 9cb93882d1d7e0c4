import { isOptimizerState } from './optimizer-kind';
import type { PythonDict, PythonValue } from './python-values';

/** The optimiser of a checkpoint, wherever its training put it. */
export interface FoundOptimizer {
  /** Where it is, as `optimizer_states.0`. */
  readonly key: string;
  /** What is there; a state_dict of an optimiser, as far as there is one. */
  readonly value: PythonValue;
  /** The places of further ones, as of a training with two optimisers. */
  readonly others: readonly string[];
}

/** The keys that trainings and libraries use, the usual ones first: Lightning has a list, fairseq the last one. */
const OPTIMIZER_KEYS = [
  ...['optimizer', 'optimizer_state_dict', 'optimizer_state', 'optimizer_states', 'optim', 'optim_state_dict', 'opt'],
  ...['last_optimizer_state', 'optimizers'],
];

/** Finds the optimiser's state_dict; undefined where nothing is under any key of one, and no other key holds one. */
export function findOptimizer(value: PythonValue): FoundOptimizer | undefined {
  if (!(value instanceof Map)) return undefined;
  const looked = new Set<PythonValue>();
  const places = [...new Set<PythonValue>([...OPTIMIZER_KEYS, ...value.keys()])].flatMap((key) => {
    const item = value.get(key);
    if (typeof key !== 'string' || item === undefined || looked.has(item)) return [];
    looked.add(item); // What is there under several keys is looked through once.
    return optimizersIn(key, item);
  });
  const [first, ...others] = places;
  if (first !== undefined) return { ...first, others: others.map(({ key }) => key) };
  const named = OPTIMIZER_KEYS.find((key) => !isNothing(value.get(key)));
  return named === undefined ? undefined : { key: named, value: value.get(named) ?? null, others: [] };
}

/** One that is there itself, or those that a list or dict holds. */
function optimizersIn(key: string, item: PythonValue): { key: string; value: PythonDict }[] {
  if (isOptimizerState(item)) return [{ key, value: item }];
  const inner: [string, PythonValue][] = Array.isArray(item)
    ? item.map((part, index) => [String(index), part])
    : item instanceof Map
      ? [...item.entries()].flatMap(([name, part]): [string, PythonValue][] => (typeof name === 'string' ? [[name, part]] : []))
      : [];
  return inner.flatMap(([name, part]) => (isOptimizerState(part) ? [{ key: `${key}.${name}`, value: part }] : []));
}

function isNothing(item: PythonValue | undefined): boolean {
  if (item instanceof Map) return item.size === 0;
  return item === undefined || item === null || (Array.isArray(item) && item.length === 0);
}
