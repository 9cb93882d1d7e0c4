import { counted, shellWord } from '../../../foundation/text';
import { threadVariables, type CheckedEmitOptions, type JobWork } from './options';

/** Seconds before the time limit at which a trial is asked to save. */
const SAVE_BEFORE = 120;

/** Slurm's arrays have at most so many indices unless the cluster says otherwise (MaxArraySize 1001). */
const USUAL_ARRAY = 1001;

/** Where a script for Slurm is run. */
export interface SlurmPlace {
  /** The folder that relative paths begin in. */
  readonly workingFolder: string;
  /** The program and its first arguments: Node, and what runs Kumpas's commands. */
  readonly program: readonly string[];
  /** Absolute; what the trials print goes there. */
  readonly logs: string;
  /** The script itself, as the user names it. */
  readonly script: string;
}

/**
 * An array job of Slurm that trains one trial an index (https://slurm.schedmd.com/job_array.html), or a job that is one training. Whatever ends a trial too early, it is queued again and goes on where it was: at the time
 * limit the script asks for that itself; Slurm does where it preempts the job or a machine fails.
 */
export function slurmScript(work: JobWork, options: CheckedEmitOptions, place: SlurmPlace): string {
  const { name, trials, asTraining, atOnce, command } = work;
  const { cpus, memory, gpus, processes, time, partition } = options;
  const directives = [
    `--job-name=${name}`,
    ...(asTraining ? [] : [`--array=0-${trials - 1}${atOnce === undefined ? '' : `%${atOnce}`}`]),
    `--nodes=${processes}`,
    '--ntasks-per-node=1',
    `--cpus-per-task=${cpus}`,
    `--mem=${memory}`,
    ...(gpus === 0 ? [] : [`--gres=gpu:${gpus}`]),
    ...(time === undefined ? [] : [`--time=${time}`]),
    ...(partition === undefined ? [] : [`--partition=${partition}`]),
    '--requeue',
    '--open-mode=append',
    `--signal=B:USR1@${SAVE_BEFORE}`,
    `--output=${directiveWord(`${place.logs.replaceAll('%', '%%')}/`)}${asTraining ? '%j' : '%a'}.log`,
  ];
  const launch = processes === 1 ? [] : ['srun', '--kill-on-bad-exit=1'];
  const words = [...launch, ...place.program, ...command].map(shellWord).join(' ');
  return `${[
    '#!/bin/bash',
    ...directives.map((directive) => `#SBATCH ${directive}`),
    '',
    `# ${whatItIs(work, processes)}. Submit it with: sbatch ${shellWord(place.script)}`,
    asTraining
      ? '# Queued or submitted again it goes on where it was; once all is done, it ends at once.'
      : '# An index that is queued again goes on where its trial was; one whose trial is done ends at once.',
    '',
    `cd ${shellWord(place.workingFolder)} || exit 1`,
    ...threadVariables(options).map(([variable, value]) => `export ${variable}="\${${variable}:-${value}}"`),
    '',
    '# Both signals end the trial, saved. Before the time limit (USR1) it is queued again below; where Slurm preempts the job (TERM) it does so itself.',
    'signalled= requeue= training=',
    'stop() {',
    '  signalled=yes',
    '  [ -z "$training" ] || kill -TERM "$training" 2>/dev/null',
    '}',
    "trap 'requeue=yes; stop' USR1",
    'trap stop TERM',
    '',
    `${words} ${asTraining ? '0' : '"$SLURM_ARRAY_TASK_ID"'} &`,
    'training=$!',
    '[ -z "$signalled" ] || stop',
    '',
    '# A signal ends a wait too: then the trial is waited for once more.',
    'while',
    '  signalled=',
    '  wait "$training"',
    '  code=$?',
    '  [ -n "$signalled" ]',
    'do :; done',
    '',
    'if [ -n "$requeue" ] && [ "$code" -ne 0 ]; then',
    '  scontrol requeue "$SLURM_JOB_ID" && exit 0',
    'fi',
    'exit "$code"',
  ].join('\n')}\n`;
}

/** `6 trials, one an index, each trained by 2 processes together`, or `One training, by 2 processes together`. */
function whatItIs({ asTraining, trials }: JobWork, processes: number): string {
  if (asTraining) return `One training${processes === 1 ? '' : `, by ${processes} processes together`}`;
  return `${counted(trials, 'trial')}, one an index${processes === 1 ? '' : `, each trained by ${processes} processes together`}`;
}

/** What is to be said of a sweep of more trials than Slurm's arrays usually have. */
export function arrayNote(trials: number): string | undefined {
  if (trials <= USUAL_ARRAY) return undefined;
  return `${trials} trials: Slurm's arrays have at most ${USUAL_ARRAY} indices unless the cluster allows more (scontrol show config | grep MaxArraySize)`;
}

/** Indices as `sbatch --array` takes them: `0,3,5-7`. */
export function arrayOf(indices: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const index of indices) {
    const last = runs.at(-1);
    if (last?.[1] === index - 1) last[1] = index;
    else runs.push([index, index]);
  }
  return runs.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(',');
}

/** A word of an #SBATCH line, in which a backslash takes its meaning from what follows it. */
function directiveWord(word: string): string {
  return word.replaceAll(/[^\p{L}\p{N}_./:@%+,=-]/gu, String.raw`\$&`);
}
