import type { PythonTransforms, TransformDescription } from '../../config/data-settings';
import { DERIVED_INPUTS_TRANSFORM } from '../../config/derived-inputs';
import type { KeypointLayout } from '../../config/keypoint-layout';
import { crc32 } from '../../foundation/crc32';
import { UserError } from '../../foundation/errors';
import { RandomStream } from '../../foundation/random';
import { elementAt, required } from '../../foundation/required';
import type { Clip } from '../clip';
import { mirror, perspective, rotation, scale, translation } from './camera';
import { derivedInputs } from './derived-inputs';
import { fingerDropout, handDropout, keypointDropout, noise, timeMask } from './detection';
import { mix } from './mixing';
import { normalize } from './normalize';
import { pictureColour, pictureCrop } from './pictures';
import { crop, shift, speed, timeWarp } from './timing';
import type { MixedClip, Transform, TransformKind } from './transform';

/** Every transform by its name. A further one is a file beside this one and a row here. */
const TRANSFORMS: ReadonlyMap<string, TransformKind> = new Map([
  ['normalize', normalize],
  [DERIVED_INPUTS_TRANSFORM, derivedInputs],
  ['speed', speed],
  ['crop', crop],
  ['time_warp', timeWarp],
  ['shift', shift],
  ['mirror', mirror],
  ['picture_crop', pictureCrop],
  ['picture_colour', pictureColour],
  ['rotation', rotation],
  ['scale', scale],
  ['translation', translation],
  ['perspective', perspective],
  ['noise', noise],
  ['finger_dropout', fingerDropout],
  ['hand_dropout', handDropout],
  ['keypoint_dropout', keypointDropout],
  ['time_mask', timeMask],
  ['mix', mix],
]);

/** The key in a checkpoint's config under which the transforms of its model are kept. */
export const TRANSFORMS_KEY = 'transforms';

/** What an epoch's random numbers are a function of. */
export interface EpochRandomness {
  readonly seed: number;
  readonly epoch: number;
  /** How often the clip was drawn before in the epoch: each time it is changed otherwise. */
  readonly draw?: number;
}

/** Stands where nothing is drawn. */
const NOTHING_DRAWN: EpochRandomness = { seed: 0, epoch: 0 };

interface Step {
  readonly transform: Transform;
  /** Names its stream of random numbers. */
  readonly stream: number;
}

/** Transforms one after the other. */
export class TransformPipeline {
  private readonly steps: readonly Step[];
  /** The place of the step that mixes clips; −1 where none does. */
  private readonly mixing: number;

  /** @param transforms each with the name of its stream of random numbers: a stream of its own, so that one more or less does not change what the others draw. */
  constructor(transforms: readonly (readonly [name: string, transform: Transform])[]) {
    this.steps = transforms.map(([name, transform]) => ({ transform, stream: crc32(new TextEncoder().encode(name)) }));
    this.mixing = this.steps.findIndex(({ transform }) => transform.mix !== undefined);
  }

  /**
   * The transforms of these descriptions: the same in every thread.
   * @param keypoints what the numbers of the clips' frames are; undefined for features.
   * @throws UserError where there is no such transform, or it cannot change such clips.
   */
  static of(descriptions: readonly TransformDescription[], keypoints: KeypointLayout | undefined): TransformPipeline {
    return new TransformPipeline(descriptions.map((description) => [description.name, transformOf(description, keypoints)]));
  }

  /**
   * The clip after all of them; the very clip that was given where there are none.
   * @param index the clip's position in its set.
   * @param randomness may be left out where all of them are part of a model.
   */
  apply(clip: Clip, index = 0, randomness = NOTHING_DRAWN): Clip {
    return applied(this.steps, clip, index, randomness);
  }

  /** Whether one of them mixes the clips of a batch with each other. */
  get mixes(): boolean {
    return this.mixing !== -1;
  }

  /** {@link apply} as far as clips are mixed, where one of them does so: what follows is left to {@link mixBatch}. */
  applyBeforeMixing(clip: Clip, index: number, randomness = NOTHING_DRAWN): Clip {
    return applied(this.mixes ? this.steps.slice(0, this.mixing) : this.steps, clip, index, randomness);
  }

  /**
   * The clips of a batch mixed with each other, and after the transforms that come then.
   * @param clips each after {@link applyBeforeMixing}.
   * @param indices the clips' positions in their set.
   */
  mixBatch(clips: readonly Clip[], indices: readonly number[], { seed, epoch } = NOTHING_DRAWN): MixedClip[] {
    const { transform, stream } = elementAt(this.steps, this.mixing);
    const mixed = required(transform.mix, 'a transform that mixes')(clips, new RandomStream(seed, epoch, stream, ...indices));
    const after = this.steps.slice(this.mixing + 1);
    return mixed.map((row, place) => ({ ...row, clip: applied(after, row.clip, elementAt(indices, place), { seed, epoch }) }));
  }

  /** The frames that {@link apply} gives for a clip of so many. */
  framesOf(frames: number, index: number, randomness: EpochRandomness): number {
    return this.steps.reduce(
      (count, { transform, stream }) => transform.frames?.of(count, randomOf(randomness, index, stream)) ?? count,
      frames,
    );
  }

  /** Numbers a frame that {@link apply} gives for clips of so many. */
  widthOf(width: number): number {
    return this.steps.reduce((count, { transform }) => transform.width ?? count, width);
  }

  /** The most frames that {@link apply} gives for a clip of so many, whatever is drawn. */
  mostFrames(frames: number): number {
    return this.steps.reduce((count, { transform }) => transform.frames?.most(count) ?? count, frames);
  }
}

/** Those of the transforms that are part of the model: what validation and prediction apply, and what is saved. */
export function modelTransforms(
  descriptions: readonly TransformDescription[],
  keypoints: KeypointLayout | undefined,
): TransformDescription[] {
  return descriptions.filter((description) => transformOf(description, keypoints).isPartOfModel);
}

/** Transforms as a checkpoint's config holds them. */
export function plainTransforms(descriptions: readonly TransformDescription[]): Record<string, string | number | boolean>[] {
  return descriptions.map((description) => ({ ...description }));
}

/** The transforms of a model in NumPy; undefined where it has none. */
export function transformsInPython(
  descriptions: readonly TransformDescription[],
  keypoints: KeypointLayout | undefined,
): PythonTransforms | undefined {
  if (descriptions.length === 0 || keypoints === undefined) return undefined;
  const functions = descriptions.map((description) =>
    required(kindOf(description).python, `the NumPy lines of the transform ${description.name}`)(keypoints, description),
  );
  return {
    definitions: functions.flatMap(({ lines }) => lines),
    call: (clip) => functions.reduce((argument, { name }) => `${name}(${argument})`, clip),
  };
}

function transformOf(description: TransformDescription, keypoints: KeypointLayout | undefined): Transform {
  return kindOf(description).create(description, keypoints);
}

function kindOf({ name }: TransformDescription): TransformKind {
  const kind = TRANSFORMS.get(name);
  if (kind === undefined)
    throw new UserError(`the transform ${JSON.stringify(name)} is not known here; known are ${[...TRANSFORMS.keys()].join(', ')}`);
  return kind;
}

function applied(steps: readonly Step[], clip: Clip, index: number, randomness: EpochRandomness): Clip {
  return steps.reduce((changed, { transform, stream }) => transform.apply(changed, randomOf(randomness, index, stream)), clip);
}

function randomOf({ seed, epoch, draw = 0 }: EpochRandomness, index: number, stream: number): RandomStream {
  return draw === 0 ? new RandomStream(seed, epoch, index, stream) : new RandomStream(seed, epoch, index, stream, draw);
}
