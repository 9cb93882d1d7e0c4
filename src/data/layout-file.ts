import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { KeypointLayout } from '../config/keypoint-layout';
import { HOLISTIC_78 } from '../config/known-layouts';
import { descriptionOf, layoutDescribed } from '../config/layout-description';
import { readSettingsFile } from '../config/settings-file';
import { replaceText } from '../foundation/atomic-file';

/** Beside the folders of clips, where their key points are not the usual 78: which layout they have. */
export const LAYOUT_FILE = 'keypoints.json';

/**
 * The layout that the `keypoints.json` of a collection or a set says; undefined where there is none: then its clips are the usual 78 points.
 * @throws UserError where it cannot be read, or describes no layout.
 */
export function readLayoutFile(folder: string): KeypointLayout | undefined {
  const file = path.join(folder, LAYOUT_FILE);
  return existsSync(file) ? layoutDescribed(readSettingsFile(file).values, file) : undefined;
}

/** Writes the `keypoints.json` of a collection or a set; of the usual 78 points there is none, and one of before goes. */
export function writeLayoutFile(folder: string, layout: KeypointLayout): void {
  const file = path.join(folder, LAYOUT_FILE);
  if (layout === HOLISTIC_78) rmSync(file, { force: true });
  else replaceText(file, `${JSON.stringify(descriptionOf(layout), null, 2)}\n`);
}
