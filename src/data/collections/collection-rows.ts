import { elementAt, required } from '../../foundation/required';

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

/** A name for each class of both kinds. */
interface ClassNames {
  readonly gloss: readonly string[];
  readonly category: readonly string[];
}

/** The rows of a table, its header first. */
type Rows = readonly (readonly (string | number | undefined)[])[];

/** The tables of a collection. */
interface CollectionRows {
  /** Of `labels.csv`. */
  readonly labels: Rows;
  /** Of `labels_reference.csv`. */
  readonly reference: Rows;
}

/**
 * The tables of a collection of clips, whoever writes them: `file,gloss,cat`, and `occluded`, `signer`, `split` where any clip says them; and the names of the classes.
 * Glosses are the sorted names of the signs.
 * @param categories of each sign the name of its category; all are of one category, `sign`, where it is left out.
 * @throws Error where a sign has no category: who asks for categories says all.
 */
export function collectionRows(clips: readonly CollectedClip[], categories?: ReadonlyMap<string, string>): CollectionRows {
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
  const categoryOfGloss = signs.map((sign) => required(categoryIds.get(categoryOf(sign)), `the id of the category of ${sign}`));
  return {
    labels: [['file', 'gloss', 'cat', ...further], ...rows],
    reference: referenceRows({ gloss: signs, category: categoryNames }, categoryOfGloss),
  };
}

/**
 * The rows of a `labels_reference.csv`.
 * @param categoryOfGloss position = gloss id; the id of its category.
 */
export function referenceRows(names: ClassNames, categoryOfGloss: readonly number[]): Rows {
  const rows = names.gloss.map((label, id) => {
    const category = elementAt(categoryOfGloss, id);
    return [id, label, category, elementAt(names.category, category)];
  });
  return [['gloss_id', 'label', 'cat_id', 'category'], ...rows];
}
