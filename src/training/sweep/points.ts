import { valueFromText } from '../../config/layers';
import { factsOf, type SettingShape } from '../../config/setting';
import { RandomStream } from '../../foundation/random';
import { elementAt, required } from '../../foundation/required';
import type { ModelDefinitions } from '../../models/model-table';

/** A value that a setting is given; null is none. */
export type Varied = string | number | boolean | null;

/** Settings by key. */
export type VariedSettings = Readonly<Record<string, Varied>>;

/** A setting that a sweep varies, with its values as they were given: as texts where they were typed. */
export interface Axis {
  readonly name: string;
  /** Values, or ranges that values are drawn from. */
  readonly values: readonly (Varied | Range)[];
}

/** Numbers that values are drawn from: evenly, or with `log` so that each power of ten is as likely. */
export interface Range {
  readonly from: number;
  readonly to: number;
  readonly log?: boolean;
}

/** What makes the points of a sweep. */
export interface PointsRequest {
  /** All combinations of their values are trained, or with `random` so many that are drawn. */
  readonly axes: readonly Axis[];
  /** Whether the axes' values are texts. */
  readonly typed: boolean;
  /** In place of axes: changes to the base by name; the base itself is trained too. */
  readonly ablations?: Readonly<Record<string, VariedSettings>> | undefined;
  /** So many points are drawn from the axes; all combinations are trained where it is left out. */
  readonly random?: number | undefined;
  /** Whether the weights of both heads' losses are an axis of their own: `alpha` 0.1 to 0.9, `beta` the rest. */
  readonly lossWeights?: boolean | undefined;
}

/** One set of values that is tried, with each seed. */
export interface Point {
  /** `lr 0.0001, dropout 0.1`, or the name of an ablation. */
  readonly name: string;
  readonly values: VariedSettings;
}

/** How the point is called that nothing is changed in. */
const BASE = 'base';
/** Settings that say where a training is written: a sweep's trials all lie in its folder. */
export const PLACES = ['save_dir', 'description'] as const;

/** What is varied, in a few words. */
export function pointName(values: VariedSettings): string {
  const parts = Object.entries(values).map(([key, value]) => `${key} ${valueText(value)}`);
  return parts.length === 0 ? BASE : parts.join(', ');
}

/** A value as tables show it. */
export function valueText(value: Varied | Range): string {
  return value === null ? 'none' : isRange(value) ? `${value.from}..${value.to}` : String(value);
}

/** The weights that the grid search of the PyTorch pipeline tries: alpha from 0.1 to 0.9, beta what is left of 1. */
const LOSS_WEIGHTS: readonly VariedSettings[] = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((tenths) => ({
  alpha: tenths / 10,
  beta: (10 - tenths) / 10,
}));

/**
 * The points of a sweep.
 * @param seed what is drawn is a function of.
 * @param problems takes what is wrong, a line each.
 */
export function pointsOf(request: PointsRequest, models: ModelDefinitions, seed: number, problems: Set<string>): readonly Point[] {
  const { ablations, axes, random, lossWeights = false } = request;
  if (ablations === undefined) {
    const checked = axes.map((axis) => checkedAxis(axis, request, models, problems));
    const names = checked.map(({ name }) => name);
    refuseDoubled(names, '--grid', problems);
    if (lossWeights)
      for (const name of names.filter((one) => one === 'alpha' || one === 'beta'))
        problems.add(`--grid ${name}: --loss-weights varies it already; leave one out`);
    const full = checked.filter(({ values }) => values.length > 0);
    if (random !== undefined && full.length === 0 && !lossWeights)
      problems.add('--random: expected --grid with what is drawn from, found none');
    const weights = lossWeights ? LOSS_WEIGHTS : [{}];
    const points = random === undefined ? combinations(full, weights) : drawn(full, weights, random, seed);
    return points.map((values) => ({ name: pointName(values), values }));
  }
  if (axes.length > 0 || lossWeights || random !== undefined)
    problems.add('--ablate: it takes the place of --grid, --random and --loss-weights; leave one out');
  if (Object.keys(ablations).length === 0) problems.add('--ablate: expected named changes, found none');
  if (ablations[BASE] !== undefined) problems.add(`--ablate: ${BASE} is what the base itself is called; give the change another name`);
  return [{ name: BASE, values: {} }, ...Object.entries(ablations).map(([name, values]) => ({ name, values }))];
}

/** Checks an axis, and reads its values. */
function checkedAxis(axis: Axis, { typed, random }: PointsRequest, models: ModelDefinitions, problems: Set<string>): CheckedAxis {
  const { name: given, values } = axis;
  if (values.length === 0) problems.add(`--grid ${given}: expected values, as ${given}=1,2, found none`);
  const known = settingNamed(given.replaceAll('-', '_'), models);
  const { name = given, schema } = known ?? {}; // Of a name that there is none of, the resolver says which is near.
  if (name === 'seed') problems.add('--grid seed: give --seeds, which every point is trained with');
  if (PLACES.some((place) => place === name)) problems.add(`--grid ${name}: all trials lie in the folder of the sweep (--out)`);
  const ranges = values.map((value) => rangeOf(value, typed));
  for (const range of ranges) {
    if (range === undefined) continue;
    const text = `${range.from}..${range.to}`;
    if (random === undefined) problems.add(`--grid ${given}: ${text} is a range, from which --random N draws; give values, or --random`);
    if (!(range.from < range.to) || (range.log === true && range.from <= 0))
      problems.add(`--grid ${given}: expected a range from less to more${range.log === true ? ', above 0' : ''}, found ${text}`);
  }
  const read = values.map((value, place): Varied | Range => {
    const range = ranges[place];
    if (range !== undefined) return range;
    return typed && schema !== undefined ? (valueFromText(factsOf(schema), value) as Varied) : value;
  });
  const plain = read.filter((value) => !isRange(value));
  refuseDoubled(plain.map(valueText), `--grid ${name}`, problems);
  return { name, values: read, whole: schema !== undefined && !schema.safeParse(numberBetween(ranges)).success };
}

/** An axis under its setting's own name, its values as the setting has them. */
interface CheckedAxis extends Axis {
  /** Whether what is drawn from a range is a whole number. */
  readonly whole: boolean;
}

/** A number within the first of some ranges that is no whole one. */
function numberBetween(ranges: readonly (Range | undefined)[]): number {
  const { from, to } = ranges.find((range) => range !== undefined) ?? { from: 0, to: 1 };
  return from + (to - from) * Math.SQRT1_2;
}

function isRange(value: Varied | Range): value is Range {
  return typeof value === 'object' && value !== null;
}

/** `1e-4..1e-3`, `1e-4..1e-3:log`; undefined for a value. */
function rangeOf(value: Varied | Range, typed: boolean): Range | undefined {
  if (isRange(value)) return value;
  const match = typed && typeof value === 'string' ? /^([-+.\de]+?)\.\.([-+.\de]+)(:log)?$/i.exec(value) : null;
  if (match === null) return undefined;
  const [from, to] = [Number(match[1]), Number(match[2])];
  return { from, to, log: match[3] !== undefined };
}

/** The setting of any of the models that has the name. */
function settingNamed(
  name: string,
  models: ModelDefinitions,
): { readonly name: string; readonly schema: SettingShape[string] } | undefined {
  for (const model of models.names) {
    const { shape } = models.get(model).settings.schema;
    const key = Object.keys(shape).find(
      (candidate) => candidate === name || factsOf(required(shape[candidate], candidate)).aliases.includes(name),
    );
    if (key !== undefined) return { name: key, schema: required(shape[key], `the setting ${key}`) };
  }
  return undefined;
}

/** Takes a line for each value that is there more than once. */
export function refuseDoubled(values: readonly string[], named: string, problems: Set<string>): void {
  for (const value of new Set(values.filter((one, place) => values.indexOf(one) !== place)))
    problems.add(`${named}: ${value} is given twice`);
}

/** Every combination of the axes' values, the last axis changing fastest, each with each of the further settings; a single empty one where there are neither. */
function combinations(axes: readonly CheckedAxis[], further: readonly VariedSettings[]): VariedSettings[] {
  return axes.reduce<VariedSettings[]>(
    (points, { name, values }) =>
      points.flatMap((point) => values.flatMap((value) => (isRange(value) ? [] : [{ ...point, [name]: value }]))),
    [...further],
  );
}

/** Tells this stream of random numbers from others of the same seed. */
const STREAM = 0x73776570;
/** A point that was drawn before is drawn anew, so often at most in all. */
const MOST_DRAWS = 100_000;

/** So many different points, or as many as there are. */
function drawn(axes: readonly CheckedAxis[], further: readonly VariedSettings[], count: number, seed: number): VariedSettings[] {
  const random = new RandomStream(seed, STREAM);
  const points = new Map<string, VariedSettings>();
  for (let draw = 0; draw < MOST_DRAWS && points.size < count; draw++) {
    const point: Record<string, Varied> = { ...elementAt(further, random.below(further.length)) };
    for (const { name, values, whole } of axes) {
      const value = elementAt(values, random.below(values.length));
      point[name] = isRange(value) ? within(value, whole, random) : value;
    }
    points.set(pointName(point), point);
  }
  return [...points.values()];
}

/** Numbers have three digits: no sweep tells more of them apart. */
function within({ from, to, log = false }: Range, whole: boolean, random: RandomStream): number {
  const value = log ? Math.exp(random.uniform(Math.log(from), Math.log(to))) : random.uniform(from, whole ? to + 1 : to);
  return whole ? Math.min(to, Math.floor(value)) : Math.min(to, Math.max(from, Number(value.toPrecision(3))));
}

/**
 * The ablations that switch settings off one at a time, each to its default, and all of them together where there are several.
 * @param names settings by key or alias; one that there is none of is left for the plan to refuse.
 */
export function switchedOff(names: readonly string[], models: ModelDefinitions): Readonly<Record<string, VariedSettings>> {
  const single = names.map((given) => {
    const { name, schema } = settingNamed(given.replaceAll('-', '_'), models) ?? {};
    return [name ?? given, schema === undefined ? null : factsOf(schema).default] as const;
  });
  const each = single.map(([name, value]) => [`without ${name}`, { [name]: value }] as const);
  return Object.fromEntries(names.length < 2 ? each : [...each, ['without any of them', Object.fromEntries(single)] as const]);
}
