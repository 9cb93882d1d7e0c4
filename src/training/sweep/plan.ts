import type { CheckpointReading } from '../../checkpoint/training-checkpoint';
import { shown, valueFromText, type SettingsLayer } from '../../config/layers';
import { factsOf, type SettingShape } from '../../config/setting';
import type { Settings } from '../../config/model-settings';
import { UserError } from '../../foundation/errors';
import { elementAt, required } from '../../foundation/required';
import { counted } from '../../foundation/text';
import type { ModelDefinitions } from '../../models/model-table';
import { resolveTraining } from '../warm-start';

/** A value that a setting is given; null is none. */
export type Varied = string | number | boolean | null;

/** Settings by key. */
export type VariedSettings = Readonly<Record<string, Varied>>;

/** A setting that a sweep varies, with its values as they were given: as texts where they were typed. */
export interface Axis {
  readonly name: string;
  readonly values: readonly Varied[];
}

/** What a sweep is asked for. */
export interface SweepRequest {
  /** The settings that all trials share. */
  readonly base: SettingsLayer;
  /** A JSON file of settings, under {@link base}. */
  readonly config?: string | undefined;
  readonly reading?: CheckpointReading | undefined;
  /** All combinations of their values are trained. */
  readonly axes: readonly Axis[];
  /** Whether the axes' values are texts. */
  readonly typed: boolean;
  /** In place of axes: changes to the base by name; the base itself is trained too. */
  readonly ablations?: Readonly<Record<string, VariedSettings>> | undefined;
  /** Each point is trained with each; once with the base's own where there are none. */
  readonly seeds?: readonly number[] | undefined;
}

/** One set of values that is tried, with each seed. */
export interface Point {
  /** `lr 0.0001, dropout 0.1`, or the name of an ablation. */
  readonly name: string;
  readonly values: VariedSettings;
}

/** One training of a sweep. */
export interface Trial {
  /** What its folder is called after: `lr-0.0001_dropout-0.1_seed-1`. */
  readonly id: string;
  /** Which of the points it is of. */
  readonly point: number;
  readonly seed: number;
  /** All of its settings, but for where it is written. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** All that a sweep is going to train. */
export interface SweepPlan {
  /** Of an ablation the first point is the base. */
  readonly kind: 'grid' | 'ablation';
  /** The seed that the base's settings have. */
  readonly baseSeed: number;
  readonly points: readonly Point[];
  readonly trials: readonly Trial[];
}

/** How the point is called that nothing is changed in. */
const BASE = 'base';
const MOST_TRIALS = 10_000;
const LONGEST_ID = 64;
/** Settings that say where a training is written: a sweep's trials all lie in its folder. */
const PLACES = ['save_dir', 'description'] as const;

/**
 * Plans a sweep: every trial with its settings resolved and checked.
 * @throws UserError that lists everything that is wrong with any of them, a line each.
 */
export function planSweep(request: SweepRequest, models: ModelDefinitions): SweepPlan {
  const problems = new Set<string>();
  const seeds = seedsOf(request, problems);
  refusePlaces(request, problems);
  const points = pointsOf(request, models, problems);
  const count = points.length * (seeds?.length ?? 1);
  if (count > MOST_TRIALS) throw new UserError(`${counted(count, 'trial')}: expected at most ${MOST_TRIALS}; give fewer values or seeds`);

  const ids = idsOf(points);
  const settled = points.map(({ values }) => resolved(request, values, models, problems));
  const [first, ...others] = settled;
  if (request.ablations !== undefined)
    for (const [place, settings] of others.entries()) {
      const { name, values } = elementAt(points, place + 1);
      if (settings !== undefined && isSame(settings, first)) problems.add(`--ablate ${name}: the base has ${pointName(values)} already`);
    }
  if (problems.size > 0) throw new UserError([...problems].join('\n'));
  const trials = settled.flatMap((found, point) => {
    const settings = required(found, `the settings of point ${point}`);
    return (seeds ?? [settings.seed]).map((seed): Trial => ({
      id: `${elementAt(ids, point)}_seed-${seed}`,
      point,
      seed,
      settings: withoutPlaces({ ...settings, seed }),
    }));
  });
  return {
    kind: request.ablations === undefined ? 'grid' : 'ablation',
    baseSeed: required(first, 'the settings of the first point').seed,
    points,
    trials,
  };
}

function isSame(one: Settings, other: Settings | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** What is varied, in a few words. */
export function pointName(values: VariedSettings): string {
  const parts = Object.entries(values).map(([key, value]) => `${key} ${valueText(value)}`);
  return parts.length === 0 ? BASE : parts.join(', ');
}

export function valueText(value: Varied): string {
  return value === null ? 'none' : String(value);
}

function pointsOf(request: SweepRequest, models: ModelDefinitions, problems: Set<string>): readonly Point[] {
  const { ablations, axes } = request;
  if (ablations === undefined) {
    const checked = axes.map((axis) => checkedAxis(axis, request, models, problems));
    refuseDoubled(
      checked.map(({ name }) => name),
      '--grid',
      problems,
    );
    return combinations(checked.filter(({ values }) => values.length > 0)).map((values) => ({ name: pointName(values), values }));
  }
  if (axes.length > 0) problems.add('--grid and --ablate: give one of them');
  if (Object.keys(ablations).length === 0) problems.add('--ablate: expected named changes, found none');
  if (ablations[BASE] !== undefined) problems.add(`--ablate: ${BASE} is what the base itself is called; give the change another name`);
  return [{ name: BASE, values: {} }, ...Object.entries(ablations).map(([name, values]) => ({ name, values }))];
}

/** An axis under its setting's own name, its values as the setting has them. */
function checkedAxis(axis: Axis, { typed }: SweepRequest, models: ModelDefinitions, problems: Set<string>): Axis {
  const { name: given, values } = axis;
  if (values.length === 0) problems.add(`--grid ${given}: expected values, as ${given}=1,2, found none`);
  const known = settingNamed(given.replaceAll('-', '_'), models);
  if (known === undefined) return axis; // The resolver says which name is near.
  const { name, schema } = known;
  if (name === 'seed') problems.add('--grid seed: give --seeds, which every point is trained with');
  if (PLACES.some((place) => place === name)) problems.add(`--grid ${name}: all trials lie in the folder of the sweep (--out)`);
  const read = values.map((value) => (typed ? (valueFromText(factsOf(schema), value) as Varied) : value));
  refuseDoubled(read.map(valueText), `--grid ${name}`, problems);
  return { name, values: read };
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

function refuseDoubled(values: readonly string[], named: string, problems: Set<string>): void {
  for (const value of new Set(values.filter((one, place) => values.indexOf(one) !== place)))
    problems.add(`${named}: ${value} is given twice`);
}

/** Every combination of the axes' values, the last axis changing fastest; a single empty one where there are no axes. */
function combinations(axes: readonly Axis[]): VariedSettings[] {
  return axes.reduce<VariedSettings[]>(
    (points, { name, values }) => points.flatMap((point) => values.map((value) => ({ ...point, [name]: value }))),
    [{}],
  );
}

function seedsOf({ seeds }: SweepRequest, problems: Set<string>): readonly number[] | undefined {
  if (seeds === undefined) return undefined;
  if (seeds.length === 0) problems.add('--seeds: expected a number of seeds, or seeds, found none');
  refuseDoubled(seeds.map(String), '--seeds', problems);
  return seeds;
}

function refusePlaces({ base, ablations = {} }: SweepRequest, problems: Set<string>): void {
  for (const { values } of [base, ...Object.values(ablations).map((values) => ({ values }))])
    for (const place of PLACES)
      if (values[place] !== undefined)
        problems.add(`${place}: all trials lie in the folder of the sweep (--out), each named by what it varies`);
  for (const [name, values] of Object.entries(ablations))
    if (values['seed'] !== undefined) problems.add(`--ablate ${name}: seed: give --seeds, which every point is trained with`);
}

function resolved(request: SweepRequest, values: VariedSettings, models: ModelDefinitions, problems: Set<string>): Settings | undefined {
  const { base, config, reading, ablations } = request;
  const source = ablations === undefined ? '--grid' : '--ablate';
  try {
    const further = [{ source, values }];
    return resolveTraining({ file: config, given: base, further }, reading, models).resolved.settings;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    for (const line of error.message.split('\n')) problems.add(line);
    return undefined;
  }
}

function withoutPlaces(settings: Settings): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(settings).filter(([key]) => !PLACES.some((place) => place === key)));
}

/** Of each point a word that may be part of a folder's name; `point-3` where its values say it in too many letters, or as another's. */
function idsOf(points: readonly Point[]): string[] {
  const words = points.map(({ name, values }) => {
    const text = Object.keys(values).length === 0 || name !== pointName(values) ? name : wordOfValues(values);
    return text.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replaceAll(/^[^A-Za-z0-9]+/g, '');
  });
  const longest = LONGEST_ID - '_seed-2147483647'.length;
  return words.map((word, place) =>
    word !== '' && word.length <= longest && words.indexOf(word) === words.lastIndexOf(word) ? word : `point-${place + 1}`,
  );
}

function wordOfValues(values: VariedSettings): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}-${valueText(value)}`)
    .join('_');
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

/** What is different between two plans, in a few words; undefined where nothing is. Settings that only a later version has are passed over. */
export function differenceOfPlans(before: SweepPlan, now: SweepPlan): string | undefined {
  const idsBefore = before.trials.map(({ id }) => id);
  const idsNow = now.trials.map(({ id }) => id);
  const lost = idsBefore.find((id) => !idsNow.includes(id));
  if (lost !== undefined) return `it has the trial ${lost}, which is not asked for now`;
  const added = idsNow.find((id) => !idsBefore.includes(id));
  if (added !== undefined) return `it has no trial ${added}`;
  for (const [place, { id, settings }] of before.trials.entries()) {
    const other = elementAt(now.trials, place).settings;
    const changed = Object.entries(settings).find(([key, value]) => JSON.stringify(other[key]) !== JSON.stringify(value));
    if (changed !== undefined) return `its trial ${id} has ${changed[0]} ${shown(changed[1])}, not ${shown(other[changed[0]])}`;
  }
  return undefined;
}
