import { choice, numberBelow, numberFrom, positiveNumber, setting, wholeNumber } from './setting';

const group = 'Training';

/** How the learning rate changes in the course of a training. */
export const scheduleSettings = {
  scheduler: setting(choice(['none', 'plateau', 'cosine', 'warmup_cosine', 'one_cycle', 'step']), 'plateau', {
    group,
    description:
      'How the learning rate changes: not at all; lowered when validation gloss accuracy stalls; a cosine down over all epochs; a rise first, then the cosine; a rise to lr and a long fall, from update to update; or lowered every few epochs.',
  }),
  plateau_factor: setting(positiveNumber(1), 0.5, {
    group,
    description: 'What plateau multiplies the learning rate with.',
    aliases: ['scheduler_factor', 'lr_factor'],
  }),
  plateau_patience: setting(wholeNumber(0, 1_000_000), 5, {
    group,
    description: 'Epochs without a better validation gloss accuracy that plateau lets pass before it lowers the learning rate.',
    aliases: ['scheduler_patience', 'lr_patience'],
  }),
  warmup_epochs: setting(wholeNumber(0, 1_000_000), 5, {
    group,
    description: 'Epochs over which warmup_cosine raises the learning rate from a tenth of lr.',
  }),
  pct_start: setting(numberBelow(0, 1), 0.3, { group, description: 'Share of the updates over which one_cycle raises the learning rate.' }),
  div_factor: setting(numberFrom(1), 25, { group, description: 'one_cycle begins with lr divided by this.' }),
  final_div_factor: setting(numberFrom(1), 1e4, { group, description: 'one_cycle ends with what it began with, divided by this.' }),
  step_size: setting(wholeNumber(1, 1_000_000), 10, {
    group,
    description: 'Epochs after which step lowers the learning rate, again and again.',
    aliases: ['lr_step_size'],
  }),
  step_gamma: setting(positiveNumber(), 0.1, {
    group,
    description: 'What step multiplies the learning rate with.',
    aliases: ['lr_gamma'],
  }),
} as const;
