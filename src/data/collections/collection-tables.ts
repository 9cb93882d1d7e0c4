import path from 'node:path';
import type { KeypointLayout } from '../../config/keypoint-layout';
import { HOLISTIC_78 } from '../../config/known-layouts';
import { replaceText } from '../../foundation/atomic-file';
import { makeFolders } from '../../foundation/folders';
import type { LabelNames } from '../clip-set';
import { csvText } from '../csv-table';
import { writeLayoutFile } from '../layout-file';
import { COLLECTION_LABELS, collectionRows, REFERENCE, referenceRows, type CollectedClip } from './collection-rows';

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
  const { labels, reference } = collectionRows(clips, categories);
  makeFolders(folder);
  writeLayoutFile(folder, layout);
  replaceText(path.join(folder, REFERENCE), csvText(reference));
  replaceText(path.join(folder, COLLECTION_LABELS), csvText(labels));
}

/**
 * The text of a `labels_reference.csv`.
 * @param categoryOfGloss position = gloss id; the id of its category.
 */
export function referenceText(names: LabelNames, categoryOfGloss: readonly number[]): string {
  return csvText(referenceRows(names, categoryOfGloss));
}
