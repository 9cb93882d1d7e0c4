import { valuesNamed } from '../engine/parameters';
import { UserError } from '../foundation/errors';
import { classTargets } from './class-weights';
import { NotFinite } from './not-finite';
import { requestOf, type TrainOptions, type TrainRequest } from './train';
import { updateOf } from './training-loop';
import { tryTraining, type Trial, type TrialEvent, type TrialHooks } from './trial';

/** What a smoke test ran. */
export interface SmokeTest {
  readonly model: string;
  readonly clips: { readonly training: number; readonly validation: number };
  /** Of a few batches each: the mean loss of training, and of validation after it. */
  readonly trainLoss: number;
  readonly valLoss: number;
  readonly seconds: number;
}

/** Batches of training, and of validation. */
const BATCHES = 2;

/**
 * Whether a training could run: {@link smokeTestWith} with settings by key.
 * @throws UserError as it does.
 */
export async function smokeTest(options: Omit<TrainOptions, 'resume'> = {}, hooks: TrialHooks<TrialEvent> = {}): Promise<SmokeTest> {
  const { request, models } = requestOf(options, hooks);
  return smokeTestWith(request, { ...hooks, models });
}

/**
 * Runs two batches of training and two of validation, of the very training that is asked for: whatever is wrong with settings, data or machine shows. Nothing is
 * written.
 * @throws UserError for a mistake in settings, data or checkpoints, and where a number is not finite.
 */
export async function smokeTestWith(request: TrainRequest, hooks: TrialHooks<TrialEvent> = {}): Promise<SmokeTest> {
  return tryTraining('--smoke-test', request, hooks, async (trial) => {
    const started = performance.now();
    try {
      const [trainLoss, valLoss] = [await train(trial), await validate(trial)];
      const { data, settings } = trial;
      const clips = { training: data.train.set.entries.length, validation: data.validation.set.entries.length };
      return { model: settings.model, clips, trainLoss, valLoss, seconds: (performance.now() - started) / 1000 };
    } catch (error) {
      if (error instanceof NotFinite) throw new UserError(`--smoke-test: ${error.message}`, { cause: error });
      throw error;
    }
  });
}

async function train({ data, learner, settings }: Trial): Promise<number> {
  const plans = data.train.plan(1).slice(0, Math.max(BATCHES, settings.accumulation_steps));
  let [sum, clips, place] = [0, 0, 0];
  for await (const batch of data.train.batches.epoch(plans)) {
    const { loss } = await learner.step(batch, updateOf(place++, plans.length, settings.accumulation_steps));
    learner.progress.step++;
    [sum, clips] = [sum + loss * batch.count, clips + batch.count];
  }
  return sum / clips;
}

async function validate({ data: { validation }, learner }: Trial): Promise<number> {
  const targets = classTargets(validation.set);
  let [sum, clips] = [0, 0];
  await learner.whileJudged(async () => {
    for await (const batch of validation.batches.epoch(validation.plan(0).slice(0, BATCHES))) {
      const losses = valuesNamed(await learner.evaluate(batch, targets), 'losses');
      for (const loss of losses.subarray(0, batch.count)) sum += loss;
      clips += batch.count;
    }
  });
  const loss = sum / clips;
  if (!Number.isFinite(loss)) throw new NotFinite(`the validation's loss is ${loss}`);
  return loss;
}
