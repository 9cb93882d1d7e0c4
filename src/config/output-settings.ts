import { fileNamePart, setting, text } from './setting';

const group = 'Output';

/** Stands for the model's name in save_dir. */
export const modelPlaceholder = '<model>';

/** Where runs are kept unless told otherwise. */
export const defaultSaveDir = `trained_models/${modelPlaceholder}`;

/** Where a training leaves its model folder. */
export const outputSettings = {
  save_dir: setting(text('the path of a folder'), defaultSaveDir, {
    group,
    description: `Folder in which each training makes a folder of its own. ${modelPlaceholder} stands for the model's name.`,
    aliases: ['output_dir'],
  }),
  description: setting(fileNamePart(), 'baseline', {
    group,
    description: "A word for this training: part of its folder's name.",
  }),
} as const;
