import type { PlainRecord, TrainingCheckpoint } from '../checkpoint/training-checkpoint';
import { understoodSettings } from '../config/understood-settings';
import { optimizerFor, settingsOfOptimizer } from '../engine/optimizers/table';
import type { Hyperparameters } from '../foundation/optimizer-state';
import type { RecognisedModel } from '../models/model';
import { recogniseSchedule } from './schedules/recognise';

/** The settings of a training that another program did, as far as its checkpoint tells them. */
export interface LegacySettings {
  /** By key of Kumpas's settings. */
  readonly values: PlainRecord;
  /** The keys of those that the checkpoint itself tells; the others are as usual. */
  readonly told: ReadonlySet<string>;
  /** What the checkpoint could not tell, or what Kumpas does otherwise; a line each. */
  readonly notes: readonly string[];
}

/** What a checkpoint's `args` and `config` say of another machine, or of how that program ran. */
const NOT_TAKEN_OVER = new Set([
  ...['model', 'data', 'labels_train_csv', 'labels_val_csv', 'labels_reference', 'keypoints_train', 'keypoints_val', 'kp_key'],
  ...[
    'save_dir',
    'description',
    'amp',
    'compile_model',
    'enable_parallel',
    'memory_budget_mb',
    'num_buckets',
    'save_every_minutes',
    'init_from',
    'scheduler',
  ],
]);

/**
 * Gathers what a checkpoint tells of its training: the architecture from its shapes, `args` and `config` as far as they name settings, the rate and decay of its
 * optimiser, the kind of its scheduler.
 */
export function legacySettings(
  { model, assumptions }: RecognisedModel,
  { config, args, optimizer, scheduler }: Pick<TrainingCheckpoint, 'config' | 'args' | 'optimizer' | 'scheduler'>,
): LegacySettings {
  const { name, settings } = model.definition;
  const schedule = recogniseSchedule(scheduler, optimizer?.learningRate);
  const fromArgs = understoodSettings(settings, args ?? {}, 'args');
  const said = new Map([...Object.entries(understoodSettings(settings, config, 'config').values), ...Object.entries(fromArgs.values)]);
  const values = {
    ...Object.fromEntries([...said].filter(([key]) => !NOT_TAKEN_OVER.has(key))),
    ...schedule.settings,
    ...(optimizer === undefined ? {} : settingsOfOptimizer(optimizer)),
    ...understoodSettings(settings, model.config, 'config').values,
    model: name,
  } as PlainRecord;
  // Dropout is in no shape: a model that was rebuilt has one all the same.
  const told = new Set(Object.keys(values).filter((key) => key !== 'dropout' || said.has(key)));
  return {
    values,
    told,
    notes: [
      ...assumptions.map((assumption) => `the checkpoint does not say: ${assumption} was taken`),
      ...schedule.notes,
      ...fromArgs.notes,
    ],
  };
}

/**
 * A checkpoint of another program whose best metric is compared with shares from 0 to 1 here; one that is none (a percentage, a loss above 1) is left out, for
 * nothing would ever be better.
 * @param onNote is told where it is left out.
 */
export function withComparableMetric(checkpoint: TrainingCheckpoint, onNote: (note: string) => void): TrainingCheckpoint {
  const { bestMetric } = checkpoint;
  if (bestMetric <= 1) return checkpoint;
  onNote(`its best metric ${bestMetric} is no accuracy from 0 to 1: it was left out, and the best epoch is found anew`);
  return { ...checkpoint, bestMetric: -Infinity };
}

/** Why an optimiser would not go on here as it did there; undefined where it would, or there is none. */
export function otherOptimizer({ optimizer }: Pick<TrainingCheckpoint, 'optimizer'>): string | undefined {
  if (optimizer === undefined) return undefined;
  const { form, hyperparameters } = optimizer;
  const here = optimizerFor(settingsOfOptimizer(optimizer)).hyperparameters;
  if (form.hyperparameters.every((key) => String(hyperparameters[key]) === String(here[key]))) return undefined;
  const listed = (values: Hyperparameters): string => form.hyperparameters.map((key) => `${key} ${String(values[key])}`).join(', ');
  return `its ${form.className} has ${listed(hyperparameters)}; Kumpas trains with ${listed(here)}, so it would not go on as it was`;
}

/** What is said of a training whose checkpoint does not tell how long it was. */
export const EPOCHS_FROM_0 = 'it does not say how many epochs it was trained: they are counted from 0';
