import { augmentations, checkAugmentation, keypointAugmentSettings, mixing } from '../config/augment-settings';
import {
  arraySetting,
  folderSettings,
  KEYPOINT_FOLDERS,
  KEYPOINT_WIDTH,
  type ClipFolders,
  type DataSource,
  type TransformDescription,
} from '../config/data-settings';
import { derivedInputs, derivedInputSettings, derivedInputsOf } from '../config/derived-inputs';
import { widthOfLayout, type KeypointLayout } from '../config/keypoint-layout';
import { HOLISTIC_78 } from '../config/known-layouts';
import { layoutDescribed, layoutNamed, type LayoutDescription } from '../config/layout-description';
import type { SharedSettings, ValuesOf } from '../config/model-settings';
import { choice, setting, type SettingProblem, type SettingShape } from '../config/setting';

/** Where a model's clips lie, from its own data settings. */
export interface ClipLocation {
  /** A folder laid out as the layout says, or each part named; undefined for the demo set. */
  readonly source: DataSource | undefined;
  /** The array in each `.npz` that the model reads. */
  readonly key: string;
  readonly layout: ClipFolders;
  /** What training clips go through before the model sees them; of other clips, those alone that are part of the model. None where it is left out. */
  readonly transforms?: readonly TransformDescription[];
  /** Where the clips are pictures. */
  readonly pictures?: {
    /** Side in pixels that they are brought to. */
    readonly side: number;
    /** Whether the model is trained on the features that its picture encoder gives for them; else on the pictures themselves. */
    readonly encoded: boolean;
  };
}

/** The clips that a model takes: how wide they are, and the settings that say where they lie; `Own` are settings of the model itself that matter for that. */
export interface ModelClips<Data extends SettingShape, Own extends SettingShape = Data> {
  /** Numbers a frame. It decides which demo set the model is tried on, too. */
  readonly width: number;
  /** Where the clips are key points: which ones, or those that the data says, of which the usual ones are `width` wide. */
  readonly keypoints?: KeypointLayout | 'of the data';
  /** The settings that only models on such clips have. */
  readonly settings: Data;
  /** Settings any one of which says that there is data; without all of them, the demo set is used. */
  readonly sources: readonly string[];
  /** What is wrong between settings that are valid by themselves. */
  check(settings: SharedSettings & ValuesOf<Data> & ValuesOf<Own>): SettingProblem[];
  location(settings: SharedSettings & ValuesOf<Data> & ValuesOf<Own>): ClipLocation;
  /** The settings that ask for the transforms that a checkpoint's model has: what a training that begins with its weights takes. */
  settledByTransforms?(transforms: readonly TransformDescription[]): Readonly<Record<string, unknown>>;
  /** Where clips lie that were given for a checkpoint that does not say it: their key and folders. */
  readonly usual: Omit<ClipLocation, 'source'>;
}

const group = 'Data';

const keypointSettings = {
  ...folderSettings('keypoints', (split) => `Folder with the ${split} clips, one .npz each.`),
  kp_key: arraySetting(
    'X',
    'The array in each .npz that holds the key points, [frames, 156], or as wide as keypoints.json of the data says.',
    ['keypoints_key'],
  ),
  normalize: setting(choice(['none', 'shoulders']), 'none', {
    group,
    description:
      'How key points are normalised: shoulders centres them between the shoulders and scales them by the distance of these. Saved with the model.',
  }),
  ...derivedInputSettings,
  ...keypointAugmentSettings,
} as const;

const keypointSources = ['data', 'keypoints_train', 'keypoints_val', 'labels_train_csv', 'labels_val_csv'] as const;

/** Clips of key points, the usual 78: `.npz` files with an array `[frames, 156]`. */
export const keypointClips: ModelClips<typeof keypointSettings> = {
  width: KEYPOINT_WIDTH,
  keypoints: HOLISTIC_78,
  settings: keypointSettings,
  sources: keypointSources,
  check: (settings) => {
    const parts = keypointSources.filter((key) => key !== 'data');
    return [...checkSources(settings, parts, parts), ...checkAugmentation(settings)];
  },
  location: (settings) => ({
    source: clipSource(settings, settings.keypoints_train, settings.keypoints_val),
    key: settings.kp_key,
    layout: KEYPOINT_FOLDERS,
    transforms: [
      ...augmentations(settings),
      ...(settings.normalize === 'none' ? [] : [{ name: 'normalize', by: settings.normalize }]),
      ...mixing(settings),
      ...derivedInputs(settings),
    ],
  }),
  settledByTransforms: (transforms) => ({
    normalize: transforms.find(({ name }) => name === 'normalize')?.['by'] ?? 'none',
    ...derivedInputsOf(transforms),
  }),
  usual: { key: 'X', layout: KEYPOINT_FOLDERS },
};

/** Clips of whichever key points the data has: the model is told how many numbers a frame they are, as `input_dim`. */
export const anyKeypointClips: typeof keypointClips = { ...keypointClips, keypoints: 'of the data' };

/**
 * Clips of other key points than the usual 78.
 * @param layout the name of a known layout, as `holistic75`, or a description of one's own.
 * @throws UserError where it is none.
 */
export function keypointClipsOf(layout: string | LayoutDescription): typeof keypointClips {
  const place = 'keypointClipsOf()';
  const keypoints = typeof layout === 'string' ? layoutNamed(layout, place) : layoutDescribed(layout, place);
  return { ...keypointClips, width: widthOfLayout(keypoints), keypoints };
}

/**
 * Either a data folder, or all of its parts, or neither.
 * @param parts the settings that name them one by one, all of which a training reads.
 * @param all these and others that a folder stands for too.
 */
export function checkSources<Key extends string>(
  settings: Pick<SharedSettings, 'data' | 'val_share'> & Readonly<Record<Key, unknown>>,
  parts: readonly Key[],
  all: readonly Key[],
): SettingProblem[] {
  if (settings.val_share !== null) return checkShared(settings, parts, all);
  const given = all.filter((key) => settings[key] !== null);
  if (settings.data !== null) {
    return given.map((key) => ({ key, text: 'cannot be combined with data: give the folder, or its four parts, not both' }));
  }
  const missing = parts.filter((key) => settings[key] === null);
  const [first] = given;
  if (first === undefined || missing.length === 0) return [];
  return [{ key: first, text: `needs ${missing.join(', ')} too: a training reads all four of ${parts.join(', ')}` }];
}

/** Where a share of the training clips validates: the data folder, or the training clips and their labels. */
function checkShared<Key extends string>(
  settings: Pick<SharedSettings, 'data'> & Readonly<Record<Key, unknown>>,
  parts: readonly Key[],
  all: readonly Key[],
): SettingProblem[] {
  const isOfValidation = (key: Key): boolean => /_val(_csv)?$/.test(key);
  const refused = all.filter((key) => isOfValidation(key) && settings[key] !== null);
  if (refused.length > 0) {
    return refused.map((key) => ({
      key,
      text: 'cannot be combined with val_share, which takes training clips to validate; give the one or the other',
    }));
  }
  const ofTraining = parts.filter((key) => !isOfValidation(key));
  const given = all.filter((key) => !isOfValidation(key) && settings[key] !== null);
  if (settings.data !== null)
    return given.map((key) => ({ key, text: 'cannot be combined with data: give the folder, or its parts, not both' }));
  const missing = ofTraining.filter((key) => settings[key] === null);
  return missing.length === 0 ? [] : [{ key: 'val_share', text: `needs clips to share: give data, or ${ofTraining.join(' and ')}` }];
}

/** The data folder, or its parts where these are named; undefined for the demo set. */
export function clipSource(
  { data, labels_train_csv, labels_val_csv, labels_reference, val_share }: SharedSettings,
  train: string | null,
  validation: string | null,
): ClipLocation['source'] {
  if (data !== null) return { folder: data };
  const [clips, labels] = val_share === null ? [validation, labels_val_csv] : [train, labels_train_csv];
  if (clips === null || labels === null) return undefined;
  return {
    keypoints_train: train ?? undefined,
    keypoints_val: validation ?? undefined,
    labels_train_csv: labels_train_csv ?? undefined,
    labels_val_csv: labels_val_csv ?? undefined,
    labels_reference: labels_reference ?? undefined,
  };
}
