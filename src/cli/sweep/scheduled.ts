import { checkOptions, commandLineSource } from '../../config/layers';
import { cacheFolder } from '../../foundation/caches';
import { UserError } from '../../foundation/errors';
import { counted, percent, shellWord } from '../../foundation/text';
import { clusterPlace } from '../../training/cluster/place';
import type { UndoneTrial } from '../../training/sweep/collect';
import type { JobFile } from '../../training/sweep/manifest';
import type { SweepEvent } from '../../training/sweep/events';
import type { SweepRequest } from '../../training/sweep/plan';
import { emitOptions } from '../../training/sweep/schedulers/options';
import { arrayOf } from '../../training/sweep/schedulers/slurm';
import { USER_ERROR_EXIT_CODE, watchForInterruption } from '../exit';
import { optionalText } from '../flags';
import { ownModelFlag } from '../model-flags';
import { columns, secondsText } from '../quantities';
import { gitCommit } from '../run-training';
import type { Terminal } from '../terminal';
import { failureText } from './progress';
import type { SweepShown } from './run';

/** Writes what a scheduler runs in place of a sweep, or of one training, and says how it is submitted and collected. */
export async function runEmit(
  request: SweepRequest,
  typedOptions: Readonly<Record<string, unknown>>,
  { out, jobs, asTraining }: { readonly out: string; readonly jobs: number | undefined; readonly asTraining: boolean },
  { typed, models, json }: SweepShown,
  { output }: Terminal,
): Promise<number> {
  const options = checkOptions(emitOptions, { source: commandLineSource, values: typedOptions });
  const { emitSweepWith } = await import('../../training/sweep/schedulers/emit-sweep.js');
  const { plan, folder, file, submit, notes } = await emitSweepWith(request, options, { out, atOnce: jobs, asTraining, models });
  const collect = `npm run sweep -- --collect ${shellWord(folder)}${ownModelFlag(typed.modelFile)}`;
  if (json) {
    output.write(`${JSON.stringify({ folder, file, trials: plan.trials.length, submit, collect, notes }, null, 2)}\n`);
    return 0;
  }
  if (!asTraining) output.write(`${counted(plan.points.length, 'point')}, ${counted(plan.trials.length, 'trial')}\n`);
  for (const note of notes) output.write(`note: ${note}\n`);
  output.write(`written: ${file}\nsubmit:  ${submit}\n${asTraining ? 'see how it goes:' : 'collect:'} ${collect}\n`);
  return 0;
}

/** Variables that say which index of a job a process is. */
const INDEX_VARIABLES = ['SLURM_ARRAY_TASK_ID', 'JOB_COMPLETION_INDEX'] as const;

function indexOf(typed: unknown): number {
  const named = [['--trial', String(typed)] as const, ...INDEX_VARIABLES.map((name) => [name, process.env[name]] as const)];
  const [source, text] = named.find(([, value]) => value !== undefined && value !== '') ?? ['--trial', undefined];
  if (text === undefined)
    throw new UserError(`--trial: give the index of a trial, from 0, or run it where ${INDEX_VARIABLES.join(' or ')} is set`);
  if (!/^\d{1,9}$/.test(text)) throw new UserError(`${source}: expected the index of a trial, from 0, found "${text}"`);
  return Number(text);
}

/** Trains one trial of a sweep whose plan lies in its folder. A scheduler may tell the process several times that it is to end. */
export async function runOneTrial(
  { index: typedIndex, folder, joinTimeout }: { readonly index: unknown; readonly folder: string; readonly joinTimeout: unknown },
  shown: SweepShown,
  terminal: Terminal,
): Promise<number> {
  const index = indexOf(typedIndex);
  const cluster = clusterPlace({ joinTimeout: optionalText({ 'join-timeout': joinTimeout }, 'join-timeout'), environment: process.env });
  const { trainTrialAt } = await import('../../training/sweep/collect.js');
  const { typed, models, json } = shown;
  const interruption = watchForInterruption(terminal.errors, 'the step is finished and everything saved', false);
  try {
    const { trial, end } = await trainTrialAt(folder, index, {
      signal: interruption.signal,
      onEvent: linesTo(json ? terminal.errors : terminal.output, terminal.errors, typed.verbose),
      models,
      reading: typed.reading,
      cluster,
      verbose: typed.verbose,
      cacheFolder: cacheFolder(process.env),
      gitCommit: gitCommit(),
    });
    if (json) terminal.output.write(`${JSON.stringify({ index, trial: trial.id, end }, null, 2)}\n`);
    if (end === 'interrupted') return interruption.exitCode() ?? USER_ERROR_EXIT_CODE;
    return end === 'finished' ? 0 : USER_ERROR_EXIT_CODE;
  } finally {
    interruption.end();
  }
}

/** A log of a trial, a line an epoch. */
function linesTo(output: Terminal['output'], errors: Terminal['errors'], verbose: boolean): (event: SweepEvent) => void {
  return (event) => {
    switch (event.kind) {
      case 'trial-start':
        output.write(`${event.trial.id}${event.resumed ? ' goes on' : ''}\n`);
        break;
      case 'trial-epoch': {
        const { epoch, epochs, bestGlossAccuracy } = event.epoch;
        output.write(`epoch ${epoch}/${epochs} best ${percent(bestGlossAccuracy)}\n`);
        break;
      }
      case 'trial-end': {
        const { glossAccuracy, bestEpoch, epochs, seconds } = event.figures;
        output.write(`${event.trial.id} gloss ${percent(glossAccuracy)} best epoch ${bestEpoch} of ${epochs} ${secondsText(seconds)}\n`);
        break;
      }
      case 'trial-failed':
        errors.write(`${event.trial.id} failed: ${failureText(event.error, verbose)}\n`);
        break;
      case 'warning':
        errors.write(`warning: ${event.text}\n`);
        break;
      case 'planned':
      case 'trial-paused':
      case 'rung-end': // Of a sweep that is led by one process.
    }
  };
}

/** Writes the tables of what a sweep's jobs have done, and says what is missing and how it is submitted again. @returns 0 where all is done. */
export async function runCollect(folder: string, { json }: SweepShown, { output, errors }: Terminal): Promise<number> {
  const { collectSweep, jobFileOf } = await import('../../training/sweep/collect.js');
  const { sweepTable, sweepConclusions, sweepDocument } = await import('../../training/sweep/results-text.js');
  const collected = await collectSweep(folder, (text) => {
    errors.write(`warning: ${text}\n`);
  });
  const { undone, files } = collected;
  const again = waysOn(jobFileOf(folder), undone);
  if (json) {
    const missing = undone.map(({ index, trial, state }) => ({ index, trial: trial.id, state }));
    const end = undone.length === 0 ? 'finished' : 'unfinished';
    output.write(`${JSON.stringify({ end, folder, undone: missing, ...sweepDocument(collected) }, null, 2)}\n`);
  } else {
    output.write(`${columns(sweepTable(collected)).join('\n')}\n\n${sweepConclusions(collected).join('\n')}\n`);
    for (const line of [...statesOf(undone), ...again]) output.write(`${line}\n`);
    output.write(`\nwritten: ${files.join(', ')}\n`);
  }
  return undone.length === 0 ? 0 : USER_ERROR_EXIT_CODE;
}

/** Which indices are in what state: `failed: 3; not begun: 7-11`. */
function statesOf(undone: readonly UndoneTrial[]): string[] {
  const states = (['failed', 'running', 'cut', 'not begun'] as const).flatMap((state) => {
    const indices = undone.filter((one) => one.state === state).map(({ index }) => index);
    return indices.length === 0 ? [] : [`${state}: ${arrayOf(indices)}`];
  });
  return states.length === 0 ? [] : [`Indices that are not done: ${states.join('; ')}.`];
}

function waysOn(job: JobFile | undefined, undone: readonly UndoneTrial[]): string[] {
  const indices = undone.filter(({ state }) => state !== 'running').map(({ index }) => index);
  if (indices.length === 0) return [];
  if (job === undefined) return ["Train them: type the sweep's own command again."];
  const file = shellWord(job.file);
  if (job.scheduler === 'slurm' && job.isTraining) return [`Submit it again: sbatch ${file}`];
  return job.scheduler === 'slurm'
    ? [`Submit them again: sbatch --array=${arrayOf(indices)} ${file}`]
    : [`Submit them again: kubectl delete -f ${file} && kubectl apply -f ${file} (an index whose trial is done ends at once)`];
}
