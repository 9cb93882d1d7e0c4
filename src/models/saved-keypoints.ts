import { isUnknownLayout, type KeypointLayout } from '../config/keypoint-layout';
import { HOLISTIC_78 } from '../config/known-layouts';
import { descriptionOf, layoutDescribed, type LayoutDescription } from '../config/layout-description';

/** The key in a checkpoint's config, and under `run` in `config.json`, under which the layout of a model's key points is kept. */
export const KEYPOINTS_KEY = 'keypoints';

/** What files say of a model's key points, under {@link KEYPOINTS_KEY}; nothing of the usual 78, and where only their width is known. */
export function factsOfKeypoints(layout: KeypointLayout | undefined): { readonly keypoints?: LayoutDescription } {
  if (layout === undefined || layout === HOLISTIC_78 || isUnknownLayout(layout)) return {};
  return { [KEYPOINTS_KEY]: descriptionOf(layout) };
}

/** The key points that the `run` of a `config.json` says; the usual ones where it says none. */
export function keypointsOfRun({ keypoints }: { readonly keypoints?: unknown }, file: string): KeypointLayout {
  return keypoints === undefined ? HOLISTIC_78 : layoutDescribed(keypoints, `${file}: run.${KEYPOINTS_KEY}`);
}
