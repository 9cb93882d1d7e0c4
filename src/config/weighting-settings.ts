import type { z } from 'zod';
import { choice, factsOf, numberFrom, positiveNumber, setting, type SettingProblem } from './setting';

const group = 'Training';

/** How much the loss of each head counts, and what decides that. */
export const weightingSettings = {
  alpha: setting(numberFrom(0), 0.5, { group, description: "Weight of the gloss head's loss." }),
  beta: setting(numberFrom(0), 0.5, { group, description: "Weight of the category head's loss." }),
  loss_weighting: setting(choice(['static', 'uncertainty', 'gradnorm']), 'static', {
    group,
    description:
      "What the losses of both heads are weighted with: alpha and beta; weights that are learnt with the model, as its uncertainty of each (Kendall 2018); or weights that begin with alpha and beta and are moved so that both heads learn at the same pace, by their gradients' norms (GradNorm, Chen 2018).",
  }),
  gradnorm_alpha: setting(numberFrom(0), 1.5, {
    group,
    description: "How strongly gradnorm draws both heads to the same pace: the paper's alpha; 0 makes their gradients equally long.",
  }),
  gradnorm_lr: setting(positiveNumber(), 0.025, { group, description: 'The learning rate of the weights that gradnorm moves.' }),
} as const;

/** Types of {@link weightingSettings}' values. */
export type WeightingSettings = z.output<z.ZodObject<typeof weightingSettings>>;

const OF_GRADNORM = ['gradnorm_alpha', 'gradnorm_lr'] as const;

/** At least one head must count, and weights that are learnt are set by nothing else. */
export function checkWeighting(
  settings: WeightingSettings & { readonly curriculum: string; readonly enable_parallel: boolean },
): SettingProblem[] {
  const { alpha, beta, loss_weighting: weighting, curriculum, enable_parallel } = settings;
  const noHead = 'expected a number above 0 in alpha or beta, found 0 in both: nothing would be learnt';
  const problems: SettingProblem[] = alpha + beta > 0 ? [] : [{ key: 'alpha', text: noHead }];
  if (weighting !== 'gradnorm') {
    const foreign = OF_GRADNORM.filter((key) => settings[key] !== factsOf(weightingSettings[key]).default);
    problems.push(
      ...foreign.map((key) => ({ key, text: `expected with the loss_weighting gradnorm, found with ${weighting}: leave one out` })),
    );
  }
  if (weighting === 'static') return problems;
  if (curriculum !== 'none') {
    const text = `expected the curriculum none, found ${curriculum}: both decide the weights of the losses; leave one out`;
    const ofCurriculum = `expected the loss_weighting static, found ${weighting}: both decide the weights of the losses; leave one out`;
    problems.push({
      key: 'loss_weighting',
      text: `${weighting}: ${text}`,
      or: { key: 'curriculum', text: `${curriculum}: ${ofCurriculum}` },
    });
  }
  return [...problems, ...(weighting === 'uncertainty' ? checkUncertainty(settings) : checkGradNorm({ alpha, beta, enable_parallel }))];
}

/**
 * Settings without those that the weighting of the losses leaves no part, and without a learnt weighting beside a curriculum: another program may have recorded them all the same.
 * @param settings valid ones by key.
 */
export function withoutUnusedWeighting(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { loss_weighting: recorded = 'static', curriculum = 'none' } = settings;
  const weighting = curriculum === 'none' ? recorded : 'static';
  const unused = new Set<string>([
    ...(weighting === recorded ? [] : ['loss_weighting']),
    ...(weighting === 'uncertainty' ? ['alpha', 'beta'] : []),
    ...(weighting === 'gradnorm' ? [] : OF_GRADNORM),
  ]);
  return Object.fromEntries(Object.entries(settings).filter(([key]) => !unused.has(key)));
}

/** The weights that are learnt begin at 1 each, whatever alpha and beta are. */
function checkUncertainty(settings: Pick<WeightingSettings, 'alpha' | 'beta'>): SettingProblem[] {
  return (['alpha', 'beta'] as const)
    .filter((key) => settings[key] !== factsOf(weightingSettings[key]).default)
    .map((key) => ({
      key,
      text: 'expected with the loss_weighting static or gradnorm, found with uncertainty, which learns the weights and begins at 1: leave one out',
    }));
}

/** Both heads take part, and the norm of a gradient is none of a part of the batch. */
function checkGradNorm({
  alpha,
  beta,
  enable_parallel,
}: Pick<WeightingSettings, 'alpha' | 'beta'> & { readonly enable_parallel: boolean }): SettingProblem[] {
  const silent = Object.entries({ alpha, beta }).filter(([, weight]) => weight === 0);
  return [
    ...(silent.length === 1
      ? silent.map(([key]) => ({
          key,
          text: 'gradnorm begins with alpha and beta and weighs both heads: expected a number above 0, found 0',
        }))
      : []),
    ...(enable_parallel
      ? [{ key: 'loss_weighting', text: 'gradnorm measures the gradient of a whole batch: leave out --enable-parallel, or gradnorm' }]
      : []),
  ];
}
