import { setImmediate } from 'node:timers/promises';
import { FileError } from '../../data/data-error';
import { Turns } from '../../data/file-reading';
import type { FrameShares } from '../../evaluation/attended-frames';
import { documentOf, type PredictionDocument } from '../../evaluation/predict';
import type { Prediction } from '../../evaluation/predict-clips';
import { LIMITS } from './options';
import type { LoadedForUse } from './served-models';
import type { UploadedClip } from './uploads';

/** A clip that no model can say anything of, at its place in the list. */
export interface RefusedClip {
  readonly file: string;
  readonly model: string;
  readonly error: string;
}

/** What the app answers: the document of `predict --json`, and where a clip could not be used why. */
export interface AnsweredPredictions {
  readonly predictions: readonly (PredictionDocument['predictions'][number] | RefusedClip)[];
}

/** Files are unpacked one at a time, whoever sent them: a small one may unpack to much. */
export const unpacking = new Turns();

/**
 * Recognises clips that came with a request. One that cannot be used is told at its place, and the others go on.
 * @param topK classes to name, most likely first; 0 for all.
 */
export async function recogniseClips(
  { recogniser, queue }: LoadedForUse,
  clips: readonly UploadedClip[],
  topK: number,
): Promise<AnsweredPredictions> {
  const model = recogniser.file;
  const recognised = async (clip: UploadedClip): Promise<Prediction | FileError> => {
    try {
      return await queue.recognise(await unpacking.alone(() => readyOf(recogniser, clip)));
    } catch (error) {
      if (error instanceof FileError) return error;
      throw error;
    }
  };
  const seen = await Promise.all(clips.map(recognised));
  const predictions = seen.flatMap((one): AnsweredPredictions['predictions'] => {
    if (one instanceof FileError) return [{ file: one.file, model, error: one.problem }];
    return documentOf([{ ...one, model, gloss: likeliest(one.gloss, topK), category: likeliest(one.category, topK) }]).predictions;
  });
  return { predictions };
}

/** What a model's attention says of a clip. */
export interface AnsweredAttention {
  readonly file: string;
  readonly model: string;
  /** A share a frame that the model saw, adding up to 1: of each layer, and their mean; null of a model without attention. */
  readonly attention: FrameShares | null;
}

/** Attention is looked at clip by clip, and the app answers in between. */
const looking = new Turns();

/**
 * Sees in a model's attention which frames of a clip counted.
 * @throws FileError where the clip cannot be used.
 */
export async function attentionOf({ recogniser }: LoadedForUse, clip: UploadedClip): Promise<AnsweredAttention> {
  const ready = await unpacking.alone(() => readyOf(recogniser, clip));
  return looking.alone(async () => {
    await setImmediate();
    return { file: clip.name, model: recogniser.file, attention: recogniser.attendedFrames(ready) ?? null };
  });
}

function readyOf(
  recogniser: LoadedForUse['recogniser'],
  { name, content, width }: UploadedClip,
): ReturnType<LoadedForUse['recogniser']['ready']> {
  if (width !== undefined && width !== recogniser.width)
    throw new FileError(name, `its frames have ${width} numbers; the model takes ${recogniser.width}`);
  if (content.byteLength > LIMITS.fileBytes)
    throw new FileError(name, `${content.byteLength} bytes (at most ${LIMITS.fileBytes} are read)`);
  return recogniser.ready(name, content);
}

/** The first of classes in their order; all of them for 0. */
export function likeliest<Class>(classes: readonly Class[], topK: number): readonly Class[] {
  return topK === 0 ? classes : classes.slice(0, topK);
}
