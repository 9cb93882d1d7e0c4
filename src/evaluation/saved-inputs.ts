import type { TransformDescription } from '../config/data-settings';
import { unknownLayout, widthOfLayout, type KeypointLayout } from '../config/keypoint-layout';
import { HOLISTIC_78 } from '../config/known-layouts';
import { layoutDescribed } from '../config/layout-description';
import { modelTransforms, TransformPipeline, TRANSFORMS_KEY } from '../data/transforms/pipeline';
import { UserError } from '../foundation/errors';
import type { Model } from '../models/model';
import { KEYPOINTS_KEY } from '../models/saved-keypoints';

/** What a model's clips are, and what it sees of them. */
export interface SavedInputs {
  /** Which key points its clips are; undefined where they are none. */
  readonly keypoints: KeypointLayout | undefined;
  /** What its clips go through before it sees them; saved with it. */
  readonly transforms: readonly TransformDescription[];
  /** Numbers a frame of its clips, before these transforms: fewer than the model sees where inputs are computed of its key points. */
  readonly clipWidth: number;
}

/**
 * What a checkpoint's config says of its model's clips, where Kumpas wrote it; another program's `transforms` are its own. The key points are those that it says,
 * else those of the model's definition; of a SignTransformer of other widths than the usual one only the number of points is known.
 * @param given what the clips go through of a file that another program wrote.
 * @throws UserError that names the file: where the config describes no layout and no transforms, or such as do not give what the weights take. A model must not
 * see clips that lack its transforms.
 */
export function savedInputs(
  config: Readonly<Record<string, unknown>>,
  model: Model,
  file: string,
  given: readonly TransformDescription[] = [],
): SavedInputs {
  const said = config['kumpas_version'] === undefined ? { [TRANSFORMS_KEY]: given } : config;
  const transforms = describedTransforms(said[TRANSFORMS_KEY] ?? [], file);
  const widthWith = (layout: KeypointLayout): number =>
    inTransforms(file, () => TransformPipeline.of(transforms, layout).widthOf(widthOfLayout(layout)));
  const keypoints = keypointsOf(said[KEYPOINTS_KEY] ?? undefined, model, widthWith, file);
  inTransforms(file, () => {
    const ofModel = new Set(modelTransforms(transforms, keypoints));
    const forTraining = transforms.find((description) => !ofModel.has(description));
    if (forTraining !== undefined) throw new UserError(`${forTraining.name} changes training clips, and is no part of a model`);
  });
  return { keypoints, transforms, clipWidth: keypoints === undefined ? model.width : widthOfLayout(keypoints) };
}

function describedTransforms(saved: unknown, file: string): TransformDescription[] {
  if (Array.isArray(saved) && saved.every(isDescription)) return saved;
  throw new UserError(`${file}: config.${TRANSFORMS_KEY}: expected a list of transforms, each with its name and options`);
}

function isDescription(value: unknown): value is TransformDescription {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string';
}

/** Puts where they stand before what is wrong with transforms. */
function inTransforms<Value>(file: string, action: () => Value): Value {
  try {
    return action();
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${file}: config.${TRANSFORMS_KEY}: ${error.message}`, { cause: error });
    throw error;
  }
}

function keypointsOf(
  saved: unknown,
  { width, definition }: Model,
  widthWith: (layout: KeypointLayout) => number,
  file: string,
): KeypointLayout | undefined {
  if (definition.keypoints === undefined) return undefined;
  const place = `${file}: config.${KEYPOINTS_KEY}`;
  if (saved === undefined && definition.keypoints === 'of the data') return usualOfWidth(width, widthWith, file);
  const layout = saved === undefined && definition.keypoints !== 'of the data' ? definition.keypoints : layoutDescribed(saved, place);
  const given = widthWith(layout);
  if (given === width) return layout;
  throw new UserError(`${place}: ${layout.name} has ${given} numbers a frame, and the weights take ${width}`);
}

/** The usual layout where it gives such a width, else points of which nothing but their number is known: with (x, y) where that is possible, or (x, y, z). */
function usualOfWidth(width: number, widthWith: (layout: KeypointLayout) => number, file: string): KeypointLayout {
  if (widthWith(HOLISTIC_78) === width) return HOLISTIC_78;
  for (const dimensions of [2, 3] as const) {
    const ofOnePoint = widthWith(unknownLayout(1, dimensions));
    if (width % ofOnePoint === 0) return unknownLayout(width / ofOnePoint, dimensions);
  }
  throw new UserError(
    `${file}: its weights take ${width} numbers a frame, which are no key points: neither (x, y) nor (x, y, z) of a number of them`,
  );
}
