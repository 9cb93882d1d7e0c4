import type { ResolvedSettings } from './resolve';

/** Another setting without which one changes nothing, and the value that it needs; any where only `none` and 0 switch it off. */
interface Need {
  readonly key: string;
  readonly value?: string | true;
}

const focal: Need = { key: 'loss', value: 'focal' };
const curriculum: Need = { key: 'curriculum' };
const scheduler = (value: string): Need => ({ key: 'scheduler', value });

/** Settings that change nothing without another. Those of an optimiser, of GradNorm and of the augmentation are refused where they change nothing. */
const NEEDS: Readonly<Record<string, Need>> = {
  ema_decay: { key: 'ema', value: true },
  weight_decay_on: { key: 'weight_decay' },
  teacher_weight: { key: 'teacher' },
  teacher_temperature: { key: 'teacher' },
  focal_gamma: focal,
  focal_alpha: focal,
  label_smoothing: { key: 'loss', value: 'label_smoothing' },
  curriculum_schedule: curriculum,
  curriculum_epochs: curriculum,
  curriculum_min_weight: curriculum,
  curriculum_warmup: { key: 'curriculum', value: 'dynamic' },
  plateau_factor: scheduler('plateau'),
  plateau_patience: scheduler('plateau'),
  warmup_epochs: scheduler('warmup_cosine'),
  pct_start: scheduler('one_cycle'),
  div_factor: scheduler('one_cycle'),
  final_div_factor: scheduler('one_cycle'),
  step_size: scheduler('step'),
  step_gamma: scheduler('step'),
};

/** A line for every value that was given though it changes nothing: `ema_decay 0.9 changes nothing without ema`; and one for a warm-up that never ends. */
export function describeIdle({ settings, origins }: ResolvedSettings): string[] {
  return [...idleValues({ settings, origins }), ...endlessWarmup(settings)];
}

function endlessWarmup({ scheduler: name, warmup_epochs: warmup, epochs, lr }: ResolvedSettings['settings']): string[] {
  if (name !== 'warmup_cosine' || warmup < epochs) return [];
  return [
    `the warm-up takes ${warmup} epochs and the training ${epochs}: the learning rate never reaches ${lr}; fewer warmup_epochs mend that`,
  ];
}

function idleValues({ settings, origins }: ResolvedSettings): string[] {
  const values: Readonly<Record<string, unknown>> = settings;
  return Object.entries(NEEDS).flatMap(([key, { key: needed, value }]) => {
    const given = origins[key]?.instead;
    if (given === undefined || given.value === values[key]) return [];
    const found = values[needed];
    if (value === undefined ? isOn(found) : found === value) return [];
    return [`${key} ${String(values[key])} changes nothing without ${needed}${typeof value === 'string' ? ` ${value}` : ''}`];
  });
}

function isOn(value: unknown): boolean {
  return value !== null && value !== 'none' && value !== 0;
}
