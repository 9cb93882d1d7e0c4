import type { Hyperparameters, OptimizerForm } from '../../foundation/optimizer-state';
import { required } from '../../foundation/required';
import { adam, adamForm, adamW, adamWForm } from './adam';
import type { Optimizer } from './optimizer';
import { sgd, sgdForm } from './sgd';

/** The settings that optimisers are made of; each looks at its own. */
export interface OptimizerSettings {
  readonly optimizer: OptimizerName;
  readonly weight_decay: number;
  readonly adam_beta1: number;
  readonly adam_beta2: number;
  readonly eps: number;
  readonly momentum: number;
  readonly nesterov: boolean;
}

interface OptimizerEntry {
  readonly form: OptimizerForm;
  readonly create: (settings: Omit<OptimizerSettings, 'optimizer'>) => Optimizer;
  /** The settings that the hyperparameters of its form tell. */
  readonly settingsOf: (hyperparameters: Hyperparameters) => Partial<OptimizerSettings>;
}

/** The optimisers by the name that `--optimizer` takes. */
const optimizerTable = {
  adam: {
    form: adamForm,
    create: ({ adam_beta1, adam_beta2, eps, weight_decay }) => adam({ betas: [adam_beta1, adam_beta2], eps, weightDecay: weight_decay }),
    settingsOf: adamSettings,
  },
  adamw: {
    form: adamWForm,
    create: ({ adam_beta1, adam_beta2, eps, weight_decay }) => adamW({ betas: [adam_beta1, adam_beta2], eps, weightDecay: weight_decay }),
    settingsOf: adamSettings,
  },
  sgd: {
    form: sgdForm,
    create: ({ momentum, nesterov, weight_decay }) => sgd({ momentum, nesterov, weightDecay: weight_decay }),
    settingsOf: ({ momentum, nesterov, weight_decay }) => ({
      momentum: Number(momentum),
      nesterov: nesterov === true,
      weight_decay: Number(weight_decay),
    }),
  },
} as const satisfies Readonly<Record<string, OptimizerEntry>>;

export type OptimizerName = keyof typeof optimizerTable;

/** The optimiser that settings ask for. */
export function optimizerFor(settings: OptimizerSettings): Optimizer {
  return optimizerTable[settings.optimizer].create(settings);
}

/** The optimisers whose state a training can go on with. */
export const optimizerForms: readonly OptimizerForm[] = Object.values(optimizerTable).map(({ form }) => form);

/**
 * The settings that an optimiser's state_dict tells.
 * @throws Error where its form is none of {@link optimizerForms}.
 */
export function settingsOfOptimizer(saved: {
  readonly form: OptimizerForm;
  readonly hyperparameters: Hyperparameters;
}): Partial<OptimizerSettings> & Pick<OptimizerSettings, 'optimizer'> {
  const entries: [string, OptimizerEntry][] = Object.entries(optimizerTable);
  const [name, entry] = required(
    entries.find(([, { form }]) => form.className === saved.form.className),
    `an optimiser like ${saved.form.className}`,
  );
  return { optimizer: name as OptimizerName, ...entry.settingsOf(saved.hyperparameters) };
}

function adamSettings({ betas, eps, weight_decay }: Hyperparameters): Partial<OptimizerSettings> {
  const [adam_beta1, adam_beta2] = Array.isArray(betas) ? (betas as readonly number[]) : [];
  return {
    adam_beta1: required(adam_beta1, 'the first of betas'),
    adam_beta2: required(adam_beta2, 'the second of betas'),
    eps: Number(eps),
    weight_decay: Number(weight_decay),
  };
}
