import type { z } from 'zod';
import { positiveNumber, setting, settingOrNone, text, wholeNumber, type SettingProblem } from './setting';

const group = 'Data';

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
  num_buckets: setting(wholeNumber(1, 64), 4, {
    group,
    description: 'Classes of clip length from which batches are formed, so that little is padded.',
  }),
} as const;

/** Where a model on key points finds its clips. */
export const keypointDataSettings = {
  keypoints_train: settingOrNone(text('the path of a folder'), 'in the data folder', {
    group,
    description: 'Folder with the training clips, one .npz each.',
  }),
  keypoints_val: settingOrNone(text('the path of a folder'), 'in the data folder', {
    group,
    description: 'Folder with the validation clips, one .npz each.',
  }),
  kp_key: setting(text('the name of an array'), 'X', {
    group,
    description: 'The array in each .npz that holds the key points, [frames, 156].',
    aliases: ['keypoints_key'],
  }),
} as const;

/** Settings any one of which says that there is data: without all of them, the demo set is used. */
export const keypointSources = ['data', 'keypoints_train', 'keypoints_val', 'labels_train_csv', 'labels_val_csv'] as const;

/** Types of {@link dataSettings}' values. */
export type DataSettings = z.output<z.ZodObject<typeof dataSettings>>;

/** Types of {@link keypointDataSettings}' values. */
export type KeypointDataSettings = z.output<z.ZodObject<typeof keypointDataSettings>>;

/** Either a folder, or all four of its parts, or neither. */
export function checkKeypointSources(settings: DataSettings & KeypointDataSettings): SettingProblem[] {
  const parts = keypointSources.filter((key) => key !== 'data');
  const given = parts.filter((key) => settings[key] !== null);
  if (settings.data !== null) {
    return given.map((key) => ({ key, text: 'cannot be combined with data: give the folder, or its four parts, not both' }));
  }
  const first = given[0];
  if (first === undefined || given.length === parts.length) return [];
  const missing = parts.filter((key) => settings[key] === null);
  return [{ key: first, text: `needs ${missing.join(', ')} too: a training reads all four of ${parts.join(', ')}` }];
}
