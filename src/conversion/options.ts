import { derivedInputs } from '../config/derived-inputs';
import type { TransformDescription } from '../config/data-settings';
import type { Options } from '../config/layers';
import { choice, fileNamePart, onOrOff, option, requiredOption, setting, text, texts, wholeNumber } from '../config/setting';
import { checkpointOptions, optimizerOption } from '../evaluation/options';
import { ownModels } from '../models/model-table';

/** The options of `convert inspect`, the file aside: its flags. */
export const inspectSettings = { ...checkpointOptions, ...optimizerOption } as const;

/** The options of `convert.inspect`. */
export const inspectOptions = {
  file: requiredOption(text('a checkpoint (.pt or .safetensors)'), { group: 'Model', description: 'The checkpoint.' }),
  ...inspectSettings,
} as const;

/** What the clips of another program's model go through before it sees them, as docs/data.md computes it in NumPy. */
const inputOptions = {
  normalize: option(choice(['none', 'shoulders']), {
    group: 'Import',
    description: 'How the clips of a model that PyTorch trained are normalised before it sees them. What Kumpas wrote says it itself.',
  }),
  motion: option(onOrOff(), { group: 'Import', description: 'That it sees the velocity of each key point, too.' }),
  bones: option(onOrOff(), { group: 'Import', description: 'That it sees bones as vectors, too.' }),
  missingness: option(onOrOff(), { group: 'Import', description: 'That it sees which key points are missing, too.' }),
} as const;

/** The transforms that {@link inputOptions} ask for. */
export function inputsGiven(given: Options<typeof inputOptions>): TransformDescription[] {
  const { normalize = 'none', motion = false, bones = false, missingness = false } = given;
  return [...(normalize === 'none' ? [] : [{ name: 'normalize', by: normalize }]), ...derivedInputs({ motion, bones, missingness })];
}

/** The options of `convert import`, the file aside: its flags. */
export const importSettings = {
  model: option(
    text('the name of a model'),
    { group: 'Model', description: `The model it must be: ${ownModels.names.join(', ')}.` },
    'auto',
  ),
  ...checkpointOptions,
  ...optimizerOption,
  ...inputOptions,
  labels_reference: option(text('the path of a CSV file'), {
    group: 'Import',
    description: 'Names of the classes: gloss_id,label,cat_id,category.',
    aliases: ['labels'],
  }),
  log: option(text('the path of a file'), {
    group: 'Import',
    description: 'The log of that training (CSV); it becomes a training_log.txt.',
  }),
  description: setting(fileNamePart(), 'legacy', { group: 'Import', description: "A word for the new folder's name." }),
  save_dir: option(
    text('the path of a folder'),
    { group: 'Import', description: 'Folder in which the new folder is made.' },
    'trained_models/<model>',
  ),
} as const;

/** The options of `convert.import` and `convert.importFolder`. */
export const importOptions = {
  file: requiredOption(text('a checkpoint (.pt or .safetensors), or a folder of checkpoints'), {
    group: 'Import',
    description: 'A checkpoint that PyTorch or Kumpas wrote, or a folder of them.',
  }),
  ...importSettings,
} as const;

const formats = ['torch', 'safetensors', 'saved-model', 'web'] as const;
const dtypes = ['float32', 'float16', 'bfloat16'] as const;

/** The options of `convert export`, the model aside: its flags. */
export const exportSettings = {
  format: requiredOption(
    { ...choice(formats), expected: formats.join(', ') },
    { group: 'Export', description: 'torch, safetensors, saved-model, or web: a page that recognises signs in a browser.' },
  ),
  dtype: setting({ ...choice(dtypes), expected: dtypes.join(', ') }, 'float32', {
    group: 'Export',
    description: 'float32, float16 or bfloat16, for the weights.',
  }),
  weights_only: option(onOrOff(), {
    group: 'Export',
    description: 'torch: a bare state_dict, without the state of a training and without config and labels.',
  }),
  out: option(
    text('the path of a file or folder'),
    {
      group: 'Export',
      description: 'The file, or for saved-model and web the folder, to write; never one that holds something.',
      aliases: ['output_dir', 'output'],
    },
    'in a folder exports beside the checkpoint',
  ),
  batch_size: setting(wholeNumber(1, 1_000_000), 1, { group: 'Export', description: 'saved-model: clips in a call.' }),
  frames: option(
    wholeNumber(1, 1_000_000),
    { group: 'Export', description: 'saved-model: frames of a clip; shorter ones are padded by the caller.' },
    'as many as the model takes',
  ),
  samples: option(
    texts('clips (.npz), folders of them, or patterns'),
    {
      group: 'Export',
      description: 'web: clips that visitors of the page can try it on. They can be downloaded by whoever sees the page.',
    },
    'some of the demo set for a model that was trained on it, else none',
  ),
  ...checkpointOptions,
  ...optimizerOption,
} as const;

/** The options of `convert.export`. */
export const exportOptions = {
  model: requiredOption(text('a model folder, or a checkpoint'), {
    group: 'Export',
    description: 'A model folder (its _best.pt is used) or a checkpoint.',
  }),
  ...exportSettings,
} as const;
