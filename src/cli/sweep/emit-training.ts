import { UserError } from '../../foundation/errors';
import { ownModels } from '../../models/model-table';
import { requiredText } from '../flags';
import { trainFlagKeys, type TrainCommandLine } from '../run-training';
import type { Terminal } from '../terminal';
import { sweepAsked } from './asked';
import { runEmit } from './scheduled';

/** What a training that a scheduler runs cannot be asked for, and what there is instead. */
const NOT_EMITTED = {
  resume: '--resume: a training that --emit has written goes on by itself: submit it again; for one that was begun here, give --init-from',
  findRates: '--find-lr: try rates first, here',
  smokeTest: '--smoke-test: run it here, without --emit',
  measuresBatchSize: '--auto-batch-size: measure first, on a machine like those that train, then give --batch-size',
  folds: '--folds: that is several trainings: npm run sweep -- --folds … --out FOLDER --emit …',
} as const;

/**
 * Writes what a scheduler runs in place of a training: the plan of a sweep of one trial, in the folder that `--save-dir` names, and a batch script or a Job.
 * @returns the process's exit code.
 */
export async function runEmitTraining(
  typed: TrainCommandLine,
  typedOptions: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<number> {
  const { save_dir: saveDir, description, ...settings } = typed.settings;
  const problems = (Object.entries(NOT_EMITTED) as [keyof typeof NOT_EMITTED, string][]).flatMap(([key, problem]) =>
    typed[key] === undefined || typed[key] === false ? [] : [problem],
  );
  if (description !== undefined) problems.push('--description: the folder that --save-dir names says which training it is; leave it out');
  if (problems.length > 0) throw new UserError(problems.map((problem) => `--emit and ${problem}`).join('\n'));
  const out = requiredText({ 'save-dir': saveDir }, 'save-dir', 'a folder for this training alone, as --save-dir trained_models/night');
  const { models = ownModels, configFile, reading } = typed;
  const asked = { settings, configFile, ...(reading === undefined ? {} : { reading }) };
  const request = await sweepAsked({}, asked, models, trainFlagKeys);
  return await runEmit(request, typedOptions, { out, jobs: undefined, asTraining: true }, { typed, models, json: false }, terminal);
}
