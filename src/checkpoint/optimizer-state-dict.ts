import type { Hyperparameter, Hyperparameters, OptimizerForm, OptimizerState } from '../foundation/optimizer-state';
import { countNotFinite, elementAt, required } from '../foundation/required';
import { MalformedCheckpoint } from './bytes';
import { optimizerKind, pythonHyperparameter } from './optimizer-kind';
import { describePython, numberFrom, type PythonDict, PythonFloat, PythonTuple, type PythonValue } from './python-values';
import type { StateDict } from './state-dict';
import { tensorOf, TorchTensor } from './tensor';

/** Parameters that an optimiser updates alike, and how: one of PyTorch's `param_groups`. */
export interface SavedGroup {
  /** PyTorch knows them by their position. */
  readonly parameterNames: readonly string[];
  readonly learningRate: number;
  /** Those that its form names. */
  readonly hyperparameters: Hyperparameters;
  /** What else the group says under PyTorch's names, as `foreach` and `initial_lr`; PyTorch's defaults where absent. */
  readonly furtherGroupKeys?: ReadonlyMap<string, PlainScalar>;
}

/** An optimiser's state as a checkpoint holds it: that of one group of all parameters, in the order of the model, or of several. */
export interface SavedOptimizer extends OptimizerState, SavedGroup {
  readonly form: OptimizerForm;
  /** The groups, where there are several; what else is said of a group here is said of the first then, and the names are those of all, one group's after the other's. */
  readonly groups?: readonly SavedGroup[];
}

/** A value in a group of parameters. */
type PlainScalar = null | boolean | string | number | PythonFloat;

/**
 * An optimiser's state_dict as PyTorch 2 writes it.
 * @param model gives the shapes.
 * @throws RangeError where a parameter of the state is not in the model, or has another number of values.
 */
export function optimizerToPython(optimizer: SavedOptimizer, model: StateDict): PythonDict {
  const { form, parameterNames, slots, step } = optimizer;
  const state: PythonDict = new Map();
  parameterNames.forEach((name, position) => {
    const kept = [...slots].flatMap(([slot, values]) => {
      const found = values.get(name);
      return found === undefined ? [] : [[slot, found] as const];
    });
    if (kept.length === 0) return;
    const shape = model.get(name)?.shape;
    if (!shape) throw new RangeError(`${form.className} has a state for "${name}", which the model lacks.`);
    const entry: PythonDict = new Map<PythonValue, PythonValue>([
      ...(form.countsSteps ? [['step', tensorOf('float32', [], Float32Array.of(required(step, 'the number of updates')))] as const] : []),
      ...kept.map(([slot, values]) => [slot, tensorOf('float32', shape, values)] as const),
    ]);
    state.set(position, entry);
  });
  return new Map<PythonValue, PythonValue>([
    ['state', state],
    ['param_groups', parameterGroups(optimizer)],
  ]);
}

/** How an optimiser's state_dict is read. */
export interface OptimizerReading {
  /** The optimisers that are wanted: another one's state_dict is refused. */
  readonly forms: readonly OptimizerForm[];
  /**
   * Lists of the model's parameters in order, since most files know only positions; the one as long as the file's is taken. A file that has the names is taken by
   * them.
   */
  readonly parameters: readonly (readonly string[])[];
  readonly model: StateDict;
  /** What is known of a file that leaves open whether it is Adam or AdamW. */
  readonly said?: 'adam' | 'adamw' | undefined;
  /** Whether several groups of parameters are taken, each of which names its own. */
  readonly takesGroups?: boolean;
}

/**
 * An optimiser's state from its state_dict; `step` may be a tensor or, as before PyTorch 1.12, a number.
 * @throws MalformedCheckpoint naming the key, what was expected and what was found, or what other optimiser it is.
 */
export function optimizerFromPython(value: PythonValue, reading: OptimizerReading): SavedOptimizer {
  const { forms, parameters, model, said, takesGroups = false } = reading;
  const optimizer = requireDict(value, 'optimizer');
  const state = requireDict(optimizer.get('state'), 'optimizer.state');
  const groups = groupsIn(optimizer.get('param_groups'), takesGroups);
  const { form, otherwise } = required(optimizerKind(optimizer, forms, said), 'the kind of the optimizer');
  if (form === undefined) throw new MalformedCheckpoint(`${otherwise}.`);
  const { parameterNames, nameAt } =
    groups.length === 1 ? positionsOf(elementAt(groups, 0), parameters) : namedPositions(groups, parameters);
  const steps = new Set<number>();
  const slots = new Map(Object.keys(form.slots).map((slot) => [slot, new Map<string, Float32Array>()]));
  const reader = new SlotReader(model);
  for (const [position, item] of state) {
    const name = nameAt.get(position);
    if (name === undefined) throw wrong('optimizer.state', `positions of ${parameterNames.length} parameters`, describePython(position));
    const key = `optimizer.state of ${name}`;
    const entry = requireDict(item, key);
    if (form.countsSteps) steps.add(requireStep(entry.get('step'), `${key}: step`));
    for (const [slot, values] of slots) {
      const found = entry.get(slot);
      if (found === null && !form.countsSteps) continue; // An SGD without momentum keeps None.
      values.set(name, reader.read(found, `${key}: ${slot}`, name));
    }
  }
  if (steps.size > 1) throw wrong('optimizer.state', 'the same step for every parameter', `steps ${[...steps].slice(0, 5).join(', ')}`);
  const [step = 0] = steps;
  const read = groups.map((group, place) => ({ ...groupOf(group, form, place), parameterNames: namesIn(group, nameAt) }));
  return {
    form,
    step: form.countsSteps ? step : undefined,
    slots,
    ...elementAt(read, 0),
    parameterNames,
    ...(read.length === 1 ? {} : { groups: read }),
  };
}

/** The groups as PyTorch writes them. Several name their parameters (`param_names`, as since PyTorch 2.6), for their positions tell nothing of the model's order. */
function parameterGroups(optimizer: SavedOptimizer): PythonDict[] {
  const { form, groups = [optimizer] } = optimizer;
  let first = 0;
  return groups.map(({ parameterNames, learningRate, hyperparameters, furtherGroupKeys }) => {
    const values = { ...form.group, ...hyperparameters, lr: learningRate };
    const start = first;
    first += parameterNames.length;
    return new Map<PythonValue, PythonValue>([
      ...Object.entries<Hyperparameter>(values).map(([key, value]) => [key, pythonHyperparameter(value)] as const),
      ...(furtherGroupKeys ?? []),
      ...(groups.length === 1 ? [] : [['param_names', [...parameterNames]] satisfies [string, PythonValue]]),
      ['params', parameterNames.map((_name, position) => start + position)],
    ]);
  });
}

function groupsIn(value: PythonValue | undefined, takesGroups: boolean): PythonDict[] {
  if (!Array.isArray(value)) throw wrong('optimizer.param_groups', 'a list', describePython(value));
  const groups = value.map((group, place) =>
    place === 0 || takesGroups ? requireDict(group, `optimizer.param_groups[${place}]`) : new Map<PythonValue, PythonValue>(),
  );
  const areNamed = takesGroups && groups.every((group) => Array.isArray(group.get('param_names')));
  if (groups.length !== 1 && !areNamed) throw wrong('optimizer.param_groups', 'one group of parameters', `${value.length} groups`);
  return groups;
}

/** The names that an optimiser's state_dict says of its parameters. */
export function namesInGroups(value: PythonValue): ReadonlySet<PythonValue> {
  const groups = value instanceof Map ? value.get('param_groups') : undefined;
  const named = Array.isArray(groups) ? groups.map((group) => (group instanceof Map ? group.get('param_names') : undefined)) : [];
  return new Set(named.flatMap((names) => (Array.isArray(names) ? names : [])));
}

/** Several groups as one, that names all of its parameters. */
function namedPositions(groups: readonly PythonDict[], candidates: readonly (readonly string[])[]): Positions {
  const joined = (key: string): PythonValue[] =>
    groups.flatMap((group) => {
      const items = group.get(key);
      return Array.isArray(items) ? items : [];
    });
  const whole = new Map<PythonValue, PythonValue>([
    ['params', joined('params')],
    ['param_names', joined('param_names')],
  ]);
  const { nameAt } = positionsOf(whole, candidates);
  return { nameAt, parameterNames: [...nameAt.values()] };
}

/** The parameters of a group, in its order. */
function namesIn(group: PythonDict, nameAt: ReadonlyMap<PythonValue, string>): string[] {
  const params = group.get('params');
  return Array.isArray(params) ? params.map((position) => required(nameAt.get(position), 'the name of a parameter in a group')) : [];
}

interface Positions {
  readonly parameterNames: readonly string[];
  /** The parameter of each key of the state: its place in the group's list counts, whatever number stands there. */
  readonly nameAt: ReadonlyMap<PythonValue, string>;
}

function positionsOf(group: PythonDict, candidates: readonly (readonly string[])[]): Positions {
  const params = group.get('params');
  const expected = `the positions of the model's ${[...new Set(candidates.map(({ length }) => length))].join(' or ')} parameters`;
  if (!Array.isArray(params)) throw wrong('optimizer.param_groups[0].params', expected, describePython(params));
  const parameterNames = candidates.find(({ length }) => length === params.length);
  if (parameterNames === undefined) throw wrong('optimizer.param_groups[0].params', expected, `${params.length} positions`);
  const ownNames = namesOf(group.get('param_names'), parameterNames) ?? parameterNames;
  const nameAt = new Map(ownNames.flatMap((name, place) => (params[place] === undefined ? [] : [[params[place], name] as const])));
  if (nameAt.size !== params.length) throw wrong('optimizer.param_groups[0].params', expected, 'a position twice');
  return { parameterNames, nameAt };
}

/**
 * The group's own names of its parameters, in its order, without what wrappers put before them; undefined where it has none.
 * @throws MalformedCheckpoint where they are not those of the model's parameters.
 */
function namesOf(value: PythonValue | undefined, parameterNames: readonly string[]): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const key = 'optimizer.param_groups[0].param_names';
  if (value.length !== parameterNames.length) throw wrong(key, `${parameterNames.length} names`, describePython(value));
  const names = value.map((item) => {
    const known = parameterNames
      .filter((name) => typeof item === 'string' && (item === name || item.endsWith(`.${name}`)))
      .toSorted((one, other) => other.length - one.length)[0];
    if (known === undefined) throw wrong(key, "the names of the model's parameters", describePython(item));
    return known;
  });
  if (new Set(names).size !== parameterNames.length) throw wrong(key, `${parameterNames.length} names`, `${new Set(names).size}`);
  return names;
}

function groupOf(group: PythonDict, form: OptimizerForm, position: number): Omit<SavedGroup, 'parameterNames'> {
  const place = (key: string): string => `optimizer.param_groups[${position}].${key}`;
  const own = form.hyperparameters.map((key) => [key, requireLike(form.group[key], group.get(key), place(key))] as const);
  return {
    learningRate: requireNumber(group.get('lr'), place('lr')),
    hyperparameters: Object.fromEntries(own),
    furtherGroupKeys: furtherKeys(group, new Set(['lr', 'params', ...form.hyperparameters])),
  };
}

/** A hyperparameter of the kind of its default: a number, several numbers, or a switch. */
function requireLike(usual: Hyperparameter | undefined, value: PythonValue | undefined, key: string): Hyperparameter {
  if (typeof usual === 'boolean') {
    if (typeof value !== 'boolean') throw wrong(key, 'True or False', describePython(value));
    return value;
  }
  if (typeof usual !== 'object' || usual === null) return requireNumber(value, key);
  const items = value instanceof PythonTuple ? value.items : Array.isArray(value) ? value : [];
  return usual.map((_one, place) => requireNumber(items[place], key));
}

function furtherKeys(group: PythonDict, ownKeys: ReadonlySet<PythonValue>): Map<string, PlainScalar> {
  const kept = new Map<string, PlainScalar>();
  for (const [key, value] of group) if (typeof key === 'string' && !ownKeys.has(key) && isScalar(value)) kept.set(key, value);
  return kept;
}

function isScalar(value: PythonValue): value is PlainScalar {
  return value === null || ['boolean', 'string', 'number'].includes(typeof value) || value instanceof PythonFloat;
}

function requireDict(value: PythonValue | undefined, key: string): PythonDict {
  if (!(value instanceof Map)) throw wrong(key, 'a dict', describePython(value));
  return value;
}

/** A number, or a tensor of one: PyTorch keeps a scheduled learning rate as either. */
function requireNumber(value: PythonValue | undefined, key: string): number {
  const number = value instanceof TorchTensor && value.length === 1 ? value.toFloat32()[0] : numberFrom(value);
  if (number === undefined) throw wrong(key, 'a number', describePython(value));
  if (!Number.isFinite(number)) throw wrong(key, 'a finite number', String(number));
  return number;
}

function requireStep(value: PythonValue | undefined, key: string): number {
  const step = requireNumber(value, key);
  if (!Number.isInteger(step) || step < 0) throw wrong(key, 'a whole number of steps', String(step));
  return step;
}

/** Reads slots, a tensor that stands for several parameters once. */
class SlotReader {
  private readonly known = new Map<TorchTensor, Float32Array>();

  constructor(private readonly model: StateDict) {}

  read(value: PythonValue | undefined, key: string, name: string): Float32Array {
    const parameter = this.model.get(name);
    if (!parameter) throw wrong(key, 'a parameter of this name among the weights', 'none');
    const expected = `a tensor of shape [${parameter.shape.join(', ')}], as the parameter's`;
    if (!(value instanceof TorchTensor) || value.shape.join() !== parameter.shape.join()) throw wrong(key, expected, describePython(value));
    const known = this.known.get(value);
    if (known !== undefined) return known;
    const values = value.toFloat32();
    const broken = countNotFinite(values);
    if (broken > 0) throw wrong(key, 'finite numbers', `${broken} of ${values.length} values that are NaN or infinite`);
    this.known.set(value, values);
    return values;
  }
}

function wrong(key: string, expected: string, found: string): MalformedCheckpoint {
  return new MalformedCheckpoint(`"${key}": expected ${expected}, found ${found}.`);
}
