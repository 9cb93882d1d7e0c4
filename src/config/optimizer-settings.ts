import type { z } from 'zod';
import { choice, factsOf, numberBelow, numberFrom, onOrOff, setting, type SettingProblem } from './setting';

const group = 'Training';

/** Which optimiser, and how it goes about it. Its learning rate is the training's `lr`, which the schedule changes. */
export const optimizerSettings = {
  optimizer: setting(choice(['adam', 'adamw', 'sgd']), 'adam', {
    group,
    description:
      'How gradients change the weights: torch.optim.Adam, AdamW (Adam with a decoupled weight decay) or SGD, with the learning rate lr.',
    aliases: ['optim'],
  }),
  weight_decay: setting(numberFrom(0), 0, {
    group,
    description:
      'Weight decay. With adam and sgd it is L2, added to the gradient; with adamw lr times as much of each weight is taken off at every step.',
  }),
  adam_beta1: setting(numberBelow(0, 1), 0.9, {
    group,
    description: "The first of adam's and adamw's betas: how much of the gradients' running average is kept at each step.",
    aliases: ['beta1'],
  }),
  adam_beta2: setting(numberFrom(0, 0.999999), 0.999, {
    group,
    description: "The second of adam's and adamw's betas: how much of the running average of their squares is kept at each step.",
    aliases: ['beta2'],
  }),
  eps: setting(numberFrom(0), 1e-8, {
    group,
    description: 'What adam and adamw add to the divisor of their step.',
    aliases: ['adam_eps', 'adam_epsilon', 'epsilon'],
  }),
  momentum: setting(numberBelow(0, 1), 0, {
    group,
    description: "How much of sgd's last steps is kept at each step.",
    aliases: ['sgd_momentum'],
  }),
  nesterov: setting(onOrOff(), false, { group, description: "Let sgd's steps look ahead along the momentum (Nesterov); needs momentum." }),
} as const;

/** Types of {@link optimizerSettings}' values. */
export type OptimizerSettings = z.output<z.ZodObject<typeof optimizerSettings>>;

/** What each optimiser makes use of, beside the weight decay. */
const USED_BY: Readonly<Record<OptimizerSettings['optimizer'], readonly (keyof OptimizerSettings)[]>> = {
  adam: ['adam_beta1', 'adam_beta2', 'eps'],
  adamw: ['adam_beta1', 'adam_beta2', 'eps'],
  sgd: ['momentum', 'nesterov'],
};

/** An optimiser is given no setting of another one, and Nesterov's momentum has to be there. */
export function checkOptimizerSettings(settings: OptimizerSettings): SettingProblem[] {
  const { optimizer, momentum, nesterov } = settings;
  const foreign = unusedBy(optimizer).filter((key) => settings[key] !== factsOf(optimizerSettings[key]).default);
  if (foreign.length === 0 && nesterov && momentum === 0)
    return [{ key: 'nesterov', text: 'needs a momentum above 0: give --momentum, as 0.9' }];
  return foreign.map((key) => ({ key, text: `expected with the optimizer ${ownersOf(key)}, found with ${optimizer}: leave one out` }));
}

/**
 * Settings without those that their optimiser makes no use of: another program may have recorded them all the same.
 * @param settings valid ones by key.
 */
export function withoutUnusedSettings(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { optimizer = factsOf(optimizerSettings.optimizer).default, momentum = 0 } = settings;
  const unused = new Set<string>([...unusedBy(optimizer), ...(momentum === 0 ? ['nesterov'] : [])]);
  return Object.fromEntries(Object.entries(settings).filter(([key]) => !unused.has(key)));
}

/**
 * An optimiser in a few words, as `sgd, momentum 0.9, nesterov`; undefined for the usual one with its usual settings.
 * @param settings a run's, by key.
 */
export function optimizerText(settings: Readonly<Record<string, unknown>>): string | undefined {
  const usual = String(factsOf(optimizerSettings.optimizer).default);
  const name = typeof settings['optimizer'] === 'string' ? settings['optimizer'] : usual;
  const others = Object.entries(optimizerSettings).flatMap(([key, schema]) => {
    const value = settings[key];
    if (key === 'optimizer' || value === undefined || value === factsOf(schema).default) return [];
    return [{ key, text: value === true ? key : `${key.replaceAll('_', ' ')} ${JSON.stringify(value)}` }];
  });
  if (name === usual && others.every(({ key }) => key === 'weight_decay')) return undefined;
  return [name, ...others.map(({ text }) => text)].join(', ');
}

function unusedBy(optimizer: unknown): (keyof OptimizerSettings)[] {
  const used = new Set(Object.entries(USED_BY).find(([name]) => name === optimizer)?.[1]);
  return [...new Set(Object.values(USED_BY).flat())].filter((key) => !used.has(key));
}

function ownersOf(key: keyof OptimizerSettings): string {
  return Object.entries(USED_BY)
    .flatMap(([name, keys]) => (keys.includes(key) ? [name] : []))
    .join(' or ');
}
