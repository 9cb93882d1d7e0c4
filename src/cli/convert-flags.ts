import { modelNames } from '../config/settings';
import { UserError } from '../foundation/errors';
import { checkpointFlags, optimizerFlag } from './model-flags';
import { commonFlags, jsonFlag, type FlagTable } from './options';

/** The flags of `convert inspect`. */
export const inspectFlags = { ...checkpointFlags, ...optimizerFlag, ...jsonFlag, ...commonFlags } as const satisfies FlagTable;

/** The flags of `convert import`. */
export const importFlags = {
  model: { string: true, group: 'Model:', description: `The model it must be: ${modelNames().join(', ')}.`, defaultDescription: 'auto' },
  ...checkpointFlags,
  ...optimizerFlag,
  labels: { string: true, group: 'Import:', description: 'Names of the classes: gloss_id,label,cat_id,category.' },
  log: { string: true, group: 'Import:', description: 'The log of that training (CSV); it becomes a training_log.txt.' },
  description: { string: true, group: 'Import:', description: "A word for the new folder's name.", defaultDescription: 'legacy' },
  'save-dir': {
    string: true,
    group: 'Import:',
    description: 'Folder in which the new folder is made.',
    defaultDescription: 'trained_models/<model>',
  },
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

/** The flags of `convert export`. */
export const exportFlags = {
  format: { string: true, group: 'Export:', description: 'torch, safetensors or saved-model.' },
  dtype: { string: true, group: 'Export:', description: 'float32, float16 or bfloat16, for the weights.', defaultDescription: 'float32' },
  'weights-only': {
    type: 'boolean',
    group: 'Export:',
    description: 'torch: a bare state_dict, without the state of a training and without config and labels.',
  },
  out: {
    string: true,
    group: 'Export:',
    description: 'The file, or for saved-model the folder, to write; never one that is there.',
    defaultDescription: 'in a folder exports beside the checkpoint',
  },
  'batch-size': { string: true, group: 'Export:', description: 'saved-model: clips in a call.', defaultDescription: '1' },
  frames: {
    string: true,
    group: 'Export:',
    description: 'saved-model: frames of a clip; shorter ones are padded by the caller.',
    defaultDescription: 'as many as the model takes',
  },
  ...checkpointFlags,
  ...optimizerFlag,
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

/**
 * The one thing that an action of `convert` takes besides flags.
 * @throws UserError where there is none, or more.
 */
export function onlyPositional(positionals: readonly string[], what: string): string {
  const [only, more] = positionals;
  if (only === undefined) throw new UserError(`name ${what}`);
  if (more !== undefined) throw new UserError(`"${more}": expected one path alone, ${what}; quote a path that has spaces`);
  return only;
}
