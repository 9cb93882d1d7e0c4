import type { PlainRecord } from '../checkpoint/training-checkpoint';
import type { Options } from '../config/layers';
import { choice, numberBelow, onOrOff, onOrOffOr, option, requiredOption, setting, text, texts, wholeNumber } from '../config/setting';
import type { ModelReading, WithModels } from './recognise';

/** What is taken for a model: a folder or a checkpoint. */
export const modelOption = requiredOption(text('a model folder or a .pt file'), {
  group: 'Model',
  description: 'A model folder (its _best.pt is used) or a .pt file; typed, also a name of trained_models.',
});

/** What a checkpoint may not say of its model, and which of its weights are meant. */
export const checkpointOptions = {
  num_heads: option(wholeNumber(1, 1_000_000), {
    group: 'Model',
    description: 'Attention heads, where the checkpoint does not say (8 is taken).',
    aliases: ['n_heads'],
  }),
  pooling: option(
    { ...choice(['mean', 'max', 'cls']), expected: 'mean, max or cls' },
    {
      group: 'Model',
      description: 'mean, max or cls, where the checkpoint does not say (mean is taken).',
      aliases: ['pooling_method'],
    },
  ),
  transform_input: option(onOrOff(), {
    group: 'Model',
    description: "Whether InceptionV3's weights want torchvision's transform_input, where the checkpoint does not say (true is taken).",
  }),
  max_len: option(wholeNumber(1, 1_000_000), {
    group: 'Model',
    description: 'The longest clip in frames, where the checkpoint neither says nor holds positions (300 is taken).',
  }),
  key: option(
    text('a key of the checkpoint'),
    {
      group: 'Model',
      description: 'Which weights are taken of a checkpoint that holds several, by their key: ema, or models.0.',
    },
    'those that were trained, not an average of them',
  ),
} as const;

/** In what a model computes. */
export const precisionOption = {
  amp: setting(onOrOffOr(['force']), false, {
    group: 'Model',
    description:
      'Matrix products in bfloat16 where this machine was measured to gain by it, as train --amp measures it; logits then differ in their third digit. force: whatever it costs.',
  }),
} as const;

/** What an optimiser was, where a checkpoint leaves it open. */
export const optimizerOption = {
  optimizer_was: option(
    { ...choice(['adam', 'adamw']), expected: 'adam or adamw' },
    {
      group: 'Model',
      description: 'adam or adamw: which of them the optimizer was, where an older file with weight decay leaves it open.',
    },
  ),
} as const;

/** Labelled clips to evaluate on, one by one. */
export const labelledClipsOptions = {
  keypoints_val: option(text('the path of a folder'), {
    group: 'Data',
    description: 'Folder with the clips, one .npz each.',
    aliases: ['features_val'],
  }),
  labels_val_csv: option(text('the path of a CSV file'), { group: 'Data', description: 'Their labels: file,gloss,cat[,occluded].' }),
  labels_reference: option(text('the path of a CSV file'), { group: 'Data', description: 'Names of glosses and categories.' }),
  kp_key: option(
    text('the name of an array'),
    {
      group: 'Data',
      description: 'The array in each .npz that holds the key points or features.',
      aliases: ['feature_key'],
    },
    'as in training',
  ),
  batch_size: setting(wholeNumber(1, 1_000_000), 32, { group: 'Data', description: 'Clips in a batch.' }),
} as const;

/** Labelled clips to evaluate on: a folder, or its parts. */
export const labelledDataOptions = {
  data: option(text('the path of a folder'), {
    group: 'Data',
    description: 'Folder laid out as for training. Without any data flag: the data that the model was trained with.',
  }),
  ...labelledClipsOptions,
} as const;

/** The options of the library's `evaluate`, each a flag of the command of that name. */
export const evaluateOptions = {
  model: modelOption,
  ...checkpointOptions,
  ...precisionOption,
  ...labelledDataOptions,
  out: option(
    text('the path of a folder'),
    { group: 'Output', description: 'Where tables, pictures and report.html are written.', aliases: ['output_dir', 'out_dir'] },
    'evaluation_results beside the checkpoint',
  ),
} as const;

/** The options of the library's `predict` that have a default or may be left out, each a flag of the command of that name. */
export const predictOptions = {
  model: requiredOption(texts('a model folder or a .pt file'), {
    group: 'Model',
    description:
      'A model folder (its _best.pt is used) or a .pt file; typed, also a name of trained_models. Several are shown side by side.',
  }),
  ...checkpointOptions,
  ...precisionOption,
  input: option(texts('a clip (.npz) or a folder of clips'), {
    group: 'Data',
    description: 'Clips (.npz, or a folder of pictures), folders of clips, or patterns such as "clips/*_fail.npz".',
  }),
  kp_key: option(
    text('the name of an array'),
    {
      group: 'Data',
      description: 'The array in the .npz that holds the key points or features.',
      aliases: ['feature_key'],
    },
    'as in training',
  ),
  labels_reference: option(text('the path of a CSV file'), {
    group: 'Data',
    description: 'Names of glosses and categories, where the checkpoint has none.',
  }),
  attention: option(text('the path of a PNG file'), { group: 'Output', description: 'A PNG to draw: which frames of the clip counted.' }),
  top_k: setting(wholeNumber(0, 1_000_000), 5, { group: 'Output', description: 'Signs to name, most likely first; 0 for all.' }),
} as const;

/** The options of the library's `loadModel`. */
export const recogniserOptions = { model: modelOption, ...checkpointOptions, ...precisionOption, kp_key: predictOptions.kp_key } as const;

/** The options of a comparison, its models aside; each a flag of the commands that compare. */
export const comparisonOptions = {
  fail_if_worse: option(
    { ...numberBelow(0, 1), expected: 'a share of the clips from 0 to below 1, as 0.01' },
    {
      group: 'Comparison',
      description:
        'Exit with 2 where a model’s gloss or category accuracy is lower than the baseline’s by more than this: 0.01 is one in a hundred clips.',
    },
  ),
  allow_different_data: option(onOrOff(), {
    group: 'Comparison',
    description: 'Go on where the models were evaluated on different clips.',
  }),
  ...labelledDataOptions,
  data: option(text('the path of a folder'), {
    group: 'Data',
    description:
      'Folder laid out as for training: all models are evaluated on it now. Without any data flag their evaluation_results are compared.',
  }),
  ...checkpointOptions,
  out: option(text('the path of a folder'), {
    group: 'Output',
    description: 'Where comparison.png, comparison.md and comparison.json are written; without it nothing is.',
    aliases: ['output_dir', 'out_dir'],
  }),
} as const;

/** The options of the library's `compare`. */
export const compareOptions = {
  models: requiredOption(texts('at least two models, the baseline first'), {
    group: 'Comparison',
    description: 'Model folders, .pt files or folders of results; the first is what the others are set against.',
  }),
  ...comparisonOptions,
} as const;

/** The options of the library's `extractFeatures`, each a flag of the command features. */
export const featuresOptions = {
  frames: requiredOption(
    { ...text('the path of a folder'), expected: 'the folder of clips' },
    {
      group: 'Features',
      description: 'Folder of clips, in folders of any depth: of each a folder of .jpg and .png pictures, or an .npz with frames.',
    },
  ),
  out: requiredOption(
    { ...text('the path of a folder'), expected: 'the folder to write features to' },
    {
      group: 'Features',
      description: 'Folder to write the clips of features to, under the same names. What is done there is left alone.',
      aliases: ['output_dir', 'out_dir'],
    },
  ),
  backbone: option(
    text('the path of a file'),
    {
      group: 'Features',
      description:
        "InceptionV3's weights: torchvision's state_dict, or a checkpoint that holds them. docs/inception.md tells where to get them.",
    },
    'those that torchvision has fetched on this machine',
  ),
  frames_key: setting(text('the name of an array'), 'frames', {
    group: 'Features',
    description: 'The array in an .npz that holds frames, uint8 [frames, height, width, 3].',
  }),
  transform_input: option(
    onOrOff(),
    {
      group: 'Features',
      description: "Whether the weights want (x − 0.5) / 0.5 in place of ImageNet's normalisation, as torchvision's do.",
    },
    'as the file says, else true',
  ),
} as const;

type GivenOfCheckpoint = Partial<Options<typeof checkpointOptions & typeof optimizerOption>>;

/** What is given about a model's shape, under the names of a checkpoint's config. */
export function shapeOf({ num_heads: heads, pooling, transform_input: transform, max_len: frames }: GivenOfCheckpoint): PlainRecord {
  return {
    ...(frames === undefined ? {} : { max_len: frames }),
    ...(heads === undefined ? {} : { n_heads: heads }),
    ...(pooling === undefined ? {} : { pooling_method: pooling }),
    ...(transform === undefined ? {} : { transform_input: transform }),
  };
}

/** What is given about what is read of a checkpoint, and the models that it may be of. */
export function readingOf({ key, optimizer_was: optimizer }: GivenOfCheckpoint, { models }: WithModels = {}): ModelReading {
  return { key, optimizer, models };
}
