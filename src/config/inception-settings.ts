import type { z } from 'zod';
import { choice, numberBelow, onOrOff, setting, settingOrNone, text, wholeNumber, type SettingProblem } from './setting';
import type { DataSettings } from './data-settings';

const model = 'Model';
const data = 'Data';

/** The architecture of the InceptionV3GRU. */
export const inceptionArchitecture = {
  hidden1: setting(wholeNumber(1, 4_096), 16, { group: model, description: 'Units of the first GRU.', aliases: ['gru_hidden'] }),
  hidden2: setting(wholeNumber(1, 4_096), 12, { group: model, description: 'Units of the second GRU.' }),
  dropout: setting(numberBelow(0, 1), 0.3, {
    group: model,
    description: 'Share of values that dropout zeroes while training, between the GRUs and after them.',
  }),
  max_len: setting(wholeNumber(1, 100_000), 300, {
    group: model,
    description: 'Most frames of a clip that the model sees; the rest is cut.',
  }),
  freeze_backbone: setting(onOrOff(), true, {
    group: model,
    description:
      "Keep InceptionV3's weights as they are: the features of frames are computed once. Off: it is trained with the rest, in batch statistics, and needs much memory and time.",
  }),
  transform_input: setting(onOrOff(), true, {
    group: model,
    description:
      "Whether InceptionV3 turns frames from ImageNet's normalisation into its own first, as torchvision does with its ImageNet weights. Saved with the model.",
  }),
} as const;

/** Those that an InceptionV3GRU's weights are made for; transform_input where it has a backbone. */
export const fixedByInceptionWeights = ['hidden1', 'hidden2', 'transform_input'] as const;

/** Where the InceptionV3GRU finds its clips and its backbone. */
export const inceptionDataSettings = {
  backbone: settingOrNone(text('the path of a .pt file'), 'InceptionV3 is not part of a model on features', {
    group: model,
    description:
      "InceptionV3's weights: torchvision's inception_v3 state_dict, or a checkpoint that holds one. docs/inception.md tells where to get them.",
    aliases: ['pretrained_backbone'],
  }),
  train_on: setting(choice(['features', 'frames']), 'features', {
    group: data,
    description: 'Whether the clips are features [frames, 2048] (see npm run features) or frames (pictures).',
  }),
  features_train: settingOrNone(text('the path of a folder'), 'in the data folder', {
    group: data,
    description: 'Folder with the training clips of features, one .npz each.',
  }),
  features_val: settingOrNone(text('the path of a folder'), 'in the data folder', {
    group: data,
    description: 'Folder with the validation clips of features, one .npz each.',
  }),
  feature_key: setting(text('the name of an array'), 'X2048', {
    group: data,
    description: 'The array in each .npz that holds the features, [frames, 2048].',
    aliases: ['features_key'],
  }),
  frames_train: settingOrNone(text('the path of a folder'), 'in the data folder', {
    group: data,
    description: 'Folder with the training clips of frames: of each a folder of pictures, or an .npz. Means train_on frames.',
  }),
  frames_val: settingOrNone(text('the path of a folder'), 'in the data folder', {
    group: data,
    description: 'Folder with the validation clips of frames.',
  }),
  frames_key: setting(text('the name of an array'), 'frames', {
    group: data,
    description: 'The array in an .npz of frames, uint8 [frames, height, width, 3].',
  }),
} as const;

/** Settings any one of which says that there is data. */
export const inceptionSources = [
  'data',
  'features_train',
  'features_val',
  'frames_train',
  'frames_val',
  'labels_train_csv',
  'labels_val_csv',
] as const;

type InceptionSettings = DataSettings & z.output<z.ZodObject<typeof inceptionDataSettings & typeof inceptionArchitecture>>;

/** Whether the clips are pictures. */
export function trainsOnFrames(settings: Pick<InceptionSettings, 'train_on' | 'frames_train' | 'frames_val'>): boolean {
  return settings.train_on === 'frames' || settings.frames_train !== null || settings.frames_val !== null;
}

/** Either a folder, or all four parts of features or of frames, or neither; and what frames need. */
export function checkInceptionSettings(settings: InceptionSettings): SettingProblem[] {
  return [...checkSources(settings), ...checkBackbone(settings)];
}

function checkSources(settings: InceptionSettings): SettingProblem[] {
  const labels = ['labels_train_csv', 'labels_val_csv'] as const;
  const features = ['features_train', 'features_val'] as const;
  const frames = ['frames_train', 'frames_val'] as const;
  const given = [...features, ...frames, ...labels].filter((key) => settings[key] !== null);
  const [first] = given;
  if (settings.data !== null) {
    return given.map((key) => ({ key, text: 'cannot be combined with data: give the folder, or its four parts, not both' }));
  }
  if (first === undefined) return [];
  const mixed = features.find((key) => settings[key] !== null);
  if (trainsOnFrames(settings) && mixed !== undefined)
    return [{ key: mixed, text: 'cannot be combined with frames: give the one or the other' }];
  const parts = [...(trainsOnFrames(settings) ? frames : features), ...labels];
  const missing = parts.filter((key) => settings[key] === null);
  if (missing.length === 0) return [];
  return [{ key: first, text: `needs ${missing.join(', ')} too: a training reads all four of ${parts.join(', ')}` }];
}

function checkBackbone(settings: InceptionSettings): SettingProblem[] {
  const frames = trainsOnFrames(settings);
  if (frames && settings.freeze_backbone && settings.backbone === null) {
    const said =
      "frames need InceptionV3's weights: give --backbone F.pt (docs/inception.md tells where to get them), or --no-freeze-backbone to train it";
    return [{ key: 'train_on', text: said }];
  }
  if (frames && settings.data === null && settings.frames_train === null)
    return [{ key: 'train_on', text: 'frames: there is no demo set of frames; give --data, or --frames-train and its like' }];
  if (!frames && !settings.freeze_backbone)
    return [{ key: 'freeze_backbone', text: 'only frames go through the backbone: give --train-on frames, or leave it frozen' }];
  return [];
}
