import type { z } from 'zod';
import { onOrOff, positiveNumber, setting, settingOrNone, text, wholeNumber } from './setting';

/** Where a data set lies: what the data settings of a model name, and what opens it is given. */
export type DataSource = DataFolder | DataPaths;

/** A folder with everything in it, its clips in folders that {@link ClipFolders} names. */
interface DataFolder {
  readonly folder: string;
}

/** Folders of clips and their labels, each named. What belongs to training may be absent where only validation is needed, and the other way round. */
export interface DataPaths {
  readonly keypoints_train?: string | undefined;
  readonly keypoints_val?: string | undefined;
  readonly labels_train_csv?: string | undefined;
  readonly labels_val_csv?: string | undefined;
  readonly labels_reference?: string | undefined;
}

/** The names of the clips' folders within a data folder: what one model's clips are called, and another's. */
export interface ClipFolders {
  readonly trainFolder: string;
  readonly validationFolder: string;
  /** Where clips lie that are not split yet, of which a share validates. */
  readonly unsplitFolder: string;
  /** What they may be called too, where the first of these is not there. */
  readonly otherwise?: ClipFolders;
}

/** What the folders of a kind of clips are called: `keypoints_train` and `keypoints_val` of `keypoints`, and `keypoints` where they are not split. */
export function clipFolders(kind: string): ClipFolders {
  return { trainFolder: `${kind}_train`, validationFolder: `${kind}_val`, unsplitFolder: kind };
}

/** What the folders of clips of key points are called. */
export const KEYPOINT_FOLDERS = clipFolders('keypoints');

/** Numbers a frame of key points: x and y of 78, pose 25, hands 21 each, face 11. */
export const KEYPOINT_WIDTH = 156;

/** What changes a clip before a model sees it, as plain data: the name of a transform and its options. */
export interface TransformDescription {
  readonly name: string;
  readonly [option: string]: string | number | boolean;
}

/** What does the same in NumPy as the transforms of a model. */
export interface PythonTransforms {
  /** Lines that define its functions. */
  readonly definitions: readonly string[];
  /** Their call for a whole clip, before it is cut or padded: `normalize(X)`. */
  readonly call: (clip: string) => string;
}

const group = 'Data';

/**
 * The settings that name the two folders of a kind of clips: `keypoints_train` and `keypoints_val` of `keypoints`.
 * @param describe says what lies in the folder with the `training` or `validation` clips.
 */
export function folderSettings<Kind extends string>(
  kind: Kind,
  describe: (split: 'training' | 'validation') => string,
): Readonly<Record<`${Kind}_train` | `${Kind}_val`, FolderSetting>> {
  const folder = (split: 'training' | 'validation'): FolderSetting =>
    settingOrNone(text('the path of a folder'), 'in the data folder', { group, description: describe(split) });
  return { [`${kind}_train`]: folder('training'), [`${kind}_val`]: folder('validation') } as Readonly<
    Record<`${Kind}_train` | `${Kind}_val`, FolderSetting>
  >;
}

type FolderSetting = z.ZodDefault<z.ZodNullable<z.ZodString>>;

/** The setting that names the array of an `.npz` that the model reads. */
export function arraySetting(usual: string, description: string, aliases: readonly string[] = []): z.ZodDefault<z.ZodString> {
  return setting(text('the name of an array'), usual, { group, description, aliases });
}

/** Where any model's data comes from. */
export const dataSettings = {
  data: settingOrNone(text('the path of a folder'), 'see the other data settings; without any, the synthetic demo set', {
    group,
    description:
      'Folder with the clips (keypoints_train/ and keypoints_val/; or features_…, frames_…), train_labels.csv, val_labels.csv and labels_reference.csv.',
    aliases: ['data_dir'],
  }),
  labels_train_csv: settingOrNone(text('the path of a CSV file'), 'in the data folder', {
    group,
    description: 'Labels of the training clips: file,gloss,cat[,occluded].',
  }),
  labels_val_csv: settingOrNone(text('the path of a CSV file'), 'in the data folder', {
    group,
    description: 'Labels of the validation clips: file,gloss,cat[,occluded].',
  }),
  labels_reference: settingOrNone(text('the path of a CSV file'), 'in the data folder, if there is one', {
    group,
    description: 'Names of glosses and categories: gloss_id,label,cat_id,category.',
  }),
  val_share: settingOrNone(positiveNumber(1), 'the validation clips of the data', {
    group,
    description:
      'Share of the training clips that validates in place of validation clips of their own, as 0.2: of every gloss alike, drawn by the seed, kept with the model.',
    aliases: ['val_split'],
  }),
  num_gloss: settingOrNone(wholeNumber(1, 1_000_000), 'from labels_reference or the labels', {
    group,
    description: 'Number of glosses the model tells apart.',
    aliases: ['num_glosses'],
  }),
  num_cat: settingOrNone(wholeNumber(1, 1_000_000), 'from labels_reference or the labels', {
    group,
    description: 'Number of categories the model tells apart.',
    aliases: ['num_categories'],
  }),
  memory_budget_mb: settingOrNone(positiveNumber(), 'a quarter of the memory of machine or container', {
    group,
    description: 'Megabytes that clips may take in memory. A larger set is read while it is trained on.',
  }),
  skip_bad_clips: setting(onOrOff(), false, {
    group,
    description:
      'Leave out clips that cannot be used, at the start or when they vanish or are damaged while they are trained on: each is named, and more than a tenth of all ends the training. Off: any such clip ends it.',
    aliases: ['skip_bad_samples', 'skip_corrupt'],
  }),
  num_buckets: setting(wholeNumber(1, 64), 4, {
    group,
    description: 'Classes of clip length from which batches are formed, so that little is padded.',
  }),
} as const;
