import {
  augmentations,
  checkAugmentation,
  FEATURE_PARTS,
  featureAugmentSettings,
  mixing,
  PICTURE_PARTS,
  pictureAugmentSettings,
  type UsableParts,
} from '../../config/augment-settings';
import { arraySetting, clipFolders, folderSettings, KEYPOINT_FOLDERS, type ClipFolders } from '../../config/data-settings';
import type { SharedSettings, ValuesOf } from '../../config/model-settings';
import { choice, numberBelow, onOrOff, setting, settingOrNone, type SettingProblem, text, wholeNumber } from '../../config/setting';
import { checkSources, clipSource, type ModelClips } from '../clips';
import { PICTURE_SIZE } from './backbone';

const group = 'Data';

/** The settings of the InceptionV3GRU. */
export const inceptionSettings = {
  hidden1: setting(wholeNumber(1, 4_096), 16, { description: 'Units of the first GRU.', aliases: ['gru_hidden'] }),
  hidden2: setting(wholeNumber(1, 4_096), 12, { description: 'Units of the second GRU.' }),
  dropout: setting(numberBelow(0, 1), 0.3, {
    description: 'Share of values that dropout zeroes while training, between the GRUs and after them.',
  }),
  max_len: setting(wholeNumber(1, 100_000), 300, {
    description: 'Most frames of a clip that the model sees; the rest is cut.',
  }),
  freeze_backbone: setting(onOrOff(), true, {
    description:
      "Keep InceptionV3's weights as they are: the features of frames are computed once. Off: it is trained with the rest, in batch statistics, and needs much memory and time.",
  }),
  transform_input: setting(onOrOff(), true, {
    description:
      "Whether InceptionV3 turns frames from ImageNet's normalisation into its own first, as torchvision does with its ImageNet weights. Saved with the model.",
  }),
} as const;

/** Where the InceptionV3GRU finds its clips and its backbone. */
const sourceSettings = {
  backbone: settingOrNone(text('the path of a .pt file'), 'InceptionV3 is not part of a model on features', {
    description:
      "InceptionV3's weights: torchvision's inception_v3 state_dict, or a checkpoint that holds one. docs/inception.md tells where to get them.",
    aliases: ['pretrained_backbone'],
  }),
  train_on: setting(choice(['features', 'frames']), 'features', {
    group,
    description: 'Whether the clips are features [frames, 2048] (see npm run features) or frames (pictures).',
  }),
  ...folderSettings('features', (split) => `Folder with the ${split} clips of features, one .npz each.`),
  feature_key: arraySetting('X2048', 'The array in each .npz that holds the features, [frames, 2048].', ['features_key']),
  ...folderSettings('frames', (split) =>
    split === 'training'
      ? 'Folder with the training clips of frames: of each a folder of pictures, or an .npz. Means train_on frames.'
      : 'Folder with the validation clips of frames.',
  ),
  frames_key: arraySetting('frames', 'The array in an .npz of frames, uint8 [frames, height, width, 3].'),
  ...featureAugmentSettings,
  ...pictureAugmentSettings,
} as const;

type Settings = SharedSettings & ValuesOf<typeof sourceSettings & typeof inceptionSettings>;

/** Numbers that InceptionV3 gives for a frame. */
export const FEATURE_WIDTH = 2048;

/** Clips of key points may hold features too. */
const featureFolders: ClipFolders = { ...clipFolders('features'), otherwise: KEYPOINT_FOLDERS };

const frameFolders = clipFolders('frames');

/** Clips of InceptionV3's features, or of the frames that it makes them of. */
export const inceptionClips: ModelClips<typeof sourceSettings, typeof inceptionSettings> = {
  width: FEATURE_WIDTH,
  settings: sourceSettings,
  sources: ['data', 'features_train', 'features_val', 'frames_train', 'frames_val', 'labels_train_csv', 'labels_val_csv'],
  check: (settings) => [...checkFeaturesOrFrames(settings), ...checkAugmentation(settings, usableParts(settings))],
  location: (settings) =>
    trainsOnFrames(settings)
      ? {
          source: clipSource(settings, settings.frames_train, settings.frames_val),
          key: settings.frames_key,
          layout: frameFolders,
          pictures: { side: PICTURE_SIZE, encoded: settings.freeze_backbone },
          transforms: [...augmentations(settings, usableParts(settings)), ...mixing(settings)],
        }
      : {
          source: clipSource(settings, settings.features_train, settings.features_val),
          key: settings.feature_key,
          layout: featureFolders,
          transforms: [...augmentations(settings, usableParts(settings)), ...mixing(settings)],
        },
  usual: { key: 'X2048', layout: featureFolders },
};

/** Whether the clips are pictures. */
export function trainsOnFrames(settings: Pick<Settings, 'train_on' | 'frames_train' | 'frames_val'>): boolean {
  return settings.train_on === 'frames' || settings.frames_train !== null || settings.frames_val !== null;
}

/** Either a folder, or all four parts of features or of frames, or neither. */
function checkFeaturesOrFrames(settings: Settings): SettingProblem[] {
  const labels = ['labels_train_csv', 'labels_val_csv'] as const;
  const features = ['features_train', 'features_val'] as const;
  const frames = ['frames_train', 'frames_val'] as const;
  const onFrames = trainsOnFrames(settings);
  const mixed = features.find((key) => settings[key] !== null);
  if (onFrames && mixed !== undefined && settings.data === null)
    return [{ key: mixed, text: 'cannot be combined with frames: give the one or the other' }];
  return checkSources(settings, [...(onFrames ? frames : features), ...labels], [...features, ...frames, ...labels]);
}

/** A backbone that stays as it is gives the same features of a picture in every epoch: then those are changed, else the pictures. */
function usableParts(settings: Settings): UsableParts {
  return trainsOnFrames(settings) && !settings.freeze_backbone ? PICTURE_PARTS : FEATURE_PARTS;
}

/** What frames need, and features do not. */
export function checkBackbone(settings: Settings): SettingProblem[] {
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
