import type { Settings } from '../config/model-settings';
import { startRuntime } from '../engine/runtime';
import { UserError } from '../foundation/errors';
import { ownModels } from '../models/model-table';
import type { ClipsRead, TrainingEvent, TrainingNote } from './events';
import type { Learner } from './learner';
import { prepareLearner } from './prepare-run';
import type { TrainingData } from './run';
import type { LearningRateSchedule } from './schedules';
import { contextOf, settle, type TrainHooks, type TrainRequest } from './train';

/** What is tried with a training that is thrown away. */
export interface Trial {
  readonly settings: Settings;
  readonly learner: Learner;
  readonly data: TrainingData;
  /** Does something with the same training under other settings, begun anew on the clips that have been read, and throws that away too. */
  readonly again: <Result>(changed: Partial<Settings>, use: (trial: Omit<Trial, 'again'>) => Promise<Result>) => Promise<Result>;
}

/** How a trial is watched, and what it is given: as a training, but for what is of its folder. */
export type TrialHooks<Event> = Omit<TrainHooks, 'onEvent' | 'registry' | 'now' | 'gitCommit'> & {
  readonly onEvent?: (event: Event | TrialEvent) => void;
};

/** What happens while a trial is prepared. */
export type TrialEvent = TrainingNote | ClipsRead;

/**
 * Prepares a training as the request has it, does something with it, and throws it away: no folder is made.
 * @param named what is tried, for messages: the flag that asks for it.
 * @param scheduleFor the schedule of its learning rate; that of the settings where it is left out.
 * @throws UserError for a mistake in settings, data or checkpoints, and for a training that is gone on with.
 */
export async function tryTraining<Result, Event>(
  named: string,
  request: TrainRequest,
  hooks: TrialHooks<Event>,
  use: (trial: Trial) => Promise<Result>,
  scheduleFor?: (data: TrainingData) => LearningRateSchedule,
): Promise<Result> {
  const { onEvent = () => undefined, ...others } = hooks;
  const models = hooks.models ?? ownModels;
  const report = (event: TrainingEvent): void => {
    if (event.kind === 'note' || event.kind === 'warning' || event.kind === 'clips-read') onEvent(event);
  };
  if (request.resume !== undefined) throw new UserError(`${named} is of a new training: leave --resume out`);
  const { settings } = settle(request, models, report);
  const runtime = await startRuntime({ verbose: hooks.verbose === true, deterministic: settings.deterministic, tf32: settings.tf32 });
  const context = { ...contextOf(runtime, request, others, report), models };
  return throwAway(settings, await prepareLearner(settings, context, { scheduleFor }), (trial) => {
    const { dataset } = trial.data;
    const quiet = { ...context, report: () => undefined }; // All that there is to say was said.
    return use({
      ...trial,
      again: async (changed, useAgain) => {
        const others = { ...settings, ...changed };
        return throwAway(others, await prepareLearner(others, quiet, { scheduleFor, dataset }), useAgain);
      },
    });
  });
}

async function throwAway<Result>(
  settings: Settings,
  { learner, data }: Pick<Trial, 'learner' | 'data'>,
  use: (trial: Omit<Trial, 'again'>) => Promise<Result>,
): Promise<Result> {
  try {
    return await use({ settings, learner, data });
  } finally {
    await data.train.batches.close();
    await data.validation.batches.close();
    learner.program.dispose();
  }
}
