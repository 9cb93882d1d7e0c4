import { KEYPOINT_WIDTH } from '../config/data-settings';
import { isUnknownLayout, layoutOfWidth, widthOfLayout, type KeypointLayout } from '../config/keypoint-layout';
import { HOLISTIC_78 } from '../config/known-layouts';
import { descriptionOf, layoutDescribed, type LayoutDescription } from '../config/layout-description';
import { UserError } from '../foundation/errors';
import type { Model } from './model';

/** The key in a checkpoint's config, and under `run` in `config.json`, under which the layout of a model's key points is kept. */
export const KEYPOINTS_KEY = 'keypoints';

/**
 * The key points that a checkpoint's model takes: those that its config says where Kumpas wrote it, else those of the model's definition; of a SignTransformer of
 * other widths than the usual one only the width is known.
 * @returns undefined where its clips are no key points.
 * @throws UserError that names the file, where the config describes no layout, or one of another width than the weights take.
 */
export function savedKeypoints(config: Readonly<Record<string, unknown>>, model: Model, file: string): KeypointLayout | undefined {
  const { width, definition } = model;
  if (definition.keypoints === undefined) return undefined;
  const saved = config['kumpas_version'] === undefined ? undefined : config[KEYPOINTS_KEY];
  if (saved === undefined || saved === null)
    return definition.keypoints === 'of the data' ? usualOfWidth(width, file) : definition.keypoints;
  const place = `${file}: config.${KEYPOINTS_KEY}`;
  const layout = layoutDescribed(saved, place);
  if (widthOfLayout(layout) === width) return layout;
  throw new UserError(`${place}: ${layout.name} has ${widthOfLayout(layout)} numbers a frame, and the weights take ${width}`);
}

function usualOfWidth(width: number, file: string): KeypointLayout {
  if (width === KEYPOINT_WIDTH) return HOLISTIC_78;
  const layout = layoutOfWidth(width);
  if (layout !== undefined) return layout;
  throw new UserError(
    `${file}: its weights take ${width} numbers a frame, which are no key points: neither (x, y) nor (x, y, z) of a number of them`,
  );
}

/** What files say of a model's key points, under {@link KEYPOINTS_KEY}; nothing of the usual 78, and where only their width is known. */
export function factsOfKeypoints(layout: KeypointLayout | undefined): { readonly keypoints?: LayoutDescription } {
  if (layout === undefined || layout === HOLISTIC_78 || isUnknownLayout(layout)) return {};
  return { [KEYPOINTS_KEY]: descriptionOf(layout) };
}

/** The key points that the `run` of a `config.json` says; the usual ones where it says none. */
export function keypointsOfRun({ keypoints }: { readonly keypoints?: unknown }, file: string): KeypointLayout {
  return keypoints === undefined ? HOLISTIC_78 : layoutDescribed(keypoints, `${file}: run.${KEYPOINTS_KEY}`);
}
