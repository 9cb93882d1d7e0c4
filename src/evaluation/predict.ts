import { checkOptions, type OptionsInput } from '../config/layers';
import type { LabelNames } from '../data/clip-set';
import { DataError, type FileError, type DataProblem } from '../data/data-error';
import { readLabelReference } from '../data/labels';
import { startRuntime } from '../engine/runtime';
import { modelFile, titleOfModel } from '../folder/named-checkpoint';
import { UserError } from '../foundation/errors';
import { warningsTo, type Hooks } from '../foundation/hooks';
import { required } from '../foundation/required';
import { counted } from '../foundation/text';
import { clipFeatures, type ClipFeatures } from './frame-features/picture-features';
import { clipFiles } from './input-clips';
import { modelOfFile, type LoadedModel } from './loaded-model';
import { bfloat16Products } from './low-precision';
import { predictOptions, readingOf, shapeOf } from './options';
import { canDraw } from './pictures/drawing';
import { predictClips, type Prediction } from './predict-clips';
import type { WithModels } from './recognise';
import { keyOf, nameOf, noteWhatWasTaken, readerOf, trainedOn } from './recogniser';

/** What {@link predict} is asked for: models, and clips as files (`input`) or as values (`clips`). */
export type PredictOptions = OptionsInput<typeof predictOptions> & {
  /** Clips that are in memory, `[frames, width]` row by row each. */
  readonly clips?: readonly Float32Array[];
};

/** A clip that could not be used, and why. */
export interface ClipLeftOut extends DataProblem {
  readonly kind: 'clip-left-out';
}

/** What one model saw in one clip: its file, or `clips[0]` for the first of those in memory. */
export type ClipPrediction = Prediction & { readonly model: string };

/** What came of {@link predict}. */
export interface Predicted {
  readonly models: readonly {
    readonly file: string;
    readonly title: string;
    /** How many it tells apart. */
    readonly classes: { readonly gloss: number; readonly category: number };
  }[];
  /** Clip by clip, of each every model's. */
  readonly predictions: readonly ClipPrediction[];
  readonly leftOut: readonly DataProblem[];
  /** The picture of the attention, where one was drawn. */
  readonly attention: string | undefined;
}

/** What programs are told of predictions: the document of `predict --json`, and of the app's answers. */
export interface PredictionDocument {
  readonly predictions: readonly DocumentedPrediction[];
}

interface DocumentedPrediction extends Omit<ClipPrediction, 'doubts'> {
  readonly warnings: readonly string[];
}

/** Predictions as programs are told of them. */
export function documentOf(predictions: readonly ClipPrediction[]): PredictionDocument {
  return {
    predictions: predictions.map(({ file, model, gloss, category, doubts }) => ({
      file,
      model,
      gloss,
      category,
      warnings: doubts.map(({ text }) => text),
    })),
  };
}

/**
 * Recognises the sign in each clip with each model. A clip that cannot be read is left out, which an event says, and the others go on.
 * @throws UserError for a model or an input that is none.
 */
export async function predict(options: PredictOptions, hooks: Hooks<ClipLeftOut> & WithModels = {}): Promise<Predicted> {
  const { clips: values, ...asked } = options;
  const { model, input, ...given } = checkOptions(predictOptions, { source: 'predict()', values: asked });
  const modelPaths = typeof model === 'string' ? [model] : model;
  const clips = await clipsOf(typeof input === 'string' ? [input] : input, values);
  if (values !== undefined && given.attention !== undefined)
    throw new UserError('predict(): attention is drawn of a clip that is a file (input)');
  if (given.attention !== undefined) checkAttention(given.attention, clips.names.length, modelPaths.length);
  const loaded = modelPaths.map((modelPath) => modelOfFile(modelFile(modelPath), shapeOf(given), readingOf(given, hooks)));
  const labels = await labelsOf(given.labels_reference);
  const runtime = await startRuntime({ verbose: hooks.verbose === true });
  if (runtime.warning !== undefined) warningsTo(hooks)(runtime.warning);
  for (const one of loaded) noteWhatWasTaken(one, loaded.length > 1, hooks);
  const matrixType = await bfloat16Products(given.amp, hooks);

  const leftOut = new Map<string, DataProblem>();
  const byClip = new Map<string, ClipPrediction[]>(clips.names.map((name) => [name, []]));
  for (const one of loaded) {
    const key = keyOf(one, given.kp_key);
    const onBroken = ({ file, problem }: FileError): void => {
      const { checkpointName } = one.model.definition;
      const told = { file, problem: `${problem} (${checkpointName} reads "${key}")` };
      leftOut.set(file, told);
      hooks.onEvent?.({ kind: 'clip-left-out', ...told });
    };
    const further = { labels, onBroken, matrixType, signal: hooks.signal };
    const reader = clips.reader(one, key);
    try {
      const predictions = await predictClips(one, clips.names, { key, read: reader?.read, topK: given.top_k, ...further });
      for (const seen of predictions) byClip.get(seen.file)?.push({ ...seen, model: one.file });
    } finally {
      reader?.dispose();
    }
  }
  const models = loaded.map(({ file, model: { definition, numGloss, numCategory } }) => ({
    file,
    title: titleOfModel(file, definition.checkpointName),
    classes: { gloss: numGloss, category: numCategory },
  }));
  const predictions = [...byClip.values()].flat();
  warnOfDoubts(predictions, warningsTo(hooks));
  const attention = await drawAttention(given.attention, { loaded, predictions, key: given.kp_key }, hooks);
  return { models, predictions, leftOut: [...leftOut.values()], attention };
}

/** One line for each kind of doubt, however many clips it is about. */
function warnOfDoubts(predictions: readonly ClipPrediction[], onWarning: (text: string) => void): void {
  const first = new Map<string, { readonly file: string; readonly text: string }>();
  const files = new Map<string, Set<string>>();
  for (const { file, doubts } of predictions)
    for (const { kind, text } of doubts) {
      if (!first.has(kind)) first.set(kind, { file, text });
      files.set(kind, (files.get(kind) ?? new Set()).add(file));
    }
  for (const [kind, { file, text }] of first) {
    const others = required(files.get(kind), 'the clips of the doubt').size - 1;
    onWarning(`${file}: ${text}${others === 0 ? '' : ` (and ${counted(others, 'clip')} like it)`}`);
  }
}

interface AskedClips {
  readonly names: readonly string[];
  /** How a model reads them; undefined where it reads an array of their files. */
  readonly reader: (loaded: LoadedModel, key: string) => ClipFeatures | undefined;
}

async function clipsOf(inputs: readonly string[] | undefined, values: readonly Float32Array[] | undefined): Promise<AskedClips> {
  if ((inputs === undefined) === (values === undefined))
    throw new UserError('predict(): give clips as files (input) or as values (clips), one of both');
  if (values !== undefined) {
    return {
      names: values.map((_, place) => nameOf(place)),
      reader: ({ clipWidth }) => ({ read: readerOf(values, clipWidth), dispose: () => undefined }),
    };
  }
  return {
    names: await clipFiles(required(inputs, 'the inputs')),
    reader: (loaded, key) => (trainedOn(loaded)?.pictures === undefined ? undefined : clipFeatures(loaded, key)),
  };
}

function checkAttention(picture: string, clips: number, models: number): void {
  if (!/\.png$/i.test(picture)) throw new UserError(`--attention ${picture}: the picture is a PNG; expected a name that ends in .png`);
  if (clips === 1 && models === 1) return;
  const found = `${counted(clips, 'clip')} and ${counted(models, 'model')}`;
  throw new UserError(`--attention draws one clip in one model, found ${found}; name one of each`);
}

/** @throws DataError where the file is no labels reference. */
async function labelsOf(file: string | undefined): Promise<LabelNames | undefined> {
  if (file === undefined) return undefined;
  const { reference, problems } = await readLabelReference(file);
  if (reference === undefined) throw new DataError(problems);
  return reference.names;
}

/** Returns the picture where it was drawn. */
async function drawAttention(
  picture: string | undefined,
  seen: { readonly loaded: readonly LoadedModel[]; readonly predictions: readonly ClipPrediction[]; readonly key: string | undefined },
  hooks: Hooks & WithModels,
): Promise<string | undefined> {
  const [model] = seen.loaded;
  const [prediction] = seen.predictions;
  const best = prediction?.gloss[0];
  if (picture === undefined || model === undefined || prediction === undefined || best === undefined) return undefined;
  const onWarning = warningsTo(hooks);
  if (!(await canDraw(onWarning))) return undefined;
  const { saveAttentionPicture } = await import('./pictures/attention.js'); // With the canvas: only when it is asked for.
  const clip = { file: prediction.file, key: keyOf(model, seen.key), best };
  return (await saveAttentionPicture(picture, model, clip, onWarning)) ? picture : undefined;
}
