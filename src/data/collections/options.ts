import type { Options, OptionsInput } from '../../config/layers';
import { choice, onOrOff, option, positiveNumber, requiredOption, setting, text, texts, wholeNumber } from '../../config/setting';

const group = 'Data';

/** The options of the library's `splitSet`, each a flag of `data split`. */
export const splitOptions = {
  clips: requiredOption(
    { ...text('the path of a folder'), expected: 'the folder of the clips to split' },
    { group, description: 'Collection (keypoints/ and labels.csv), or a set that is to be divided anew.' },
  ),
  out: requiredOption(
    { ...text('the path of a folder'), expected: 'the folder to write the set to' },
    { group: 'Output', description: 'The set: a folder as train --data takes it. It appears when it is whole.' },
  ),
  train_ratio: option(
    positiveNumber(1),
    {
      group,
      description:
        'Share of the clips that trains, of every gloss alike; the others validate. A gloss of two clips or more always has both.',
    },
    '0.8',
  ),
  seed: setting(wholeNumber(0, 2_147_483_647), 42, {
    group,
    description: 'What the draw is a function of, with the names of the clips: the same seed gives the same split on every machine.',
  }),
  group: option(text('the name of a column'), {
    group,
    description: 'Column of the labels, as signer, whose clips of one value all stay in one part.',
  }),
  by_column: option(text('the name of a column'), {
    group,
    description: 'Column of the labels that says the part of each clip: train, val (or validation, dev) or test. Nothing is drawn.',
  }),
  folds: option(wholeNumber(2, 100), {
    group,
    description: 'For cross-validation: as many sets, OUT/fold_1 and so on, in each of which another part of the clips validates.',
  }),
  glosses: option(texts('names or ids of glosses'), {
    group,
    description: 'Only clips of these glosses, by name or id, with spaces or commas between them. Their ids are counted anew from 0.',
  }),
  categories: option(texts('names or ids of categories'), {
    group,
    description: 'Only clips of these categories, by name or id. Ids are counted anew from 0.',
  }),
  how: setting(choice(['copy', 'link', 'move']), 'copy', {
    group: 'Output',
    description:
      'copy the files; link them (hard links: no space is taken, and a change of a file is one of both); or move them out of the collection.',
  }),
} as const;

/** What `splitSet` is asked for. */
export type SplitOptions = OptionsInput<typeof splitOptions>;
export type CheckedSplitOptions = Options<typeof splitOptions>;

/** The options of the library's `editLabels`, each a flag of `data labels`. */
export const labelsOptions = {
  place: option(text('a folder of clips or a labels CSV'), {
    group,
    description: 'Folder whose keypoints/ is to be labelled by its folders or file names; or a labels CSV that is to be mended.',
  }),
  merge: option(texts('the folders of collections or sets'), {
    group,
    description: 'Collections or sets that become one collection, --out: glosses are united by their names.',
  }),
  pattern: option(
    text('a pattern with {sign} in it, as {sign}_{number}'),
    {
      group,
      description:
        'How names of clips are made: {sign}, {signer} and {split} are kept, {number} is digits, {any} anything, / parts folders.',
    },
    'keypoints/SIGN/…: the first folder is the sign',
  ),
  labels_reference: option(
    text('the path of a CSV file'),
    { group, description: 'Names of glosses and categories that ids are taken from: gloss_id,label,cat_id,category.' },
    'of a CSV the labels_reference.csv beside it',
  ),
  to: setting(choice(['ids', 'names']), 'ids', { group, description: 'What the columns gloss and cat of a mended CSV hold.' }),
  one_based: option(choice(['yes', 'no']), {
    group,
    description: 'Whether the ids of a CSV that is mended count from 1, where it looks so: yes takes 1 off each.',
  }),
  out: option(text('a path'), { group: 'Output', description: 'The CSV, or of merged sets the folder, to write.' }, 'see --in-place'),
  in_place: setting(onOrOff(), false, {
    group: 'Output',
    description: 'Write tables in the place of those that are there, which are kept beside them as NAME.old.',
  }),
} as const;

/** What `editLabels` is asked for. */
export type LabelsOptions = OptionsInput<typeof labelsOptions>;
