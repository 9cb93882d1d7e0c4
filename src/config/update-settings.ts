import { numberFrom, onOrOff, setting } from './setting';

const group = 'Training';

/** What is done with the weights beside the optimiser's own rule. */
export const updateSettings = {
  ema: setting(onOrOff(), false, {
    group,
    description:
      'Keep an exponential moving average of the weights, moved after every update. Validation, the best epoch and _best.pt are of the average.',
    aliases: ['use_ema', 'model_ema'],
  }),
  ema_decay: setting(numberFrom(0, 0.999999), 0.999, {
    group,
    description: 'How much of the average each update keeps; less at first: at most (1 + n) / (10 + n) at the n-th update.',
    aliases: ['model_ema_decay'],
  }),
} as const;
