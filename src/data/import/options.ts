import { HOLISTIC_78, KNOWN_LAYOUTS } from '../../config/known-layouts';
import { choice, numberFrom, option, positiveNumber, requiredOption, setting, text, wholeNumber } from '../../config/setting';
import { FORMAT_NAMES } from './landmark-format';

/** The options of the library's `importLandmarks`, each a flag of the command `data import`. */
export const importOptions = {
  landmarks: requiredOption(
    { ...text('the path of a folder'), expected: 'the folder of landmarks' },
    { group: 'Import', description: 'The folder that the landmarks lie in, in folders of any depth; typed, without its flag.' },
  ),
  out: requiredOption(
    { ...text('the path of a folder'), expected: 'the folder to write clips to' },
    {
      group: 'Import',
      description:
        'The folder to write clips, labels.csv and labels_reference.csv to. Clips that are there of the same source are left alone.',
      aliases: ['output_dir', 'out_dir'],
    },
  ),
  from: setting(choice(['auto', ...FORMAT_NAMES]), 'auto', {
    group: 'Import',
    description: 'What the landmarks are; auto looks at the files.',
  }),
  layout: setting(choice([HOLISTIC_78.name, ...[...KNOWN_LAYOUTS.keys()].filter((name) => name !== HOLISTIC_78.name)]), HOLISTIC_78.name, {
    group: 'Import',
    description: 'The key points that clips are to have.',
  }),
  labels: option(
    text('the path of a CSV file'),
    {
      group: 'Import',
      description: 'A table with a column that names the clip and one that names the sign, perhaps a signer and a split.',
    },
    'a table beside the clips, else their folders, else their names',
  ),
  categories: option(
    text('the path of a CSV file'),
    { group: 'Import', description: 'A table of signs and their categories: sign,category.' },
    'one category, sign',
  ),
  fps: setting(positiveNumber(1001), 30, { group: 'Import', description: 'Frames a second, where the source does not say.' }),
  size: option(text('the size of the picture, as 1280x720'), {
    group: 'Import',
    description: 'Width and height of the films in pixels, where landmarks are pixels and the source does not say.',
  }),
  order: option(
    text('parts, as pose,left_hand,right_hand'),
    { group: 'Import', description: 'In which order the parts of a frame follow each other, where that is not the usual one.' },
    'pose, face, left hand, right hand',
  ),
  visibility: setting(numberFrom(0, 1), 0.5, {
    group: 'Import',
    description: 'Landmarks of the pose that their source calls less visible than this are missing.',
  }),
  fill_gaps: setting(wholeNumber(0, 1000), 5, {
    group: 'Import',
    description: 'The longest gap of a key point, in frames, that is filled between the frames around it; 0 fills none.',
  }),
} as const;
