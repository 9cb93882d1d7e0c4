import path from 'node:path';
import type { KeypointLayout } from '../../config/keypoint-layout';
import { HOLISTIC_78 } from '../../config/known-layouts';
import { replaceText } from '../../foundation/atomic-file';
import { makeFolders } from '../../foundation/folders';
import { elementAt, required } from '../../foundation/required';
import type { LabelNames } from '../clip-set';
import { csvText } from '../csv-table';
import { writeLayoutFile } from '../layout-file';

/** The folder of a collection's clips, within it. */
export const COLLECTION_CLIPS = 'keypoints';
/** The labels of all of a collection's clips: it is not split yet. */
export const COLLECTION_LABELS = 'labels.csv';
/** The names of a collection's or set's classes. */
export const REFERENCE = 'labels_reference.csv';

/** The category of signs that nobody has sorted. */
const ONE_CATEGORY = 'sign';

/** A clip of a collection, with the sign that it shows. */
export interface CollectedClip {
  /** Its file within `keypoints/`, without the extension, with `/` between folders. */
  readonly name: string;
  /** The sign's name, which becomes its gloss. */
  readonly sign: string;
  readonly occluded?: boolean;
  /** Who signs, where that is known: `data split --group signer` keeps a person's clips together. */
  readonly signer?: string;
  /** `train` or `val`, where the clips come with a split of their own. */
  readonly split?: string;
}

/**
 * Writes the tables of a collection of clips, which is what videos and landmarks become before they are split: `labels.csv` (`file,gloss,cat`, and `occluded`,
 * `signer`, `split` where any clip says them), `labels_reference.csv` and, of clips with another layout than the usual one, `keypoints.json`. Glosses are the sorted
 * names of the signs. Each file is replaced in one step.
 * @param categories of each sign the name of its category; all are of one category, `sign`, where it is left out.
 * @param layout of the clips' key points.
 * @throws Error where a sign has no category: who asks for categories says all.
 */
export function writeCollectionTables(
  folder: string,
  clips: readonly CollectedClip[],
  categories?: ReadonlyMap<string, string>,
  layout: KeypointLayout = HOLISTIC_78,
): void {
  const signs = [...new Set(clips.map(({ sign }) => sign))].sort();
  const categoryOf = (sign: string): string =>
    categories === undefined ? ONE_CATEGORY : required(categories.get(sign), `the category of ${sign}`);
  const categoryNames = [...new Set(signs.map(categoryOf))].sort();
  const glossIds = new Map(signs.map((sign, id) => [sign, id]));
  const categoryIds = new Map(categoryNames.map((name, id) => [name, id]));
  const further = (['occluded', 'signer', 'split'] as const).filter((column) => clips.some((clip) => clip[column] !== undefined));
  const rows = clips
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .map((clip) => [
      clip.name,
      glossIds.get(clip.sign),
      categoryIds.get(categoryOf(clip.sign)),
      ...further.map((column) => (column === 'occluded' ? (clip.occluded === true ? 1 : 0) : clip[column])),
    ]);
  makeFolders(folder);
  writeLayoutFile(folder, layout);
  const categoryOfGloss = signs.map((sign) => required(categoryIds.get(categoryOf(sign)), `the id of the category of ${sign}`));
  replaceText(path.join(folder, REFERENCE), referenceText({ gloss: signs, category: categoryNames }, categoryOfGloss));
  replaceText(path.join(folder, COLLECTION_LABELS), csvText([['file', 'gloss', 'cat', ...further], ...rows]));
}

/**
 * The text of a `labels_reference.csv`.
 * @param categoryOfGloss position = gloss id; the id of its category.
 */
export function referenceText(names: LabelNames, categoryOfGloss: readonly number[]): string {
  const rows = names.gloss.map((label, id) => {
    const category = elementAt(categoryOfGloss, id);
    return [id, label, category, elementAt(names.category, category)];
  });
  return csvText([['gloss_id', 'label', 'cat_id', 'category'], ...rows]);
}
