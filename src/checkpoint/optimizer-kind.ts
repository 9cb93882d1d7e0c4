import { numberFrom, type PythonDict, type PythonValue } from './python-values';

/** What optimiser wrote a state_dict, as its keys tell. */
export interface OptimizerKind {
  /** As PyTorch calls it, as `NAdam`; for one that is not known, what is odd about it. */
  readonly name: string;
  /** Why plain Adam would not go on as it did; undefined where it would. */
  readonly otherwise: string | undefined;
}

/**
 * Tells optimisers apart by the keys of their groups of parameters and of their states: those of NAdam, RAdam and others hold Adam's moments too.
 * @param said what whoever asks knows of it: `adam` settles what an older file leaves open.
 * @returns undefined where the value is no optimiser's state_dict.
 */
export function optimizerKind(optimizer: PythonValue | undefined, said?: 'adam'): OptimizerKind | undefined {
  const groups = groupsOf(optimizer);
  if (groups === undefined) return undefined;
  const stateKeys = keysOf(statesOf(optimizer));
  const groupKeys = keysOf(groups);
  const keys = new Set([...groupKeys, ...stateKeys]);
  const marked = MARKS.find(([, ...marks]) => marks.some((mark) => keys.has(mark)));
  if (marked !== undefined) {
    const [name, ...marks] = marked;
    return other(name, `it has the key ${marks.find((mark) => keys.has(mark)) ?? ''}`);
  }
  if (!keys.has('betas') && !keys.has('exp_avg')) return other('not known', `its groups have the keys ${listed(groupKeys)}`);
  return adamLike(groups, groupKeys, stateKeys, said);
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

/** What Adam's state keeps of a parameter. */
const ADAM_STATE: ReadonlySet<string> = new Set(['step', 'exp_avg', 'exp_avg_sq', 'max_exp_avg_sq']);

/** What Adam's groups hold, and what PyTorch's schedulers and the optimiser's base class put there too. */
const ADAM_GROUP: ReadonlySet<string> = new Set([
  ...['params', 'param_names', 'lr', 'betas', 'eps', 'weight_decay', 'amsgrad', 'maximize', 'foreach', 'capturable', 'differentiable'],
  ...['fused', 'decoupled_weight_decay', 'initial_lr', 'swa_lr', 'max_lr', 'min_lr', 'max_momentum', 'base_momentum', 'name'],
]);

function adamLike(
  groups: readonly PythonDict[],
  groupKeys: ReadonlySet<string>,
  stateKeys: ReadonlySet<string>,
  said: 'adam' | undefined,
): OptimizerKind {
  const unknown = [...stateKeys].filter((key) => !ADAM_STATE.has(key)).concat([...groupKeys].filter((key) => !ADAM_GROUP.has(key)));
  if (unknown[0] !== undefined) return other('not known', `it has the key ${unknown[0]}, which PyTorch's Adam has not`);
  if (!groupKeys.has('weight_decay')) return other('SparseAdam', 'its groups have no weight_decay');
  if (groupKeys.has('betas') && !groupKeys.has('amsgrad')) return other('RAdam', 'its groups have betas and no amsgrad');
  if (groups.some((group) => group.get('decoupled_weight_decay') === true))
    return other('AdamW', '"decoupled_weight_decay": expected False (plain Adam), found True');
  const decays = groups.map((group) => numberFrom(group.get('weight_decay')) ?? 0);
  const decay = decays.find((value) => value !== 0);
  if (decay !== undefined && said === undefined && groups.some((group) => !group.has('decoupled_weight_decay')))
    return {
      name: 'Adam or AdamW',
      otherwise: `it is Adam or AdamW with a weight decay of ${decay}, and this file of an older PyTorch does not say which (no decoupled_weight_decay): they decay otherwise`,
    };
  const variant = ['amsgrad', 'maximize'].find((key) => groups.some((group) => group.get(key) === true));
  if (variant !== undefined) return other(`Adam with ${variant}`, `"${variant}": expected False (plain Adam), found True`);
  return { name: 'Adam', otherwise: undefined };
}

function other(name: string, because: string): OptimizerKind {
  return { name, otherwise: `it is ${name} (${because}), not the plain Adam that Kumpas trains with` };
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
