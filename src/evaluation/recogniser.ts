import { checkOptions, type OptionsInput } from '../config/layers';
import { checkedClipOf, type Clip, type ClipReader } from '../data/clip';
import type { LabelNames } from '../data/clip-set';
import { FileError } from '../data/data-error';
import { npzOf } from '../data/npz';
import type { Program } from '../engine/program';
import { startRuntime } from '../engine/runtime';
import { modelFile } from '../folder/named-checkpoint';
import { notesTo, warningsTo, type Hooks } from '../foundation/hooks';
import { countNotFinite, required } from '../foundation/required';
import type { ClipLocation } from '../models/clips';
import { attendedFramesOf, type FrameShares } from './attended-frames';
import { clipFeatures, type ClipFeatures } from './frame-features/picture-features';
import { inferenceProgram, modelOfFile, shownLabels, trainedAs, type LoadedModel } from './loaded-model';
import { bfloat16Products } from './low-precision';
import { readingOf, recogniserOptions, shapeOf } from './options';
import { predictWith, readyClip, recogniseTogether, type Prediction, type ReadyClip, type RecognisingTogether } from './predict-clips';
import type { WithModels } from './recognise';

/** A model that recognises signs again and again, without being loaded anew. It holds memory until it is disposed of. */
export class Recogniser {
  readonly file: string;
  /** Numbers in a frame of a clip. */
  readonly width: number;
  /** Frames that are seen; longer clips are cut to their first. */
  readonly maxFrames: number;
  /** Position = class id. */
  readonly labels: LabelNames;
  private readonly features: ClipFeatures | undefined;

  constructor(
    private readonly loaded: LoadedModel,
    private readonly program: Program,
    private readonly key: string,
  ) {
    this.file = loaded.file;
    this.width = loaded.clipWidth;
    this.maxFrames = loaded.model.maxFrames;
    this.labels = shownLabels(loaded);
    this.features = trainedOn(loaded)?.pictures === undefined ? undefined : clipFeatures(loaded, key);
  }

  /**
   * Recognises the sign in a clip.
   * @param clip its file (an `.npz`, or a folder of pictures), or its values, `[frames, width]` row by row.
   * @param options.topK classes to name, most likely first; 0 for all.
   * @throws UserError where the clip cannot be used.
   */
  async predict(clip: string | Float32Array, { topK = 5 }: { readonly topK?: number } = {}): Promise<Prediction> {
    const read = typeof clip === 'string' ? this.features?.read : readerOf([clip], this.width);
    const name = typeof clip === 'string' ? clip : nameOf(0);
    const [prediction] = await predictWith(this.program, this.loaded, [name], { key: this.key, read, topK });
    return required(prediction, 'the prediction of the clip');
  }

  /**
   * Reads a clip that is in memory, for {@link recognise}.
   * @param name what messages and results call it.
   * @param clip the bytes of an `.npz` of key points or features, or values, `[frames, width]` row by row.
   * @throws FileError where it cannot be used.
   */
  async ready(name: string, clip: Uint8Array | Float32Array): Promise<ReadyClip> {
    return readyClip(this.loaded, name, await this.clipIn(name, clip));
  }

  /** Recognises clips in one batch. @returns a prediction for each, or why there is none. */
  recognise(clips: readonly ReadyClip[], how: RecognisingTogether): Promise<(Prediction | FileError)[]> {
    return recogniseTogether(this.program, this.loaded, clips, how);
  }

  /** Which frames of a clip counted, by the model's attention; undefined where it has none. It is not captured: meant for one clip now and then. */
  attendedFrames(clip: ReadyClip): FrameShares | undefined {
    return attendedFramesOf(this.loaded, clip);
  }

  private async clipIn(name: string, clip: Uint8Array | Float32Array): Promise<Clip> {
    if (clip instanceof Float32Array) return clipOfValues(name, clip, this.width);
    const { file, keypoints, model } = this.loaded;
    const arrays = await npzOf(name, Buffer.from(clip.buffer, clip.byteOffset, clip.byteLength));
    // A file in memory has the features of pictures, where there are any, and not the pictures.
    const key = this.features === undefined ? this.key : model.definition.usualClips.key;
    return checkedClipOf(arrays, { key, width: this.width, keypoints, saidBy: `as ${file} takes them` });
  }

  /** The data folder that it was trained with, undefined for the demo set or where the checkpoint does not say; and the seed of that training. */
  get trainedOn(): { readonly source: string | undefined; readonly seed: number } {
    const { source } = trainedOn(this.loaded) ?? {};
    return { source: source !== undefined && 'folder' in source ? source.folder : undefined, seed: trainedAs(this.loaded)?.seed ?? 42 };
  }

  /** Frees what the model holds; it can predict no more. */
  dispose(): void {
    this.program.dispose();
    this.features?.dispose();
  }
}

/**
 * Loads a model to predict with again and again; the caller disposes of it.
 * @param model a model folder (its `_best.pt` is used) or a `.pt` file.
 * @throws UserError where there is none, or it cannot be read.
 */
export async function loadModel(
  model: string,
  options: Omit<OptionsInput<typeof recogniserOptions>, 'model'> = {},
  hooks: Hooks & WithModels = {},
): Promise<Recogniser> {
  const given = checkOptions(recogniserOptions, { source: 'loadModel()', values: { ...options, model } });
  const loaded = modelOfFile(modelFile(given.model), shapeOf(given), readingOf(given, hooks));
  const runtime = await startRuntime({ verbose: hooks.verbose === true });
  if (runtime.warning !== undefined) warningsTo(hooks)(runtime.warning);
  noteWhatWasTaken(loaded, false, hooks);
  const matrixType = await bfloat16Products(given.amp, hooks);
  return new Recogniser(loaded, inferenceProgram(loaded, { mode: 'captured', matrixType }), keyOf(loaded, given.kp_key));
}

/** What messages and results call a clip that is in memory. */
export function nameOf(place: number): string {
  return `clips[${place}]`;
}

/** Reads clips that are in memory. */
export function readerOf(clips: readonly Float32Array[], width: number): ClipReader {
  const byName = new Map(clips.map((values, place) => [nameOf(place), values]));
  return (name) => Promise.resolve().then(() => clipOfValues(name, required(byName.get(name), `the clip ${name}`), width));
}

/** @throws FileError where they are not whole frames of finite numbers. */
function clipOfValues(name: string, values: Float32Array, width: number): Clip {
  if (values.length === 0 || values.length % width !== 0)
    throw new FileError(name, `expected [frames, ${width}] numbers, found ${values.length}`);
  if (countNotFinite(values) > 0) throw new FileError(name, 'it holds values that are not finite (NaN or infinite)');
  return { values, frames: values.length / width };
}

/** The array that a model reads: what was asked for, else what it was trained on, else its kind's usual one. */
export function keyOf(loaded: LoadedModel, asked: string | undefined): string {
  return asked ?? trainedOn(loaded)?.key ?? loaded.model.definition.usualClips.key;
}

/** The clips that a model was trained on; undefined where the checkpoint does not say. */
export function trainedOn(loaded: LoadedModel): ClipLocation | undefined {
  const trained = trainedAs(loaded);
  return trained && loaded.model.definition.clipLocation(trained);
}

/** Tells what a checkpoint left open, and what was made of it. */
export function noteWhatWasTaken({ file, assumptions, notes }: LoadedModel, several: boolean, hooks: Hooks & WithModels): void {
  const note = notesTo(hooks);
  for (const assumption of assumptions) note(`${several ? file : 'the checkpoint'} does not say: ${assumption} was taken`);
  for (const text of notes) note(`${several ? `${file}: ` : ''}${text}`);
}
