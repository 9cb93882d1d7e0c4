import { existsSync } from 'node:fs';
import path from 'node:path';
import type { CheckpointReading } from '../../checkpoint/training-checkpoint';
import { shown, type SettingsLayer } from '../../config/layers';
import type { Settings } from '../../config/model-settings';
import { UserError } from '../../foundation/errors';
import { elementAt, required } from '../../foundation/required';
import { counted } from '../../foundation/text';
import type { ModelDefinitions } from '../../models/model-table';
import { resolveTraining } from '../warm-start';
import { PLACES, pointName, pointsOf, refuseDoubled, valueText, type Point, type PointsRequest, type VariedSettings } from './points';

/** What a sweep is asked for. */
export interface SweepRequest extends PointsRequest {
  /** The settings that all trials share. */
  readonly base: SettingsLayer;
  /** A JSON file of settings, under {@link base}. */
  readonly config?: string | undefined;
  readonly reading?: CheckpointReading | undefined;
  /** Each point is trained with each; once with the base's own where there are none. */
  readonly seeds?: readonly number[] | undefined;
  /** In how many folds each point is cross-validated: the sets `fold_1`, `fold_2` … in the folder of the data. */
  readonly folds?: number | undefined;
  /** Successive halving: after each rung the best 1/halving of the points go on. All are trained to the end where it is left out. */
  readonly halving?: number | undefined;
}

/** One training of a sweep. */
export interface Trial {
  /** What its folder is called after: `lr-0.0001_dropout-0.1_seed-1`. */
  readonly id: string;
  /** Which of the points it is of. */
  readonly point: number;
  readonly seed: number;
  /** Which of the folds, from 1; absent where there are none. */
  readonly fold?: number | undefined;
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
  readonly halving?: number | undefined;
}

const MOST_TRIALS = 10_000;
const LONGEST_ID = 64;

/**
 * Plans a sweep: every trial with its settings resolved and checked.
 * @throws UserError that lists everything that is wrong with any of them, a line each.
 */
export function planSweep(request: SweepRequest, models: ModelDefinitions): SweepPlan {
  const problems = new Set<string>();
  const seeds = seedsOf(request, problems);
  refusePlaces(request, problems);
  const base = resolved(request, {}, models, new Set()); // What is wrong with it is told with the points.
  const points = pointsOf(request, models, base?.seed ?? 0, problems);
  refuseHalving(request, points, problems);
  const folds = foldsOf(request, base, problems);
  const count = points.length * (seeds?.length ?? 1) * folds.length;
  if (count > MOST_TRIALS)
    throw new UserError(`${counted(count, 'trial')}: expected at most ${MOST_TRIALS}; give fewer values, seeds or folds`);

  const ids = idsOf(points, LONGEST_ID - '_seed-2147483647'.length - (request.folds === undefined ? 0 : '_fold-100'.length));
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
    return (seeds ?? [settings.seed]).flatMap((seed) =>
      folds.map(({ fold, data }): Trial => ({
        id: `${elementAt(ids, point)}_seed-${seed}${fold === undefined ? '' : `_fold-${fold}`}`,
        point,
        seed,
        ...(fold === undefined ? {} : { fold }),
        settings: withoutPlaces({ ...settings, seed, ...(data === undefined ? {} : { data }) }),
      })),
    );
  });
  return {
    kind: request.ablations === undefined ? 'grid' : 'ablation',
    baseSeed: required(first, 'the settings of the first point').seed,
    points,
    trials,
    ...(request.halving === undefined ? {} : { halving: request.halving }),
  };
}

function refuseHalving({ halving, ablations }: SweepRequest, points: readonly Point[], problems: Set<string>): void {
  if (halving === undefined) return;
  if (!Number.isSafeInteger(halving) || halving < 2) problems.add(`--halving: expected a whole number of at least 2, found ${halving}`);
  if (ablations !== undefined) problems.add('--halving: an ablation compares all of its changes; leave one out');
  else if (points.length < 2) problems.add('--halving: expected several points to choose among, found one; give --grid or --random');
  if (points.some(({ values }) => values['epochs'] !== undefined))
    problems.add('--halving: it says itself how many epochs a point is trained; leave epochs out of --grid');
}

function isSame(one: Settings, other: Settings | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** A fold and its set; a single one of neither where there are no folds. */
interface Fold {
  readonly fold: number | undefined;
  readonly data: string | undefined;
}

function foldsOf({ folds }: SweepRequest, base: Settings | undefined, problems: Set<string>): readonly Fold[] {
  if (folds === undefined) return [{ fold: undefined, data: undefined }];
  const folder = base?.data ?? undefined;
  const how = `npm run data -- split CLIPS --folds ${folds} --out FOLDS makes them, and --data FOLDS takes them`;
  if (folder === undefined) {
    problems.add(`--folds: the folder that holds fold_1 to fold_${folds} is missing: ${how}`);
    return [];
  }
  const places = Array.from({ length: folds }, (_, index) => ({ fold: index + 1, data: path.join(folder, `fold_${index + 1}`) }));
  const missing = places.find(({ data }) => !existsSync(data));
  if (missing !== undefined) problems.add(`--folds: ${missing.data} is not there: ${how}`);
  if (existsSync(path.join(folder, `fold_${folds + 1}`)))
    problems.add(`--folds: ${folder} has more than ${folds} folds; all of them together are the clips`);
  return places;
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
function idsOf(points: readonly Point[], longest: number): string[] {
  const words = points.map(({ name, values }) => {
    const text = Object.keys(values).length === 0 || name !== pointName(values) ? name : wordOfValues(values);
    return text.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replaceAll(/^[^A-Za-z0-9]+/g, '');
  });
  return words.map((word, place) =>
    word !== '' && word.length <= longest && words.indexOf(word) === words.lastIndexOf(word) ? word : `point-${place + 1}`,
  );
}

function wordOfValues(values: VariedSettings): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}-${valueText(value)}`)
    .join('_');
}

/** What is different between two plans, in a few words; undefined where nothing is. Settings that only a later version has are passed over. */
export function differenceOfPlans(before: SweepPlan, now: SweepPlan): string | undefined {
  if (before.halving !== now.halving) {
    const named = ({ halving }: SweepPlan): string => (halving === undefined ? 'no --halving' : `--halving ${halving}`);
    return `it has ${named(before)}, not ${named(now)}`;
  }
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
