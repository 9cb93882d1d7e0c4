import { elementAt, required } from '../foundation/required';
import { excerpt, listed } from '../foundation/text';
import { MalformedCheckpoint } from './bytes';
import { isOptimizerState } from './optimizer-kind';
import { describePython, NumpyArray, PythonTuple, type PythonValue } from './python-values';
import { TorchTensor } from './tensor';

/** Where a file keeps weights. */
export interface WeightPlace {
  /** The way to them, as `ema.state_dict`; undefined where the value is the state_dict itself. */
  readonly key: string | undefined;
  /** By name; what is no tensor among them is not settled here. */
  readonly weights: ReadonlyMap<PythonValue, PythonValue>;
}

/** The weights that were taken. */
export interface FoundWeights extends WeightPlace {
  /** What else is there, and how to choose; a line each. */
  readonly notes: readonly string[];
}

/**
 * Finds the weights in what a PyTorch file holds: under a key of {@link RAW_KEYS}, in the value itself, or under whatever key holds a state_dict.
 * @param wanted the way to those to take, as `ema` or `models.0`; undefined for the raw ones.
 * @throws MalformedCheckpoint where there are none, none at the place that is asked for, or several of which none is the model's by its name.
 */
export function findWeights(value: PythonValue, wanted: string | undefined): FoundWeights {
  if (wanted !== undefined) return weightsAt(value, wanted);
  if (!(value instanceof Map)) return inSequence(value);
  const usual = RAW_KEYS.slice(0, USUAL_KEYS).filter((name) => value.has(name));
  const named = usual.find((name) => value.get(name) instanceof Map);
  if (named === undefined && isStateDict(value)) return { key: undefined, weights: value, notes: [] };
  const places = weightPlaces(value);
  const found = named === undefined ? undefined : placeUnder(value, named, places);
  if (found !== undefined) return withOthers(found, places);
  if (usual[0] !== undefined) return { key: usual[0], weights: requireStateDict(value.get(usual[0]), usual[0]), notes: [] };
  return chosen(value, places);
}

/** The keys of weights as they are trained; of a file that has several, the first one's are taken. */
const RAW_KEYS = [
  ...['model', 'model_state_dict', 'state_dict', 'model_state', 'module', 'net', 'network', 'weights', 'params'],
  ...['net_state_dict', 'network_state_dict', 'model_weights', 'generator', 'student', 'parameters'],
];
/** How many of them an error names. */
const NAMED_KEYS = 3;
/** How many of them are taken for weights whatever they hold. */
const USUAL_KEYS = 3;

/** What the keys of averaged weights, and of a teacher that is one, have in their names. */
const AVERAGED = /(?:^|[_.-])(?:ema|swa|averaged?|avg|shadow|teacher|polyak)(?:$|[_.-]|\d)|ema$/i;

/** Where weights lie as they were trained, beside an average of them that has the place of a model's weights: in the `_best.pt` of a training with `ema`. */
export const TRAINED_KEY = 'raw';

/** What to do where weights are arrays of NumPy, whose values are not read. */
export const AS_TENSORS =
  "In Python, save tensors: torch.save({name: torch.as_tensor(value) for name, value in weights.items()}, 'weights.pt').";

/** Whether a key, or what names begin with, is that of averaged weights. */
export function isAveraged(key: string): boolean {
  return AVERAGED.test(key);
}

const DEEPEST_PLACE = 3;
const MOST_LISTED = 10;

function withOthers(found: WeightPlace, places: readonly WeightPlace[]): FoundWeights {
  const others = places.filter(({ key, weights }) => key !== found.key && key !== TRAINED_KEY && weights !== found.weights).map(keyOf);
  if (others.length === 0) return { ...found, notes: [] };
  const list = others.slice(0, MOST_LISTED);
  const averaged = list.find((key) => AVERAGED.test(key));
  return {
    ...found,
    notes: [
      `it holds ${averaged === undefined ? 'further' : 'averaged'} weights too, under ${list.join(', ')}: those under ${found.key ?? 'no key'} were taken; --key ${averaged ?? elementAt(list, 0)} takes the others`,
    ],
  };
}

/** Of a file without a usual key: the only weights, or those whose name tells that they are the model's. */
function chosen(value: ReadonlyMap<PythonValue, PythonValue>, places: readonly WeightPlace[]): FoundWeights {
  const raw = places.filter(({ key = '' }) => !AVERAGED.test(key));
  const byName = RAW_KEYS.flatMap((name) => raw.find(({ key }) => key === name || key?.startsWith(`${name}.`) === true) ?? [])[0];
  const found = byName ?? (raw.length === 1 ? raw[0] : undefined);
  if (found !== undefined) return withOthers(found, places);
  if (raw.length > 1)
    throw new MalformedCheckpoint(
      `it holds several sets of weights: ${keysOf(raw)}. Choose one with --key, as --key ${keyOf(elementAt(raw, 0))}.`,
    );
  const [averaged] = places;
  if (averaged !== undefined) {
    const { notes } = withOthers(averaged, places);
    return { ...averaged, notes: [`it holds averaged weights alone: those under ${keyOf(averaged)} were taken`, ...notes] };
  }
  if ([...value.values()].some((item) => item instanceof TorchTensor)) return { key: undefined, weights: value, notes: [] };
  throw noWeights(value);
}

/** Of a list or tuple, as `(state_dict, optimizer, epoch)`. */
function inSequence(value: PythonValue): FoundWeights {
  const places = weightPlaces(value);
  if (places.length > 0) return chosen(new Map(), places);
  throw new MalformedCheckpoint(`it holds ${describePython(value)}; expected a dict with the weights.`);
}

function noWeights(value: ReadonlyMap<PythonValue, PythonValue>): MalformedCheckpoint {
  if (isOptimizerState(new Map(value)))
    return new MalformedCheckpoint('it is the state of an optimizer, without weights: name the file that holds the model.');
  if ([...value.values()].some((item) => item instanceof NumpyArray)) throw new MalformedCheckpoint(`it holds NumPy arrays. ${AS_TENSORS}`);
  const found = [...value.keys()].slice(0, MOST_LISTED).map((name) => (typeof name === 'string' ? name : describePython(name)));
  return new MalformedCheckpoint(
    `it holds no weights: expected one of the keys ${RAW_KEYS.slice(0, NAMED_KEYS).join(', ')}, or a state_dict itself; found ${found.join(', ') || 'no keys'}.`,
  );
}

function weightsAt(value: PythonValue, wanted: string): FoundWeights {
  const places = weightPlaces(value);
  const item = wanted.length > LONGEST_KEY ? undefined : itemAt(value, wanted);
  if (item instanceof Map) {
    if (holdsTensors(item)) return { key: wanted, weights: item, notes: [] };
    const [inner] = weightPlaces(item, wanted);
    if (inner !== undefined) return { ...inner, notes: [] };
  }
  const behind = item === undefined ? behindNames(value, wanted, places) : undefined;
  if (behind !== undefined) return { ...behind, notes: [] };
  const there = places.length === 0 ? 'it holds no weights under any key' : `weights are under ${keysOf(places)}`;
  throw new MalformedCheckpoint(
    `--key ${excerpt(wanted, MOST_SHOWN)}: ${item === undefined ? 'there is no such key' : `there is ${describePython(item)}`}; ${there}.`,
  );
}

/** Weights that lie among others of one state_dict, with the key before their names: `teacher.` beside `student.`. */
function behindNames(value: PythonValue, wanted: string, places: readonly WeightPlace[]): WeightPlace | undefined {
  const whole: WeightPlace[] = value instanceof Map ? [{ key: undefined, weights: value }] : [];
  for (const { key, weights } of [...whole, ...places]) {
    const named = [...weights].flatMap(([name, item]): [string, PythonValue][] =>
      typeof name === 'string' && name.startsWith(`${wanted}.`) ? [[name.slice(wanted.length + 1), item]] : [],
    );
    if (named.length > 0) return { key: key === undefined ? wanted : `${key}.${wanted}`, weights: new Map(named) };
  }
  return undefined;
}

/**
 * What is at a place: a whole key first, for keys may have dots; then step by step, through dicts, lists and tuples.
 * @param tried by how much of the way was left, the values from which it leads nowhere: a dict that holds itself has as many ways as there are ways to part it.
 */
function itemAt(
  value: PythonValue | undefined,
  wanted: string,
  tried: ReadonlyMap<number, Set<PythonValue>> = new Map(Array.from({ length: wanted.length + 1 }, (_, left) => [left, new Set()])),
): PythonValue | undefined {
  const direct = stepInto(value, wanted);
  if (direct !== undefined) return direct;
  for (let dot = wanted.indexOf('.'); dot !== -1; dot = wanted.indexOf('.', dot + 1)) {
    const inner = stepInto(value, wanted.slice(0, dot));
    const rest = wanted.slice(dot + 1);
    const before = tried.get(rest.length);
    if (inner === undefined || before === undefined || before.has(inner)) continue;
    const found = itemAt(inner, rest, tried);
    if (found !== undefined) return found;
    before.add(inner);
  }
  return undefined;
}

function stepInto(value: PythonValue | undefined, step: string): PythonValue | undefined {
  if (value instanceof Map) return value.get(step) ?? (/^-?\d+$/.test(step) ? value.get(Number(step)) : undefined) ?? undefined;
  const items = Array.isArray(value) ? value : value instanceof PythonTuple ? value.items : [];
  return /^\d+$/.test(step) ? items[Number(step)] : undefined;
}

/** The weights under a usual key: what is there itself, or the state_dict that it wraps. */
function placeUnder(value: PythonValue, key: string, places: readonly WeightPlace[]): WeightPlace | undefined {
  const item = value instanceof Map ? value.get(key) : undefined;
  if (!(item instanceof Map)) return undefined;
  const inner = places.filter((place) => place.key?.startsWith(`${key}.`) === true);
  if (holdsTensors(item) || inner.length === 0) return { key, weights: requireStateDict(item, key) };
  const raw = inner.find((place) => !AVERAGED.test(keyOf(place)));
  return raw ?? inner[0];
}

/** Every state_dict in a value, by the way to it; the states of optimisers are none. */
function weightPlaces(value: PythonValue, path = '', depth = 0, seen = new Set<PythonValue>()): WeightPlace[] {
  if (depth > DEEPEST_PLACE || seen.has(value) || isOptimizerState(value)) return [];
  seen.add(value); // What is there in several places is looked through once.
  if (value instanceof Map && depth > 0 && isStateDict(value) && hasDottedName(value)) return [{ key: path, weights: value }];
  const items: [string, PythonValue][] =
    value instanceof Map
      ? [...value.entries()].flatMap(([key, item]): [string, PythonValue][] =>
          typeof key === 'string' || typeof key === 'number' ? [[String(key), item]] : [],
        )
      : (Array.isArray(value) ? value : value instanceof PythonTuple ? value.items : []).map((item, index) => [String(index), item]);
  return items
    .filter(([, item]) => item instanceof Map || Array.isArray(item) || item instanceof PythonTuple)
    .slice(0, MOST_SEARCHED)
    .flatMap(([key, item]) => weightPlaces(item, path === '' ? key : `${path}.${key}`, depth + 1, seen));
}

const MOST_SEARCHED = 100;
/** Letters of a way to weights; those of a model that lies ten levels deep are a few hundred. */
const LONGEST_KEY = 1_000;
const MOST_SHOWN = 200;

/** Whether every item is a tensor under a text, but for what modules add of their own (`_extra_state`). */
function isStateDict(value: ReadonlyMap<PythonValue, PythonValue>): boolean {
  return (
    holdsTensors(value) && [...value].every(([name, item]) => typeof name === 'string' && (item instanceof TorchTensor || isExtra(name)))
  );
}

/** What PyTorch lets a module add to its state_dict, which need be no tensor. */
export function isExtra(name: string): boolean {
  return name === '_extra_state' || name.endsWith('._extra_state');
}

function holdsTensors(value: ReadonlyMap<PythonValue, PythonValue>): boolean {
  return [...value.values()].some((item) => item instanceof TorchTensor);
}

/** A scale or a score under one word is no model. */
function hasDottedName(value: ReadonlyMap<PythonValue, PythonValue>): boolean {
  return [...value.keys()].some((name) => typeof name === 'string' && name.includes('.'));
}

function requireStateDict(value: PythonValue | undefined, key: string): ReadonlyMap<PythonValue, PythonValue> {
  if (!(value instanceof Map)) throw new MalformedCheckpoint(`"${key}" is ${describePython(value)}; expected a state_dict.`);
  if (value.size === 0) throw new MalformedCheckpoint(`"${key}" is empty; expected weights.`);
  return value;
}

function keysOf(places: readonly WeightPlace[]): string {
  return listed(places.map(keyOf), MOST_LISTED);
}

/** Of weights that lie somewhere within a file: the file itself is none of them. */
function keyOf({ key }: WeightPlace): string {
  return required(key, 'the key of weights that lie under one');
}
