import path from 'node:path';
import { UserError } from '../../foundation/errors';
import { ownModels } from '../../models/model-table';
import { trainFlagKeys, type TrainCommandLine } from '../run-training';
import type { Terminal } from '../terminal';
import { sweepAsked } from './asked';
import { runSweep } from './run';

/** What is of one training, and so not of several. */
const OF_ONE = {
  resume: 'type the same command again, and it goes on where it was cut',
  findRates: 'try rates first (--find-lr), on one of the folds',
  smokeTest: 'run it on one of the folds',
  measuresBatchSize: 'measure first (--auto-batch-size), on one of the folds',
} as const;

/**
 * Cross-validates a recipe: a sweep of one point, whose folder is that of `--save-dir`, or one in `sweeps` that is called after the data.
 * @returns the process's exit code.
 */
export async function runFolds(typed: TrainCommandLine, folds: number, terminal: Terminal): Promise<number> {
  const { save_dir: saveDir, ...settings } = typed.settings;
  for (const [key, instead] of Object.entries(OF_ONE) as [keyof typeof OF_ONE, string][])
    if (typed[key] !== undefined && typed[key] !== false) throw new UserError(`--folds is of several trainings: ${instead}`);
  const { models = ownModels, configFile, reading } = typed;
  const { data } = settings;
  const name = `${typeof data === 'string' ? path.basename(path.resolve(data)) : 'clips'}-${folds}-folds`;
  const out = typeof saveDir === 'string' && saveDir !== '' ? saveDir : path.join('sweeps', name);
  const request = await sweepAsked(
    { folds: String(folds) },
    { settings, configFile, ...(reading === undefined ? {} : { reading }) },
    models,
    trainFlagKeys,
  );
  return await runSweep(request, { out, jobs: 1 }, { typed, models, json: false }, terminal);
}
