import { rmSync } from 'node:fs';
import path from 'node:path';
import type { KeypointLayout } from '../config/keypoint-layout';
import { HOLISTIC_78 } from '../config/known-layouts';
import { descriptionOf, layoutDescribed } from '../config/layout-description';
import { replaceText } from '../foundation/atomic-file';
import { UserError } from '../foundation/errors';
import { parseJson } from '../foundation/json';
import { FileError } from './data-error';
import { kindOfPlace, readPlace } from './places';

/** Beside the folders of clips, where their key points are not the usual 78: which layout they have. */
export const LAYOUT_FILE = 'keypoints.json';

const LARGEST_FILE = 1_000_000;

/**
 * The layout that the `keypoints.json` of a collection, a set or a pack says; undefined where there is none: then its clips are the usual 78 points.
 * @throws UserError where it cannot be read, or describes no layout.
 */
export async function readLayoutFile(folder: string): Promise<KeypointLayout | undefined> {
  const file = path.join(folder, LAYOUT_FILE);
  if ((await kindOfPlace(file)) === 'nothing') return undefined;
  const text = (await readPlace(file, LARGEST_FILE, 'a layout has at most 2000 points')).toString('utf8').replace(/^\ufeff/, '');
  return layoutDescribed(valueOf(text, file), file);
}

function valueOf(text: string, file: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof UserError) throw new FileError(file, error.message, { cause: error });
    throw error;
  }
}

/** Writes the `keypoints.json` of a collection or a set; of the usual 78 points there is none, and one of before goes. */
export function writeLayoutFile(folder: string, layout: KeypointLayout): void {
  const file = path.join(folder, LAYOUT_FILE);
  if (layout === HOLISTIC_78) rmSync(file, { force: true });
  else replaceText(file, `${JSON.stringify(descriptionOf(layout), null, 2)}\n`);
}
