import type { ClipFolders } from '../../config/data-source';
import { trainsOnFrames } from '../../config/inception-settings';
import type { Settings } from '../../config/settings';
import type { ClipLocation, ModelEntry, RecognisedModel, SavedModel } from '../model-entry';
import { PICTURE_SIZE } from './backbone';
import { BACKBONE_PREFIX, IMAGENET_CLASSES } from './backbone-parameters';
import { pickBackbone } from './backbone-weights';
import { FEATURE_WIDTH } from './gru-stack';
import { inceptionGru } from './inception-gru';

type InceptionSettings = Extract<Settings, { model: 'iv3_gru' }>;

/** Clips of key points may hold features too. */
const FEATURE_FOLDERS: ClipFolders = {
  trainFolder: 'features_train',
  validationFolder: 'features_val',
  otherwise: { trainFolder: 'keypoints_train', validationFolder: 'keypoints_val' },
};

const FRAME_FOLDERS: ClipFolders = { trainFolder: 'frames_train', validationFolder: 'frames_val' };

/** The InceptionV3GRU in the table of models. */
export const inceptionEntry: ModelEntry<InceptionSettings> = {
  checkpointName: 'InceptionV3GRU',
  pytorch: ({ backbone }) => ({
    fromConfig: ['num_gloss', 'num_cat', 'hidden1', 'hidden2', 'dropout'],
    others: ['pretrained_backbone=False'],
    whole: backbone === true,
  }),
  width: FEATURE_WIDTH,
  fromSettings: (settings, classes) =>
    inceptionGru({
      hidden1: settings.hidden1,
      hidden2: settings.hidden2,
      dropout: settings.dropout,
      num_gloss: classes.gloss,
      num_cat: classes.category,
      max_len: settings.max_len,
      backbone:
        settings.backbone !== null || trainsOnFrames(settings)
          ? { frozen: settings.freeze_backbone, transform_input: settings.transform_input, auxiliaryClasses: IMAGENET_CLASSES }
          : undefined,
    }),
  clipLocation,
  usualClips: { key: 'X2048', layout: FEATURE_FOLDERS },
  pretrained: ({ backbone }) => (backbone === null ? undefined : { file: backbone, pick: pickBackbone }),
  fromCheckpoint,
};

function clipLocation(settings: InceptionSettings): ClipLocation {
  const frames = trainsOnFrames(settings);
  const place = frames
    ? { key: settings.frames_key, layout: FRAME_FOLDERS, pictures: { side: PICTURE_SIZE, encoded: settings.freeze_backbone } }
    : { key: settings.feature_key, layout: FEATURE_FOLDERS };
  return { ...place, source: sourceOf(settings, frames) };
}

function sourceOf(settings: InceptionSettings, frames: boolean): ClipLocation['source'] {
  if (settings.data !== null) return { folder: settings.data };
  const [train, validation] = frames ? [settings.frames_train, settings.frames_val] : [settings.features_train, settings.features_val];
  const { labels_val_csv } = settings;
  if (validation === null || labels_val_csv === null) return undefined;
  return {
    keypoints_train: train ?? undefined,
    keypoints_val: validation,
    labels_train_csv: settings.labels_train_csv ?? undefined,
    labels_val_csv,
    labels_reference: settings.labels_reference ?? undefined,
  };
}

/** All sizes are in the shapes; only transform_input is not, which torchvision sets with ImageNet's weights. */
function fromCheckpoint({ config, shapes }: SavedModel): RecognisedModel | undefined {
  const [, hidden1] = shapes.get('gru1.weight_hh_l0') ?? [];
  const [, hidden2] = shapes.get('gru2.weight_hh_l0') ?? [];
  const [num_gloss] = shapes.get('gloss_head.weight') ?? [];
  const [num_cat] = shapes.get('category_head.weight') ?? [];
  if (hidden1 === undefined || hidden2 === undefined || num_gloss === undefined || num_cat === undefined) return undefined;
  const hasBackbone = [...shapes.keys()].some((name) => name.startsWith(BACKBONE_PREFIX));
  const { transform_input, freeze_backbone, max_len, dropout } = config;
  const model = inceptionGru({
    hidden1,
    hidden2,
    num_gloss,
    num_cat,
    dropout: typeof dropout === 'number' ? dropout : 0.3,
    max_len: typeof max_len === 'number' && max_len >= 1 ? max_len : 300,
    backbone: hasBackbone
      ? {
          frozen: freeze_backbone !== false,
          transform_input: transform_input !== false,
          auxiliaryClasses: shapes.get(`${BACKBONE_PREFIX}AuxLogits.fc.weight`)?.[0],
        }
      : undefined,
  });
  return { model, assumptions: hasBackbone && typeof transform_input !== 'boolean' ? ['transform_input true'] : [] };
}
