import path from 'node:path';
import { z } from 'zod';
import { replaceText } from '../../foundation/atomic-file';
import { firstIssue, messageOf, UserError } from '../../foundation/errors';
import { parseJson } from '../../foundation/json';
import { readTextIfThere } from '../../foundation/regular-file';
import { differenceOfPlans, type SweepPlan } from './plan';

/** What a sweep's folder holds beside the model folders of its trials. */
export const SWEEP_FILES = {
  /** What is trained, written before anything is. */
  manifest: 'sweep.json',
  results: 'results.json',
  /** A line a trial. */
  table: 'results.csv',
  page: 'results.md',
  picture: 'results.png',
  /** Settings to train on with. */
  winner: 'winner.json',
} as const;

/** What was written for a scheduler. */
export interface JobFile {
  readonly scheduler: 'slurm' | 'k8s';
  readonly file: string;
  /** Whether it is of one training that was asked for as such. */
  readonly isTraining: boolean;
}

/** Where what is written for a scheduler may lie. */
export function jobFilesIn(folder: string): JobFile[] {
  return [true, false].flatMap((isTraining) => {
    const named = path.join(folder, isTraining ? 'train' : 'sweep');
    return [
      { scheduler: 'slurm' as const, file: `${named}.sbatch`, isTraining },
      { scheduler: 'k8s' as const, file: `${named}.yaml`, isTraining },
    ];
  });
}

const LARGEST_MANIFEST = 256_000_000;

const varied = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const settings = z.record(z.string(), z.unknown());
const manifestSchema = z.object({
  kind: z.enum(['grid', 'ablation']),
  baseSeed: z.int(),
  points: z.array(z.object({ name: z.string(), values: z.record(z.string(), varied) })),
  trials: z.array(z.object({ id: z.string(), point: z.int().min(0), seed: z.int(), fold: z.int().optional(), settings })),
  halving: z.int().min(2).optional(),
});

/**
 * Keeps a sweep's plan in its folder, where it stays as it is.
 * @param asTraining of a single training, whose folder `--save-dir` names.
 * @throws UserError where the folder holds another sweep.
 */
export function keepPlan(folder: string, plan: SweepPlan, asTraining = false): void {
  const file = path.join(folder, SWEEP_FILES.manifest);
  const before = readPlan(file);
  if (before === undefined) {
    replaceText(file, `${JSON.stringify(plan, null, 1)}\n`);
    return;
  }
  const difference = differenceOfPlans(before, plan);
  if (difference === undefined) return;
  const [other, flag] = asTraining ? ['training', '--save-dir'] : ['sweep', '--out'];
  throw new UserError(
    `${folder}: another ${other} lies there: ${difference}; type its own command to go on with it, or choose another ${flag}`,
  );
}

/**
 * The plan that lies in a sweep's folder.
 * @throws UserError where there is none.
 */
export function keptPlan(folder: string): SweepPlan {
  const plan = readPlan(path.join(folder, SWEEP_FILES.manifest));
  if (plan === undefined) throw new UserError(`${folder}: no sweep lies there: ${SWEEP_FILES.manifest} is missing`);
  return plan;
}

function readPlan(file: string): SweepPlan | undefined {
  const text = readTextIfThere(file, LARGEST_MANIFEST);
  if (text === undefined) return undefined;
  const checked = manifestSchema.safeParse(parsed(file, text));
  if (checked.success) return checked.data;
  throw new UserError(`${file}: it is no plan of a sweep: ${firstIssue(checked.error)}`);
}

function parsed(file: string, text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new UserError(`${file}: ${messageOf(error)}`, { cause: error });
  }
}
