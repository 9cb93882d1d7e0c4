import { z } from 'zod';
import type { Options, OptionsInput } from '../../../config/layers';
import { choice, option, requiredOption, setting, wholeNumber, type ValueKind } from '../../../config/setting';

const group = 'Scheduler';

function textLike(pattern: RegExp, expected: string): ValueKind<z.ZodString> {
  return { schema: z.string().regex(pattern), expected, kind: 'text' };
}

/** What the jobs of a sweep, or of one training, are written for, and what each asks of the cluster; each a flag of `sweep` and `train`. */
export const emitOptions = {
  emit: requiredOption(choice(['slurm', 'k8s']), {
    group,
    description:
      'Train nothing; write what a scheduler runs instead, one trial an index: an array job of Slurm, or a Job of Kubernetes. --jobs says how many run at once. docs/sweeps.md tells how it goes on.',
  }),
  cpus: setting(wholeNumber(1, 4096), 4, { group, description: '--emit: processor cores of each process.' }),
  memory: setting(textLike(/^[1-9]\d{0,6}[MG]$/, 'a number of MiB or GiB, as 8G'), '8G', {
    group,
    description: '--emit: memory of each process, in MiB (512M) or GiB (8G).',
  }),
  gpus: setting(wholeNumber(0, 64), 0, { group, description: '--emit: GPUs of each process.' }),
  processes: setting(wholeNumber(1, 4096), 1, {
    group,
    description: '--emit: processes that train each trial together, each on a machine of its own.',
  }),
  time: option(textLike(/^(\d{1,3}-)?\d{1,4}(:\d\d){0,2}$/, 'a time as Slurm takes it: minutes, 4:00:00, or 1-12:00:00'), {
    group,
    description: '--emit slurm: time limit, as 4:00:00. A training that reaches it is saved and queued again.',
  }),
  partition: option(textLike(/^[\w.,-]+$/, 'names of partitions with commas between them'), {
    group,
    description: '--emit slurm: partition, or several with commas between them.',
  }),
  image: option(textLike(/^[\w.:/@-]+$/, 'the name of an image, as registry.example/kumpas:1'), {
    group,
    description: '--emit k8s: image of Kumpas (the Dockerfile makes one), as registry.example/kumpas:1.',
  }),
  claim: option(textLike(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, 'the name of a PersistentVolumeClaim'), {
    group,
    description: '--emit k8s: PersistentVolumeClaim of the file system that all pods share, which holds the clips and what is trained.',
  }),
  mount_path: option(textLike(/^\/[^:\0]*$/, 'an absolute path'), {
    group,
    description: '--emit k8s: where the pods see that file system. Relative paths, as that of --data, begin there.',
  }),
  namespace: option(textLike(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'the name of a namespace'), {
    group,
    description: '--emit k8s: namespace of the Job.',
  }),
} as const;

/** What {@link emitSweep} is asked for beside the sweep. */
export type EmitOptions = OptionsInput<typeof emitOptions>;
export type CheckedEmitOptions = Options<typeof emitOptions>;

/** What a scheduler's jobs do. */
export interface JobWork {
  /** What the jobs are called after: the sweep's folder. */
  readonly name: string;
  /** That folder, absolute. */
  readonly folder: string;
  /** How many there are, one for each trial of the plan. */
  readonly trials: number;
  /** Whether it is one training that was asked for as such. */
  readonly asTraining: boolean;
  /** How many run at once; all where it is undefined. */
  readonly atOnce: number | undefined;
  /** What follows Kumpas's name in the command of a trial, but for its index: it ends in `--trial`. */
  readonly command: readonly string[];
}

/** Threads of TensorFlow's that a process has: a container sees all cores of its machine, whatever it may use of them. */
export function threadVariables({ cpus }: Pick<CheckedEmitOptions, 'cpus'>): readonly (readonly [string, string])[] {
  return ['TF_NUM_INTRAOP_THREADS', 'TF_NUM_INTEROP_THREADS'].map((name) => [name, String(cpus)] as const);
}

/** Where processes that train together meet in Kubernetes. */
export const MEETING_PORT = 2222;
