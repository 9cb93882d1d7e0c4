import { choice, numberBelow, numberFrom, onOrOff, setting } from './setting';

const group = 'Training';

/** What is done with the weights beside the optimiser's own rule. */
export const updateSettings = {
  weight_decay_on: setting(choice(['all', 'weights']), 'all', {
    group,
    description:
      'What the weight decay is of: all parameters, as in PyTorch unless told otherwise; or the weights alone, without biases, norms and a class token.',
  }),
  layer_decay: setting(numberFrom(0.01, 1), 1, {
    group,
    description:
      "Factor on the learning rate for each layer that lies further from the heads (layer-wise decay): 0.9 gives the layer before the last 0.9 of lr's steps, the one before it 0.81; 1 is off.",
    aliases: ['layer_wise_lr_decay', 'llrd'],
  }),
  stochastic_depth: setting(numberBelow(0, 1), 0, {
    group,
    description:
      'Share of clips for which, while training, the last layer is left out, and less for those before it (stochastic depth); 0 is off.',
    aliases: ['drop_path', 'drop_path_rate'],
  }),
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
