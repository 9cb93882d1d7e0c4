import { countNotFinite } from '../foundation/finite';
import { describePython, numberFrom, PythonFloat, pythonFloat, PythonTuple, type PythonDict, type PythonValue } from './python-values';
import { MalformedCheckpoint } from './malformed-checkpoint';
import { optimizerKind } from './optimizer-kind';
import type { StateDict } from './state-dict';
import { tensorOf, TorchTensor } from './tensor';

/** The state of torch.optim.Adam, by the names of the parameters. */
export interface AdamState {
  /** All trained parameters, in the order of the model: PyTorch knows them by their position. */
  readonly parameterNames: readonly string[];
  /** Steps taken. */
  readonly step: number;
  /** Running mean of the gradient, and of its square; none for a parameter that never had a gradient. */
  readonly expAvg: ReadonlyMap<string, Float32Array>;
  readonly expAvgSq: ReadonlyMap<string, Float32Array>;
  readonly learningRate: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  /** What else its group of parameters says under PyTorch's names, as `foreach` and `initial_lr`; PyTorch's defaults where absent. */
  readonly furtherGroupKeys?: ReadonlyMap<string, PlainScalar>;
}

/** A value in a group of parameters. */
type PlainScalar = null | boolean | string | number | PythonFloat;

/**
 * Adam's state_dict as PyTorch 2 writes it.
 * @param model gives the shapes.
 * @throws RangeError where a parameter of the state is not in the model, or has another number of values.
 */
export function adamToPython(adam: AdamState, model: StateDict): PythonDict {
  const state: PythonDict = new Map();
  adam.parameterNames.forEach((name, position) => {
    const average = adam.expAvg.get(name);
    const averageSquare = adam.expAvgSq.get(name);
    if (!average || !averageSquare) return;
    const shape = model.get(name)?.shape;
    if (!shape) throw new RangeError(`Adam has a state for "${name}", which the model lacks.`);
    const entry: PythonDict = new Map<PythonValue, PythonValue>([
      ['step', tensorOf('float32', [], Float32Array.of(adam.step))],
      ['exp_avg', tensorOf('float32', shape, average)],
      ['exp_avg_sq', tensorOf('float32', shape, averageSquare)],
    ]);
    state.set(position, entry);
  });
  return new Map<PythonValue, PythonValue>([
    ['state', state],
    ['param_groups', [parameterGroup(adam)]],
  ]);
}

/**
 * Adam's state from its state_dict; `step` may be a tensor or, as before PyTorch 1.12, a number.
 * @param candidates lists of the model's parameters in order, since most files know only positions; the one as long as the file's is taken. A file that has the
 *   names is taken by them.
 * @param said `adam` where whoever asks says so of a file that leaves open whether it is Adam or AdamW.
 * @throws MalformedCheckpoint naming the key, what was expected and what was found, or what other optimiser it is.
 */
export function adamFromPython(value: PythonValue, candidates: readonly (readonly string[])[], model: StateDict, said?: 'adam'): AdamState {
  const optimizer = requireDict(value, 'optimizer');
  const state = requireDict(optimizer.get('state'), 'optimizer.state');
  const group = singleGroup(optimizer.get('param_groups'));
  const otherwise = optimizerKind(optimizer, said)?.otherwise;
  if (otherwise !== undefined) throw new MalformedCheckpoint(`${otherwise}.`);
  const { parameterNames, nameAt } = positionsOf(group, candidates);
  const steps = new Set<number>();
  const expAvg = new Map<string, Float32Array>();
  const expAvgSq = new Map<string, Float32Array>();
  const moments = new MomentReader(model);
  for (const [position, item] of state) {
    const name = nameAt.get(position);
    if (name === undefined) throw wrong('optimizer.state', `positions of ${parameterNames.length} parameters`, describePython(position));
    const key = `optimizer.state of ${name}`;
    const entry = requireDict(item, key);
    steps.add(requireStep(entry.get('step'), `${key}: step`));
    expAvg.set(name, moments.read(entry.get('exp_avg'), `${key}: exp_avg`, name));
    expAvgSq.set(name, moments.read(entry.get('exp_avg_sq'), `${key}: exp_avg_sq`, name));
  }
  if (steps.size > 1) throw wrong('optimizer.state', 'the same step for every parameter', `steps ${[...steps].slice(0, 5).join(', ')}`);
  const [step = 0] = steps;
  return { parameterNames, step, expAvg, expAvgSq, ...hyperparameters(group) };
}

type Hyperparameters = Pick<AdamState, 'learningRate' | 'betas' | 'eps' | 'weightDecay' | 'furtherGroupKeys'>;

function parameterGroup(adam: AdamState): PythonDict {
  return new Map<PythonValue, PythonValue>([
    ['lr', pythonFloat(adam.learningRate)],
    ['betas', new PythonTuple(adam.betas.map(pythonFloat))],
    ['eps', pythonFloat(adam.eps)],
    ['weight_decay', pythonFloat(adam.weightDecay)],
    ['amsgrad', false],
    ['maximize', false],
    ['foreach', null],
    ['capturable', false],
    ['differentiable', false],
    ['fused', null],
    ['decoupled_weight_decay', false],
    ...(adam.furtherGroupKeys ?? []),
    ['params', adam.parameterNames.map((_name, position) => position)],
  ]);
}

function singleGroup(value: PythonValue | undefined): PythonDict {
  if (!Array.isArray(value)) throw wrong('optimizer.param_groups', 'a list', describePython(value));
  if (value.length !== 1) throw wrong('optimizer.param_groups', 'one group of parameters', `${value.length} groups`);
  return requireDict(value[0], 'optimizer.param_groups[0]');
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

function hyperparameters(group: PythonDict): Hyperparameters {
  const number = (key: string): number => requireNumber(group.get(key), `optimizer.param_groups[0].${key}`);
  const betas = group.get('betas');
  const [first, second] = betas instanceof PythonTuple ? betas.items : Array.isArray(betas) ? betas : [];
  const key = 'optimizer.param_groups[0].betas';
  return {
    learningRate: number('lr'),
    betas: [requireNumber(first, key), requireNumber(second, key)],
    eps: number('eps'),
    weightDecay: number('weight_decay'),
    furtherGroupKeys: furtherKeys(group),
  };
}

const OWN_KEYS: ReadonlySet<PythonValue> = new Set(['lr', 'betas', 'eps', 'weight_decay', 'params']);

function furtherKeys(group: PythonDict): Map<string, PlainScalar> {
  const kept = new Map<string, PlainScalar>();
  for (const [key, value] of group) if (typeof key === 'string' && !OWN_KEYS.has(key) && isScalar(value)) kept.set(key, value);
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

/** Reads moments, one that stands for several parameters once. */
class MomentReader {
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
