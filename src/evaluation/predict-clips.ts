import { assembleBatch } from '../data/batch';
import { readChecked, type Clip, type ClipReader } from '../data/clip';
import { keypointDoubts, type KeypointDoubt } from '../data/clip-checks';
import type { LabelNames } from '../data/clip-set';
import { FileError } from '../data/data-error';
import { TransformPipeline } from '../data/transforms/pipeline';
import { isLow, type MatrixType } from '../engine/captured/matrix-type';
import { valuesNamed, type NamedArrays } from '../engine/parameters';
import type { Program } from '../engine/program';
import { countNotFinite, elementAt, required } from '../foundation/required';
import type { Model } from '../models/model';
import { featureInputs, inferenceProgram, shownLabels, type LoadedModel } from './loaded-model';
import { softmax } from './metrics';

/** Clips from which on capturing the graph pays. */
const WORTH_CAPTURING = 24;
/** Clips are padded to multiples of this many frames, so that a few graphs serve all lengths. */
const FRAMES_STEP = 16;

/** A class and how sure the model is of it. */
export interface RankedClass {
  readonly id: number;
  readonly label: string;
  /** From 0 to 1; over all classes of the head they add up to 1. */
  readonly probability: number;
}

/** Something that speaks against believing what a model says of a clip, by its kind. */
export interface ClipDoubt {
  readonly kind: KeypointDoubt['kind'] | 'cut';
  readonly text: string;
}

/** What a model sees in one clip, best first. */
export interface Prediction {
  readonly file: string;
  readonly gloss: readonly RankedClass[];
  readonly category: readonly RankedClass[];
  /** What speaks against believing it; empty for most clips. */
  readonly doubts: readonly ClipDoubt[];
}

interface PredictOptions {
  /** The array in the `.npz` that the model reads. */
  readonly key: string;
  /** Gives a clip's values where they are not an array of the file: features of pictures. */
  readonly read?: ClipReader | undefined;
  /** Classes to name; 0 for all. */
  readonly topK: number;
  /** Names of the classes where the checkpoint has none. */
  readonly labels?: LabelNames | undefined;
  /** Takes a clip that cannot be read, and the others go on; without it the first such clip ends everything. */
  readonly onBroken?: (error: FileError) => void;
  /** In what the model's matrix products are computed; float32 where undefined. */
  readonly matrixType?: MatrixType;
  /** Aborted: it ends with the signal's reason, at the next clip. */
  readonly signal?: AbortSignal | undefined;
}

type ClipReading = Pick<PredictOptions, 'key' | 'read'>;

/**
 * Recognises the sign in each clip. A clip longer than the model takes is cut to its first frames, as in an evaluation.
 * @throws UserError naming the clip that cannot be read, or that the model gives no finite numbers for.
 */
export async function predictClips(loaded: LoadedModel, files: readonly string[], options: PredictOptions): Promise<Prediction[]> {
  const { matrixType = 'float32' } = options;
  const mode = files.length < WORTH_CAPTURING && !isLow(matrixType) ? 'eager' : 'captured';
  const program = inferenceProgram(loaded, { mode, matrixType });
  try {
    return await predictWith(program, loaded, files, options);
  } finally {
    program.dispose();
  }
}

/** {@link predictClips} with a program of {@link inferenceProgram} that is there already. */
export async function predictWith(
  program: Program,
  loaded: LoadedModel,
  files: readonly string[],
  options: PredictOptions,
): Promise<Prediction[]> {
  const predictions: Prediction[] = [];
  for (const file of files) {
    options.signal?.throwIfAborted();
    const prediction = await predictOrTell(loaded, program, file, options);
    if (prediction !== undefined) predictions.push(prediction);
  }
  return predictions;
}

async function predictOrTell(
  loaded: LoadedModel,
  program: Program,
  file: string,
  options: PredictOptions,
): Promise<Prediction | undefined> {
  try {
    return await predictClip(loaded, program, file, options);
  } catch (error) {
    if (options.onBroken === undefined || !(error instanceof FileError)) throw error;
    options.onBroken(error);
    return undefined;
  }
}

async function predictClip(loaded: LoadedModel, program: Program, file: string, options: PredictOptions): Promise<Prediction> {
  const clip = readyClip(loaded, file, await readWhole(loaded, file, options));
  const [seen] = await recogniseTogether(program, loaded, [clip], options);
  if (seen instanceof FileError) throw seen;
  return required(seen, `the prediction of ${file}`);
}

/** A clip as its model takes it: after the model's transforms, and cut to the frames that the model sees. */
export interface ReadyClip {
  readonly file: string;
  /** `[frames, width]` row by row. */
  readonly values: Float32Array;
  readonly frames: number;
  readonly doubts: readonly ClipDoubt[];
}

/** Makes a clip ready that has been read and checked. */
export function readyClip(loaded: LoadedModel, file: string, whole: Clip): ReadyClip {
  const { model, keypoints, transforms } = loaded;
  const clip = TransformPipeline.of(transforms, keypoints).apply(whole);
  const frames = Math.min(clip.frames, model.maxFrames);
  const values = clip.values.subarray(0, frames * (clip.values.length / clip.frames));
  return { file, values, frames, doubts: doubtsOf(whole, loaded) };
}

/** How clips are recognised together. */
export interface RecognisingTogether {
  /** Classes to name; 0 for all. */
  readonly topK: number;
  readonly labels?: LabelNames | undefined;
  /** The rows of the batch, at least as many as there are clips; as many where it is left out. */
  readonly rows?: number;
  /** Clips are padded to a multiple of this many frames, so that a few graphs serve all lengths. */
  readonly framesStep?: number;
}

/**
 * Recognises clips in one batch; what a model says of a clip does not depend on the others.
 * @returns a prediction for each, or why there is none: the model gives no finite numbers for it.
 */
export async function recogniseTogether(
  program: Program,
  loaded: LoadedModel,
  clips: readonly ReadyClip[],
  how: RecognisingTogether,
): Promise<(Prediction | FileError)[]> {
  const { rows = clips.length, framesStep = FRAMES_STEP } = how;
  return predictionsOf(loaded, clips, await program.evaluateLater(inputsOf(loaded.model, clips, rows, framesStep)), how);
}

/** What a model gives for clips in one batch: `gloss_logits` and `category_logits`, a row for each clip. */
export function logitsOf(
  program: Program,
  { model }: Pick<LoadedModel, 'model'>,
  clips: readonly ReadyClip[],
  { rows = clips.length, framesStep = FRAMES_STEP }: Pick<RecognisingTogether, 'rows' | 'framesStep'> = {},
): NamedArrays {
  return program.evaluate(inputsOf(model, clips, rows, framesStep));
}

/** What {@link logitsOf} says of the clips. */
export function predictionsOf(
  loaded: LoadedModel,
  clips: readonly ReadyClip[],
  outputs: NamedArrays,
  { topK, labels: otherwise }: Pick<RecognisingTogether, 'topK' | 'labels'>,
): (Prediction | FileError)[] {
  const labels = shownLabels(loaded, otherwise);
  const ranked = (name: string, row: number, classes: readonly string[]): RankedClass[] | undefined => {
    const logits = valuesNamed(outputs, name).slice(row * classes.length, (row + 1) * classes.length);
    return countNotFinite(Float32Array.from(logits)) > 0 ? undefined : rankClasses(logits, classes, topK);
  };
  return clips.map(({ file, doubts }, row) => {
    const [gloss, category] = [ranked('gloss_logits', row, labels.gloss), ranked('category_logits', row, labels.category)];
    if (gloss !== undefined && category !== undefined) return { file, gloss, category, doubts };
    return new FileError(file, `${loaded.file} gives values for it that are not finite (NaN or infinite), so nothing can be said of it`);
  });
}

function doubtsOf({ values, frames }: Clip, { keypoints, model: { maxFrames } }: LoadedModel): ClipDoubt[] {
  return [
    ...(keypoints === undefined ? [] : keypointDoubts(values, keypoints)),
    ...(frames > maxFrames ? [{ kind: 'cut', text: `it has ${frames} frames; the model sees the first ${maxFrames}` } as const] : []),
  ];
}

/**
 * One clip as a batch of its own, after the model's transforms, padded to a length that clips of about its length share.
 * @throws FileError where it cannot be read.
 */
export async function clipInputs(loaded: LoadedModel, file: string, reading: ClipReading): Promise<NamedArrays> {
  return inputsOfClip(loaded, readyClip(loaded, file, await readWhole(loaded, file, reading)));
}

/** {@link clipInputs} of a clip that is ready. */
export function inputsOfClip(loaded: LoadedModel, clip: ReadyClip): NamedArrays {
  return inputsOf(loaded.model, [clip], 1, FRAMES_STEP);
}

/** @throws FileError where the clip cannot be read. */
function readWhole({ file: model, clipWidth: width, keypoints }: LoadedModel, file: string, { key, read }: ClipReading): Promise<Clip> {
  return read === undefined ? readChecked(file, { key, width, keypoints, saidBy: `as ${model} takes them` }) : read(file);
}

function inputsOf(model: Model, clips: readonly ReadyClip[], rows: number, step: number): NamedArrays {
  const longest = Math.max(...clips.map(({ frames }) => frames));
  const { values, frames } = elementAt(clips, 0);
  const plan = { indices: [...clips.keys()], frames: Math.min(Math.ceil(longest / step) * step, model.maxFrames) };
  const entries = clips.map(() => ({ gloss: 0, category: 0 }));
  return featureInputs(assembleBatch(plan, rows, { entries, width: values.length / frames }, (place) => elementAt(clips, place).values));
}

/** The classes of one row of logits, best first; of equal ones the lower id. */
export function rankClasses(logits: ArrayLike<number>, labels: readonly string[], topK: number): RankedClass[] {
  const ranked = Array.from(softmax(logits), (probability, id) => ({ id, label: elementAt(labels, id), probability }));
  ranked.sort((one, other) => other.probability - one.probability || one.id - other.id);
  return topK === 0 ? ranked : ranked.slice(0, topK);
}
