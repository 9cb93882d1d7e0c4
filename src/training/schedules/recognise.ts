import type { ScheduleSettings } from './choose';

type State = Readonly<Record<string, unknown>>;

/** What a scheduler's state_dict tells of the schedule. */
export interface RecognisedSchedule {
  /** Settings of Kumpas that it fixes. */
  readonly settings: Partial<ScheduleSettings>;
  /** What it cannot tell, or what Kumpas does otherwise; a line each. */
  readonly notes: readonly string[];
}

/** The kind of PyTorch scheduler that wrote a state_dict, as `--scheduler` names it; undefined for one that Kumpas does not have. */
export function kindOfSchedule(state: State): ScheduleSettings['scheduler'] | undefined {
  if ('num_bad_epochs' in state && 'patience' in state) return 'plateau';
  if ('T_max' in state) return 'cosine';
  return 'lr_lambdas' in state ? 'warmup_cosine' : undefined;
}

/**
 * The schedule that a scheduler's state_dict belongs to.
 * @param rate the optimiser's learning rate; undefined where there is no optimiser.
 */
export function recogniseSchedule(state: State | undefined, rate: number | undefined): RecognisedSchedule {
  const constant: Partial<ScheduleSettings> = { scheduler: 'none', ...(rate === undefined ? {} : { lr: rate }) };
  if (state === undefined) return { settings: constant, notes: [] };
  switch (kindOfSchedule(state)) {
    case 'plateau':
      return plateau(state, rate, constant);
    case 'cosine':
      return {
        settings: { scheduler: 'cosine', ...baseRate(state), ...(isCount(state['T_max']) ? { epochs: state['T_max'] } : {}) },
        notes: isZero(state['eta_min']) ? [] : [`its cosine ends at eta_min ${String(state['eta_min'])}, the one of Kumpas at 0`],
      };
    case 'warmup_cosine':
      return {
        settings: { scheduler: 'warmup_cosine', ...baseRate(state) },
        notes: ['a LambdaLR does not hold its function: warmup_cosine is taken; see --epochs and --warmup-epochs'],
      };
    case 'none':
    case undefined:
      return {
        settings: constant,
        notes: [
          `its scheduler (${Object.keys(state).slice(0, 6).join(', ')}) is none of Kumpas: the learning rate stays where it is; choose one with --scheduler`,
        ],
      };
  }
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
