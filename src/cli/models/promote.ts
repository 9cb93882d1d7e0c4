import { labelledDataOf, commonFlags, type FlagTable } from '../flags';
import { plainCommand, type Command } from '../command';
import { onlyName, rootOf } from './registry-flags';
import { dtypeOf, productionFlags } from './release-flags';

const command = 'npm run models -- promote';

const flags = {
  dtype: {
    string: true,
    group: 'Checkpoint:',
    description: 'float32, which gives the same logits; or float16, of half the size, whose loss of accuracy is measured.',
    defaultDescription: 'float32',
  },
  ...productionFlags,
  ...commonFlags,
} as const satisfies FlagTable;

/** `models promote`. */
export const promoteCommand: Command = plainCommand(
  {
    command,
    takes: 'NAME',
    summary:
      'Makes a model’s production checkpoint: its best weights without a training’s state, with config and labels inside. Both are evaluated; the model’s stage becomes production.',
    flags,
    examples: [
      [`${command} transformer_baseline_09-20`, 'evaluated on the data that it was trained with'],
      [`${command} transformer_baseline_09-20 --dtype float16 --data clips/`, 'half the size'],
    ],
  },
  async (typed, terminal, positionals) => {
    const request = {
      root: rootOf(typed),
      name: onlyName(positionals, command),
      dtype: dtypeOf(typed) ?? 'float32',
      data: labelledDataOf(typed),
      json: typed['json'] === true,
      verbose: typed['verbose'] === true,
    };
    const { runPromotion } = await import('./run-promotion.js'); // With TensorFlow: only when it is needed.
    return await runPromotion(request, terminal);
  },
);
