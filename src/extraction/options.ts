import { numberFrom, onOrOff, option, requiredOption, setting, text, wholeNumber } from '../config/setting';
import { featuresOptions } from '../evaluation/options';
import { CLIP_RATE } from './clip-of-landmarks';

/** The options of the library's `extractVideos`, each a flag of the command `data extract`. */
export const extractOptions = {
  videos: requiredOption(
    { ...text('the path of a folder or a CSV file'), expected: 'the folder of videos' },
    {
      group: 'Data',
      description:
        'Folder with a folder for each sign, in which its videos are; or a CSV of videos with the columns file,gloss and, if you like, category, signer, split.',
    },
  ),
  out: requiredOption(
    { ...text('the path of a folder'), expected: 'the folder to write clips to' },
    {
      group: 'Output',
      description:
        'Folder to write the collection to: keypoints/, labels.csv, labels_reference.csv. Clips that are there already are left alone.',
      aliases: ['output_dir', 'out_dir'],
    },
  ),
  categories: option(
    text('the path of a CSV file'),
    { group: 'Data', description: "The signs' categories: gloss,category." },
    'one category, "sign"',
  ),
  fps: setting(numberFrom(1, 240), CLIP_RATE, {
    group: 'Data',
    description: "Frames a second of the clips; a video's own are taken by the time at which each is shown.",
    aliases: ['target_fps'],
  }),
  jobs: option(
    wholeNumber(1, 256),
    { group: 'Data', description: 'Videos that are read at once, each by a process of its own that takes about 0.4 GB.' },
    'as many as the processor and the memory are good for',
  ),
  occluded_share: setting(numberFrom(0, 1), 0.4, {
    group: 'Data',
    description: 'A clip counts as occluded where a hand is before the face in at least this share of its frames.',
  }),
  occluded_run: setting(wholeNumber(1, 1_000_000), 15, {
    group: 'Data',
    description: 'Or where it is so for at least this many frames one after the other.',
  }),
  features: setting(onOrOff(), false, {
    group: 'Features',
    description: "Compute InceptionV3's features of the frames too (X2048), to train iv3_gru on.",
  }),
  backbone: featuresOptions.backbone,
  transform_input: featuresOptions.transform_input,
} as const;
