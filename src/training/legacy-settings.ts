import type { SavedGroup } from '../checkpoint/optimizer-state-dict';
import { numberFrom } from '../checkpoint/python-values';
import type { PlainRecord, TrainingCheckpoint } from '../checkpoint/training-checkpoint';
import { optimizerSettings } from '../config/optimizer-settings';
import { understoodSettings } from '../config/understood-settings';
import { settingsOfOptimizer } from '../engine/optimizers/table';
import type { RecognisedModel } from '../models/model';
import { kindOfSchedule, type ScheduleSettings } from './schedules';

/** The settings of a training that another program did, as far as its checkpoint tells them. */
interface LegacySettings {
  /** By key of Kumpas's settings. */
  readonly values: PlainRecord;
  /** The keys of those that the checkpoint itself tells; the others are as usual. */
  readonly stated: ReadonlySet<string>;
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
    'cudnn_gru',
    'tf32',
    'enable_parallel',
    'memory_budget_mb',
    'num_buckets',
    'save_every_minutes',
    'init_from',
    'scheduler',
  ],
]);

/** Whether a setting is one that an optimiser's own state tells. */
const isOfOptimizer = (key: string): boolean => Object.hasOwn(optimizerSettings, key);

/**
 * Gathers what a checkpoint tells of its training: the architecture from its shapes, `args` and `config` as far as they name settings, its optimiser with its
 * rate, the kind of its scheduler.
 */
export function legacySettings(
  { model, assumptions }: RecognisedModel,
  { config, args, optimizer, scheduler }: Pick<TrainingCheckpoint, 'config' | 'args' | 'optimizer' | 'scheduler'>,
): LegacySettings {
  const { name, settings } = model.definition;
  const schedule = recogniseSchedule(scheduler, optimizer?.learningRate, optimizer?.furtherGroupKeys);
  const fromArgs = understoodSettings(settings, args ?? {}, 'args');
  const said = new Map([...Object.entries(understoodSettings(settings, config, 'config').values), ...Object.entries(fromArgs.values)]);
  const values = {
    ...Object.fromEntries([...said].filter(([key]) => !NOT_TAKEN_OVER.has(key) && !(optimizer !== undefined && isOfOptimizer(key)))),
    ...schedule.settings,
    ...(optimizer === undefined ? {} : settingsOfOptimizer(optimizer)),
    ...understoodSettings(settings, model.config, 'config').values,
    model: name,
  } as PlainRecord;
  // Dropout is in no shape: a model that was rebuilt has one all the same.
  const stated = new Set(Object.keys(values).filter((key) => key !== 'dropout' || said.has(key)));
  return {
    values,
    stated,
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
 * @param onNote takes a line where it is left out.
 */
export function withComparableMetric(checkpoint: TrainingCheckpoint, onNote: (note: string) => void): TrainingCheckpoint {
  const { bestMetric } = checkpoint;
  if (bestMetric <= 1) return checkpoint;
  onNote(`its best metric ${bestMetric} is no accuracy from 0 to 1: it was left out, and the best epoch is found anew`);
  return { ...checkpoint, bestMetric: -Infinity };
}

/** What is said of a training whose checkpoint does not tell how long it was. */
export const EPOCHS_FROM_0 = 'it does not say how many epochs it was trained: they are counted from 0';

type State = Readonly<Record<string, unknown>>;

/** What a scheduler's state_dict tells of the schedule. */
interface RecognisedSchedule {
  /** Settings of Kumpas that it fixes. */
  readonly settings: Partial<ScheduleSettings>;
  /** What it cannot tell, or what Kumpas does otherwise; a line each. */
  readonly notes: readonly string[];
}

/**
 * The schedule that a scheduler's state_dict belongs to.
 * @param rate the optimiser's learning rate; undefined where there is no optimiser.
 * @param groupKeys what else the optimiser's group of parameters says.
 */
export function recogniseSchedule(
  state: State | undefined,
  rate: number | undefined,
  groupKeys: SavedGroup['furtherGroupKeys'] = new Map(),
): RecognisedSchedule {
  const constant: Partial<ScheduleSettings> = { scheduler: 'none', ...(rate === undefined ? {} : { lr: rate }) };
  if (state === undefined) return { settings: constant, notes: [] };
  const kind = kindOfSchedule(state);
  if (kind === undefined) {
    const keys = Object.keys(state).slice(0, 6).join(', ');
    const note = `its scheduler (${keys}) is none of Kumpas: the learning rate stays where it is; choose one with --scheduler`;
    return { settings: constant, notes: [note] };
  }
  if (kind === 'plateau') return plateau(state, rate, constant);
  if (kind === 'one_cycle') return oneCycle(state, groupKeys) ?? { settings: constant, notes: [] };
  const settings: Partial<ScheduleSettings> = { scheduler: kind, ...baseRate(state) };
  if (kind === 'step') return { settings: { ...settings, ...stepSettings(state) }, notes: [] };
  if (kind === 'cosine')
    return {
      settings: { ...settings, ...(isCount(state['T_max']) ? { epochs: state['T_max'] } : {}) },
      notes: isZero(state['eta_min']) ? [] : [`its cosine ends at eta_min ${String(state['eta_min'])}, the one of Kumpas at 0`],
    };
  const notes =
    kind === 'warmup_cosine' ? ['a LambdaLR does not hold its function: warmup_cosine is taken; see --epochs and --warmup-epochs'] : [];
  return { settings, notes };
}

function plateau(state: State, rate: number | undefined, constant: Partial<ScheduleSettings>): RecognisedSchedule {
  if (state['mode'] !== 'max') {
    const note = `its scheduler waits for a metric to fall (mode ${String(state['mode'])}), the one of Kumpas for accuracy to rise: the learning rate stays where it is; choose one with --scheduler`;
    return { settings: constant, notes: [note] };
  }
  const { factor, patience } = state;
  return {
    settings: {
      scheduler: 'plateau',
      ...(rate === undefined ? {} : { lr: rate }),
      ...(typeof factor === 'number' && factor > 0 && factor < 1 ? { plateau_factor: factor } : {}),
      ...(isCount(patience) ? { plateau_patience: patience } : {}),
    },
    notes: plateauDifferences(state),
  };
}

function stepSettings({ step_size, gamma }: State): Partial<ScheduleSettings> {
  return {
    ...(isCount(step_size) && step_size > 0 ? { step_size } : {}),
    ...(typeof gamma === 'number' && gamma > 0 ? { step_gamma: gamma } : {}),
  };
}

/** Its rates are in the optimiser's groups of parameters; undefined where they are not. */
function oneCycle(state: State, groupKeys: NonNullable<SavedGroup['furtherGroupKeys']>): RecognisedSchedule | undefined {
  const [first, largest, least] = ['initial_lr', 'max_lr', 'min_lr'].map((key) => numberFrom(groupKeys.get(key)));
  const { total_steps: total, _schedule_phases: phases } = state;
  const [rise] = Array.isArray(phases) ? (phases as readonly unknown[]) : [];
  const top = typeof rise === 'object' && rise !== null && 'end_step' in rise ? Number(rise.end_step) : NaN;
  if (first === undefined || largest === undefined || least === undefined || !isCount(total) || !(top >= -1 && top < total - 1))
    return undefined;
  return {
    settings: {
      scheduler: 'one_cycle',
      lr: largest,
      pct_start: (top + 1) / total,
      div_factor: largest / first,
      final_div_factor: first / least,
    },
    notes: [
      `its one_cycle is one of ${total} updates, and that of Kumpas of as many as --epochs and the data make`,
      ...(state['cycle_momentum'] === true ? ['its one_cycle changes the momentum too, the one of Kumpas does not'] : []),
      ...(state['_anneal_func_type'] === 'linear' ? ['its one_cycle is linear, the one of Kumpas a cosine'] : []),
    ],
  };
}

/** What PyTorch's plateau lets one choose and Kumpas does not. */
function plateauDifferences(state: State): string[] {
  const usual: Readonly<Record<string, unknown>> = { threshold: 1e-4, threshold_mode: 'rel', cooldown: 0 };
  return Object.entries(usual).flatMap(([key, value]) =>
    state[key] === undefined || state[key] === value
      ? []
      : [`its scheduler has ${key} ${JSON.stringify(state[key])}, the one of Kumpas ${String(value)}`],
  );
}

function baseRate(state: State): Partial<ScheduleSettings> {
  const [rate] = Array.isArray(state['base_lrs']) ? (state['base_lrs'] as unknown[]) : [];
  return typeof rate === 'number' && rate > 0 ? { lr: rate } : {};
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isZero(value: unknown): boolean {
  return value === 0 || value === undefined;
}
