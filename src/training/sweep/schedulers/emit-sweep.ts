import { rmSync } from 'node:fs';
import path from 'node:path';
import { checkOptions, flagOf } from '../../../config/layers';
import { replaceText } from '../../../foundation/atomic-file';
import { UserError } from '../../../foundation/errors';
import { withFolderLock } from '../../../foundation/folder-lock';
import { makeFolders } from '../../../foundation/folders';
import { kumpasProgram } from '../../../foundation/installation';
import { elementAt, required } from '../../../foundation/required';
import { printableLine, shellWord } from '../../../foundation/text';
import { ownModels, type ModelDefinitions } from '../../../models/model-table';
import { refuseUndividable } from '../../train';
import { jobFilesIn, keepPlan } from '../manifest';
import { planSweep, type SweepPlan, type SweepRequest } from '../plan';
import type { SweepHooks } from '../events';
import { sweepRequestOf, type SweepOptions } from '../sweep';
import { checkedPlace, kubernetesManifest } from './kubernetes';
import { emitOptions, type CheckedEmitOptions, type EmitOptions, type JobWork } from './options';
import { arrayNote, slurmScript } from './slurm';

/** Seconds that processes which train together wait for each other: a scheduler starts them as it finds machines, minutes apart. */
const JOIN_WITHIN = 600;

/** What was written for a scheduler. */
export interface EmittedSweep {
  readonly plan: SweepPlan;
  readonly folder: string;
  /** The array job's script, or the Job's manifest. */
  readonly file: string;
  /** What is typed to begin. */
  readonly submit: string;
  /** What else there is to say, a line each. */
  readonly notes: readonly string[];
}

/**
 * Writes what a scheduler runs in place of {@link sweep}: the plan, and an array job of Slurm or a Job of Kubernetes that trains one trial an index. Nothing is trained.
 * `jobs` of the sweep says how many trials run at once; all where it is left out.
 * @throws UserError for a mistake in any of the trials' settings, all at once; for options that the scheduler has no use for; and where the folder holds another sweep.
 */
export async function emitSweep(options: SweepOptions, job: EmitOptions, hooks: Pick<SweepHooks, 'models'> = {}): Promise<EmittedSweep> {
  const { request, models } = sweepRequestOf(options, hooks);
  const checked = checkOptions(emitOptions, { source: 'emitSweep()', values: job });
  return await emitSweepWith(request, checked, { out: options.out, atOnce: options.jobs, asTraining: false, models });
}

/** Where a sweep is written, and how its trials are started. */
export interface EmitPlace {
  readonly out: string;
  /** How many trials run at once; all where it is undefined. */
  readonly atOnce: number | undefined;
  /** Whether it is one training that was asked for as such, in a folder that `--save-dir` names. */
  readonly asTraining: boolean;
  readonly models: ModelDefinitions;
}

/** {@link emitSweep}, with the base's settings as a layer of their own. */
export async function emitSweepWith(
  request: SweepRequest,
  options: CheckedEmitOptions,
  { out, atOnce, asTraining, models }: EmitPlace,
): Promise<EmittedSweep> {
  refuseForeign(options);
  if (request.halving !== undefined)
    throw new UserError(
      '--halving: a rung compares the trials of the one before, and the indices of a job know nothing of each other; leave it out, or run the sweep with --jobs on one machine',
    );
  const plan = planSweep(request, models);
  if (options.processes > 1) for (const { settings } of plan.trials) refuseUndividable(settings, '--processes');
  const flags = [...furtherFlags(request, models, plan), ...(options.processes === 1 ? [] : ['--join-timeout', String(JOIN_WITHIN)])];
  const own = path.resolve(out);
  const name = path.basename(own);
  const work: JobWork = {
    name,
    folder: own,
    trials: plan.trials.length,
    asTraining,
    atOnce,
    command: ['sweep', '--out', out, ...flags, '--trial'],
  };
  const isSlurm = options.emit === 'slurm';
  const files = jobFilesIn(out);
  const { file } = required(
    files.find((one) => one.scheduler === options.emit && one.isTraining === asTraining),
    `a file for ${options.emit}`,
  );
  const logs = path.resolve(out, 'logs');
  refuseSteering([logs, ...flags]);
  const place = { workingFolder: process.cwd(), program: kumpasProgram(), logs, script: file };
  const text = isSlurm
    ? slurmScript({ ...work, name: name.replaceAll(/[^\w.-]+/g, '-') }, options, place)
    : kubernetesManifest(work, options, { ...checkedPlace(options, pathsOf(plan, asTraining ? '--save-dir' : '--out', out)), file });
  makeFolders(path.resolve(out));
  await withFolderLock(out, 'sweep', () => {
    keepPlan(out, plan, asTraining);
    if (isSlurm) makeFolders(logs); // Slurm makes none.
    for (const other of files) if (other.file !== file) rmSync(other.file, { force: true });
    replaceText(file, text);
  });
  const note = isSlurm ? arrayNote(plan.trials.length) : undefined;
  return {
    plan,
    folder: out,
    file,
    submit: isSlurm ? `sbatch ${shellWord(file)}` : `kubectl apply -f ${shellWord(file)}`,
    notes: note === undefined ? [] : [note],
  };
}

/** What the command of each trial is told beside its plan: the file of a model of one's own, and which weights are read of a file to begin with. */
function furtherFlags({ reading }: SweepRequest, models: ModelDefinitions, { trials }: SweepPlan): readonly string[] {
  const name = String(elementAt(trials, 0).settings['model']);
  const { file } = models.get(name);
  if (file === undefined && ownModels.find(name) === undefined)
    throw new UserError(`--emit: the model ${name} lies in no file that another process could load`);
  return [...(file === undefined ? [] : ['--model', file]), ...(reading?.key === undefined ? [] : ['--key', reading.key])];
}

/** Options of one scheduler that the other has no use for. */
const ONLY = { slurm: ['time', 'partition'], k8s: ['image', 'claim', 'mount_path', 'namespace'] } as const;

function refuseForeign(options: CheckedEmitOptions): void {
  const other = options.emit === 'slurm' ? 'k8s' : 'slurm';
  const foreign = ONLY[other].filter((key) => options[key] !== undefined);
  if (options.processes > 1 && options.gpus > 0)
    throw new UserError('--gpus: several processes train together on processors alone; leave it out, or --processes');
  if (foreign.length > 0) throw new UserError(foreign.map((key) => `${flagOf(key)}: it is of --emit ${other}; leave it out`).join('\n'));
}

/** What steers a terminal has no place in a file of a scheduler. */
function refuseSteering(words: readonly string[]): void {
  const word = words.find((one) => printableLine(one) !== one);
  if (word !== undefined)
    throw new UserError(`--emit: ${JSON.stringify(word)} has control characters, and no job can be written with it; choose another name`);
}

/** The sweep's folder and all that its trials' settings name by an absolute path, or one that leaves the folder one works in. */
function pathsOf({ trials }: SweepPlan, flag: string, out: string): ReadonlyMap<string, string> {
  const { settings } = elementAt(trials, 0);
  const places = Object.entries(settings).flatMap(([key, value]) =>
    typeof value === 'string' && (path.isAbsolute(value) || value.startsWith('..')) ? [[flagOf(key), value] as const] : [],
  );
  return new Map([[flag, out], ...places]);
}
