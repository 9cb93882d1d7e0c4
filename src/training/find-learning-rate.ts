import path from 'node:path';
import type { Batch } from '../data/batch';
import { canDraw, drawnOrTold, lightTheme } from '../evaluation/pictures/drawing';
import { ratePicture } from '../evaluation/pictures/rate-picture';
import { writeFileAtomically, writeTextAtomically } from '../foundation/atomic-file';
import { elementAt } from '../foundation/required';
import type { Learner } from './learner';
import { NotFinite } from './not-finite';
import type { LearningRateSchedule } from './schedules';
import { requestOf, type TrainOptions, type TrainRequest } from './train';
import { updateOf } from './training-loop';
import { tryTraining, type Trial, type TrialEvent, type TrialHooks } from './trial';

/** A learning rate that was tried for one update, and what the loss was before it. */
export interface TriedRate {
  readonly rate: number;
  /** Of the update's clips, in training. */
  readonly loss: number;
}

/** What was found out about learning rates. */
export interface FoundRates {
  readonly tried: readonly (TriedRate & { readonly smoothedLoss: number })[];
  /**
   * Where the loss falls fastest; where it never falls further than it scatters from batch to batch, a tenth of the rate at which it is least; undefined where
   * nothing tells.
   */
  readonly suggestion: number | undefined;
  /** Which of the two it is. */
  readonly basis: 'steepest' | 'tenth of the least' | undefined;
  /** `diverged`: the loss rose so far, or became no number, that larger rates were not tried. */
  readonly end: 'finished' | 'diverged' | 'interrupted';
  /** Those that were written. */
  readonly files: readonly string[];
}

/** Something that happens while learning rates are tried. */
export type FindRateEvent = TrialEvent | (TriedRate & { readonly kind: 'rate-tried'; readonly done: number; readonly total: number });

/** How the search for a learning rate is watched and stopped. */
export type FindRateHooks = TrialHooks<FindRateEvent>;

const [LEAST, MOST] = [1e-7, 10];
const UPDATES = 100;
/** A loss above so many times the least one so far ends the search. */
const DIVERGED = 4;
/** Updates on either side that a smoothed loss is a mean of, and a slope is taken over: about a decade in all. */
const REACH = 6;

/**
 * Tries learning rates for a training, and says where its loss falls fastest. It makes no model folder; what is learnt is thrown away.
 * @param options those of the training; `out` is the folder in which lr_finder.png and lr_finder.csv are written, none where it is left out.
 * @throws UserError for a mistake in settings, data or checkpoints.
 */
export async function findLearningRate(
  { out, ...options }: Omit<TrainOptions, 'resume'> & { readonly out?: string } = {},
  hooks: FindRateHooks = {},
): Promise<FoundRates> {
  const { request, models } = requestOf(options, hooks);
  return findRates(request, out, { ...hooks, models });
}

/**
 * {@link findLearningRate}, with the settings as a layer of their own. Tries learning rates (Smith 2017): a training as the settings have it, of {@link UPDATES} updates, each at a larger rate than the one before, from 1e-7 to 10.
 * @param out the folder in which lr_finder.png and lr_finder.csv are written; undefined for none.
 * @throws UserError for a mistake in settings, data or checkpoints.
 */
export async function findRates(request: TrainRequest, out: string | undefined, hooks: FindRateHooks = {}): Promise<FoundRates> {
  const { onEvent: report = () => undefined } = hooks;
  const find = async (trial: Trial): Promise<FoundRates> => {
    const { tried, end } = await tryRates(trial, { ...hooks, onEvent: report });
    const smoothed = smooth(tried.map(({ loss }) => loss));
    const rates = tried.map((one, place) => ({ ...one, smoothedLoss: elementAt(smoothed, place) }));
    const suggested = end === 'interrupted' ? undefined : suggest(rates);
    const found = { tried: rates, suggestion: suggested?.rate, basis: suggested?.basis, end };
    return { ...found, files: out === undefined || end === 'interrupted' ? [] : await writeFound(out, found, report) };
  };
  return tryTraining('--find-lr', request, hooks, find, () => new RisingRate());
}

/** From the least rate to the largest, by the same factor from update to update. */
class RisingRate implements LearningRateSchedule {
  private update = 0;

  get learningRate(): number {
    return LEAST * (MOST / LEAST) ** (this.update / (UPDATES - 1));
  }

  endUpdate(): void {
    this.update++;
  }

  endEpoch(): void {
    // Its rate is a function of the update alone.
  }

  stateDict(): undefined {
    return undefined;
  }

  loadStateDict(): void {
    // Nobody goes on with it.
  }
}

async function tryRates(
  { learner, data, settings: { accumulation_steps: batchesAnUpdate } }: Trial,
  { signal, onEvent = () => undefined }: FindRateHooks,
): Promise<{ tried: TriedRate[]; end: FoundRates['end'] }> {
  const tried: TriedRate[] = [];
  let [sum, clips, least] = [0, 0, Infinity];
  for (let epoch = 1; tried.length < UPDATES; epoch++) {
    const plans = data.train.plan(epoch);
    let place = 0;
    for await (const batch of data.train.batches.epoch(plans)) {
      const update = updateOf(place++, plans.length, batchesAnUpdate);
      const rate = learner.schedule.learningRate;
      const loss = await lossOfStep(learner, batch, update);
      if (loss === undefined) return { tried, end: 'diverged' };
      learner.progress.step++;
      [sum, clips] = [sum + loss * batch.count, clips + batch.count];
      if (!update.apply) continue;
      tried.push({ rate, loss: sum / clips });
      onEvent({ kind: 'rate-tried', rate, loss: sum / clips, done: tried.length, total: UPDATES });
      least = Math.min(least, sum / clips);
      if (tried.length > 2 * REACH && sum / clips > DIVERGED * least) return { tried, end: 'diverged' };
      if (tried.length === UPDATES) break;
      if (signal?.aborted === true) return { tried, end: 'interrupted' };
      [sum, clips] = [0, 0];
    }
  }
  return { tried, end: 'finished' };
}

/** The loss before the step; undefined where it, or the step, is no number. */
async function lossOfStep(learner: Learner, batch: Batch, update: ReturnType<typeof updateOf>): Promise<number | undefined> {
  try {
    return (await learner.step(batch, update)).loss;
  } catch (error) {
    if (error instanceof NotFinite) return undefined;
    throw error;
  }
}

/** Each the mean of those around it, as many on either side. */
function smooth(losses: readonly number[]): number[] {
  return losses.map((_, place) => {
    const reach = Math.min(REACH, place, losses.length - 1 - place);
    const around = losses.slice(place - reach, place + reach + 1);
    return around.reduce((sum, loss) => sum + loss, 0) / around.length;
  });
}

/** A learning rate to begin with, and why; undefined where the losses do not tell. */
export function suggest(
  tried: FoundRates['tried'],
): { readonly rate: number; readonly basis: NonNullable<FoundRates['basis']> } | undefined {
  // At both ends few losses are around one: what is least there is chance.
  const inner = tried.slice(REACH, -REACH);
  const bottom = inner.reduce(
    (lowest, { smoothedLoss }, place) => (smoothedLoss < elementAt(inner, lowest).smoothedLoss ? place : lowest),
    0,
  );
  let [steepest, slope] = [-1, 0];
  for (let place = 0; place <= bottom && place < inner.length; place++) {
    const fall = slopeOf(tried.slice(place, place + 2 * REACH + 1).map(({ loss }) => loss));
    if (fall.slope < slope && -fall.slope > SIGNIFICANT * fall.error) [steepest, slope] = [place, fall.slope];
  }
  if (steepest !== -1) return { rate: elementAt(inner, steepest).rate, basis: 'steepest' };
  return bottom < inner.length / 2 ? undefined : { rate: elementAt(inner, bottom).rate / 10, basis: 'tenth of the least' };
}

/** How many standard errors a slope must differ from 0 by: dozens of them are looked at, and losses of single batches scatter. */
const SIGNIFICANT = 4;

/** The slope of the straight line through some values (least squares), a step apart, and its standard error. */
function slopeOf(values: readonly number[]): { readonly slope: number; readonly error: number } {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = values.reduce((sum, _, place) => sum + (place - middle) ** 2, 0);
  const slope = values.reduce((sum, value, place) => sum + (place - middle) * (value - mean), 0) / spread;
  const rest = values.reduce((sum, value, place) => sum + (value - mean - slope * (place - middle)) ** 2, 0);
  return { slope, error: Math.sqrt(rest / (values.length - 2) / spread) };
}

async function writeFound(folder: string, found: Omit<FoundRates, 'files'>, report: (event: FindRateEvent) => void): Promise<string[]> {
  const [table, picture] = ['lr_finder.csv', 'lr_finder.png'].map((name) => path.join(folder, name));
  const files: string[] = [];
  if (table !== undefined) {
    const rows = found.tried.map(({ rate, loss, smoothedLoss }) => `${rate},${loss},${smoothedLoss}`);
    writeTextAtomically(table, `${['lr,loss,smoothed_loss', ...rows].join('\n')}\n`);
    files.push(table);
  }
  const onWarning = (text: string): void => {
    report({ kind: 'warning', text });
  };
  if (picture === undefined || !(await canDraw(onWarning))) return files;
  const drawn = drawnOrTold('lr_finder.png', () => ratePicture(found, lightTheme), onWarning);
  if (drawn === undefined) return files;
  writeFileAtomically(picture, (append) => {
    append(drawn);
  });
  return [...files, picture];
}
