import type { Hyperparameter, OptimizerForm } from '../foundation/optimizer-state';
import { required } from '../foundation/required';
import { describePython, numberFrom, pythonFloat, PythonTuple, type PythonDict, type PythonValue } from './python-values';

/** What optimiser wrote a state_dict, as its keys tell. */
interface OptimizerKind {
  /** As PyTorch calls it, as `NAdam`; for one that is not known, what is odd about it. */
  readonly name: string;
  /** Of the forms that are wanted, the one that it has; undefined where it has none of them. */
  readonly form: OptimizerForm | undefined;
  /** Why it has none of them. */
  readonly otherwise: string | undefined;
}

/**
 * Tells optimisers apart by the keys of their groups of parameters and of their states: those of NAdam, RAdam and others hold Adam's moments too.
 * @param forms of the optimisers that are wanted.
 * @param said what is known of it: it settles what an older file leaves open.
 * @returns undefined where the value is no optimiser's state_dict.
 */
export function optimizerKind(
  optimizer: PythonValue | undefined,
  forms: readonly OptimizerForm[],
  said?: 'adam' | 'adamw',
): OptimizerKind | undefined {
  const groups = groupsOf(optimizer);
  if (groups === undefined) return undefined;
  const stateKeys = keysOf(statesOf(optimizer));
  const groupKeys = keysOf(groups);
  const { name, because } = nameOf(groups, { groupKeys, stateKeys, forms, said });
  const other = (called: string, reason: string): OptimizerKind => ({ name: called, form: undefined, otherwise: reason });
  const unwanted = (called: string, reason: string): OptimizerKind =>
    other(called, `it is ${called} (${reason}), and Kumpas goes on with ${forms.map(({ className }) => className).join(', ')} alone`);
  if (name === UNDECIDED) return other(name, because);
  const form = forms.find(({ className }) => className === name);
  if (form === undefined) return unwanted(name, because);
  for (const key of form.fixed) {
    const fixed = required(form.group[key], `the default of ${key}`);
    const found = groups.map((group) => group.get(key)).find((value) => differs(value, fixed));
    if (found === undefined) continue;
    return unwanted(
      `${name} with ${key}`,
      `"${key}": expected ${describePython(pythonHyperparameter(fixed))}, found ${describePython(found)}`,
    );
  }
  const stateOf = new Set(['step', ...Object.keys(form.slots), ...UNUSED_STATE]);
  const groupOf = new Set([...Object.keys(form.group), ...GENERAL_GROUP]);
  const unknown = [...stateKeys].filter((key) => !stateOf.has(key)).concat([...groupKeys].filter((key) => !groupOf.has(key)));
  if (unknown[0] !== undefined) return unwanted('not known', `it has the key ${unknown[0]}, which PyTorch's ${name} has not`);
  return { name, form, otherwise: undefined };
}

/** Whether a value is the state_dict of an optimiser, whichever it is. */
export function isOptimizerState(value: PythonValue | undefined): value is PythonDict {
  // Of the list no more than the first is looked at: one that is shared would be gone through once for each value that holds it.
  const groups = groupListOf(value);
  return groups?.[0] instanceof Map;
}

/** Optimisers that a key gives away, the more particular ones first. */
const MARKS: readonly (readonly [name: string, ...marks: string[]])[] = [
  ['NAdam', 'momentum_decay', 'mu_product'],
  ['Adamax', 'exp_inf'],
  ['SAM', 'adaptive', 'old_p'],
  ['Adafactor', 'exp_avg_sq_row', 'row_var', 'beta2_decay', 'relative_step', 'scale_parameter', 'clip_threshold'],
  ['Adagrad', 'lr_decay', 'initial_accumulator_value'],
  ['Adadelta', 'rho', 'acc_delta'],
  ['RMSprop', 'centered', 'square_avg'],
  ['Rprop', 'etas', 'step_sizes'],
  ['ASGD', 'lambd', 't0'],
  ['LBFGS', 'history_size'],
  ['Muon', 'ns_steps', 'ns_coefficients'],
  ['Adan', 'exp_avg_diff'],
  ['AdaBelief', 'exp_avg_var', 'weight_decouple'],
  ['AdamP', 'wd_ratio'],
  ['LAMB', 'max_grad_norm', 'grad_averaging', 'always_adapt', 'trust_clip'],
  ['Prodigy', 'd_coef'],
  ['a schedule-free one', 'weight_lr_power'],
  ['one of bitsandbytes', 'state1'],
  ["the library transformers' AdamW", 'correct_bias'],
  ["apex's FusedAdam", 'bias_correction'],
  ['SGD', 'dampening', 'nesterov', 'momentum_buffer'],
];

/** What groups of parameters hold beside their optimiser's own keys: PyTorch's schedulers and the optimisers' base class put it there. */
const GENERAL_GROUP = ['params', 'param_names', 'initial_lr', 'swa_lr', 'max_lr', 'min_lr', 'max_momentum', 'base_momentum', 'name'];

/** What a state may hold that only a variant of its optimiser uses, as Adam with amsgrad. */
const UNUSED_STATE = ['max_exp_avg_sq'];

/** An older PyTorch's Adam or AdamW with a weight decay. */
const UNDECIDED = 'Adam or AdamW';

/** The optimiser's class as its keys tell, and by what. */
function nameOf(
  groups: readonly PythonDict[],
  {
    groupKeys,
    stateKeys,
    forms,
    said,
  }: {
    readonly groupKeys: ReadonlySet<string>;
    readonly stateKeys: ReadonlySet<string>;
    readonly forms: readonly OptimizerForm[];
    readonly said: 'adam' | 'adamw' | undefined;
  },
): { readonly name: string; readonly because: string } {
  const has = (key: string): boolean => groupKeys.has(key) || stateKeys.has(key);
  const marked = forms.find(({ mark }) => mark !== undefined && has(mark));
  if (marked?.mark !== undefined) return { name: marked.className, because: `it has the key ${marked.mark}` };
  for (const [name, ...marks] of MARKS) {
    const mark = marks.find(has);
    if (mark !== undefined) return { name, because: `it has the key ${mark}` };
  }
  if (!has('betas') && !has('exp_avg')) return { name: 'not known', because: `its groups have the keys ${listed(groupKeys)}` };
  if (!groupKeys.has('weight_decay')) return { name: 'SparseAdam', because: 'its groups have no weight_decay' };
  if (groupKeys.has('betas') && !groupKeys.has('amsgrad')) return { name: 'RAdam', because: 'its groups have betas and no amsgrad' };
  if (groups.some((group) => group.get('decoupled_weight_decay') === true))
    return { name: 'AdamW', because: '"decoupled_weight_decay" is True' };
  const decay = groups.map((group) => numberFrom(group.get('weight_decay')) ?? 0).find((value) => value !== 0);
  const tells = groups.every((group) => group.has('decoupled_weight_decay'));
  if (!tells && said === 'adamw') return { name: 'AdamW', because: 'it is said to be' };
  if (tells || said === 'adam' || decay === undefined) return { name: 'Adam', because: 'it has the key betas' };
  const because = `it is Adam or AdamW with a weight decay of ${decay}, and this file of an older PyTorch does not say which (no decoupled_weight_decay): they decay otherwise`;
  return { name: UNDECIDED, because };
}

/** A hyperparameter as PyTorch holds it: its numbers are floats, and several of them a tuple. */
export function pythonHyperparameter(value: Hyperparameter): PythonValue {
  if (typeof value === 'number') return pythonFloat(value);
  return typeof value === 'object' && value !== null ? new PythonTuple(value.map(pythonFloat)) : value;
}

/** Whether a group says otherwise than a default that is fixed. */
function differs(found: PythonValue | undefined, fixed: Hyperparameter): boolean {
  return found !== undefined && found !== fixed && numberFrom(found) !== fixed;
}

function groupsOf(optimizer: PythonValue | undefined): PythonDict[] | undefined {
  const groups = groupListOf(optimizer);
  const dicts = groups?.filter((group) => group instanceof Map);
  return dicts !== undefined && dicts.length > 0 && dicts.length === groups?.length ? dicts : undefined;
}

function groupListOf(optimizer: PythonValue | undefined): readonly PythonValue[] | undefined {
  const groups = optimizer instanceof Map ? optimizer.get('param_groups') : undefined;
  return Array.isArray(groups) ? groups : undefined;
}

function statesOf(optimizer: PythonValue | undefined): PythonDict[] {
  const state = optimizer instanceof Map ? optimizer.get('state') : undefined;
  return state instanceof Map ? [...state.values()].filter((entry) => entry instanceof Map) : [];
}

/** The texts among the keys. A dict that comes again and again is gone through once. */
function keysOf(dicts: readonly PythonDict[]): Set<string> {
  const keys = new Set<string>();
  for (const dict of new Set(dicts)) for (const key of dict.keys()) if (typeof key === 'string') keys.add(key);
  return keys;
}

const MOST_LISTED = 6;

function listed(keys: ReadonlySet<string>): string {
  return [...keys].slice(0, MOST_LISTED).join(', ') + (keys.size > MOST_LISTED ? ', …' : '');
}

/** The optimiser of a checkpoint, wherever its training put it. */
interface FoundOptimizer {
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
