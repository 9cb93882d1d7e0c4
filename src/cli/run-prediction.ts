import type { CheckpointReading, PlainRecord } from '../checkpoint/training-checkpoint';
import type { LabelNames } from '../data/clip-set';
import { DataError, type FileError } from '../data/data-error';
import { readLabelReference } from '../data/labels';
import { startRuntime } from '../engine/runtime';
import { clipFiles, predictClips } from '../evaluation/predict';
import { clipFeatures } from '../evaluation/frame-features/picture-features';
import { trainedAs } from '../evaluation/evaluate';
import { loadModel, type LoadedModel } from '../evaluation/load-model';
import { modelFile, titleOfModel } from '../folder/model-folder';
import { canDraw } from '../evaluation/pictures/drawing';
import { UserError } from '../foundation/errors';
import type { ClipLocation } from '../models/clips';
import type { Terminal } from './terminal';
import { dataWatch } from './progress';
import { USER_ERROR_EXIT_CODE } from './exit';
import { tellNotes } from './flags';
import type { ModelPredictions } from './prediction-text';

export interface PredictionRequest {
  readonly modelPaths: readonly string[];
  readonly shape: PlainRecord;
  readonly reading?: CheckpointReading;
  readonly inputs: readonly string[];
  readonly key: string | undefined;
  readonly labelsReference: string | undefined;
  readonly topK: number;
  /** The picture of the attention that is wanted, if any. */
  readonly attention: string | undefined;
  readonly strict: boolean;
  readonly format: 'text' | 'json' | 'csv';
  readonly verbose: boolean;
}

/**
 * Recognises the sign in each clip with each model and prints what they are.
 * @returns the process's exit code: not 0 where no clip could be read, or one could not and the request is strict.
 */
export async function runPrediction(request: PredictionRequest, terminal: Terminal): Promise<number> {
  const files = await clipFiles(request.inputs);
  refuseWide(request, files);
  const loaded = request.modelPaths.map((modelPath) => loadModel(modelFile(modelPath), request.shape, request.reading));
  const labels = await labelsOf(request.labelsReference);
  const runtime = await startRuntime({ verbose: request.verbose });
  if (runtime.warning !== undefined) terminal.errors.write(`warning: ${runtime.warning}\n`);
  for (const model of loaded) {
    noteAssumptions(model, loaded.length > 1, terminal);
    tellNotes(model, loaded.length > 1, terminal);
  }

  const broken = new Set<string>();
  const models: ModelPredictions[] = [];
  for (const model of loaded) {
    const { checkpointName } = model.model.definition;
    const onBroken = (error: FileError): void => {
      broken.add(error.file);
      terminal.errors.write(`${error.message} (${checkpointName} reads "${keyOf(model, request)}")\n`);
    };
    const key = keyOf(model, request);
    const ofPictures = trainedOn(model)?.pictures === undefined ? undefined : clipFeatures(model, key);
    try {
      const predictions = await predictClips(model, files, { key, read: ofPictures?.read, topK: request.topK, labels, onBroken });
      models.push({ title: titleOfModel(model.file, checkpointName), file: model.file, predictions });
    } finally {
      ofPictures?.dispose();
    }
  }
  if (models.every(({ predictions }) => predictions.length === 0)) return USER_ERROR_EXIT_CODE;
  terminal.output.write(await textOf(request.format, files, models));
  if (request.attention !== undefined) await drawAttention(request, request.attention, { loaded, models, file: files[0] }, terminal);
  return request.strict && broken.size > 0 ? USER_ERROR_EXIT_CODE : 0;
}

function refuseWide({ attention, modelPaths }: PredictionRequest, files: readonly string[]): void {
  if (attention === undefined || (files.length === 1 && modelPaths.length === 1)) return;
  throw new UserError(
    `--attention draws one clip in one model, found ${files.length} clips and ${modelPaths.length} models; name one of each`,
  );
}

/** The array that a model reads: what was asked for, else what it was trained on, else its kind's usual one. */
function keyOf(loaded: LoadedModel, { key }: PredictionRequest): string {
  return key ?? trainedOn(loaded)?.key ?? loaded.model.definition.usualClips.key;
}

/** The clips that a model was trained on; undefined where the checkpoint does not say. */
function trainedOn(loaded: LoadedModel): ClipLocation | undefined {
  const trained = trainedAs(loaded);
  return trained && loaded.model.definition.clipLocation(trained);
}

function noteAssumptions({ file, assumptions }: LoadedModel, several: boolean, { errors }: Terminal): void {
  for (const assumption of assumptions) errors.write(`note: ${several ? file : 'the checkpoint'} does not say: ${assumption} was taken\n`);
}

/** @throws DataError where the file is no labels reference. */
async function labelsOf(file: string | undefined): Promise<LabelNames | undefined> {
  if (file === undefined) return undefined;
  const { reference, problems } = await readLabelReference(file);
  if (reference === undefined) throw new DataError(problems);
  return reference.names;
}

async function textOf(format: PredictionRequest['format'], files: readonly string[], models: readonly ModelPredictions[]): Promise<string> {
  const texts = await import('./prediction-text.js');
  return { text: texts.predictionsText, json: texts.predictionsJson, csv: texts.predictionsCsv }[format](files, models);
}

async function drawAttention(
  request: PredictionRequest,
  picture: string,
  {
    loaded: [model],
    models: [seen],
    file,
  }: { loaded: readonly LoadedModel[]; models: readonly ModelPredictions[]; file: string | undefined },
  terminal: Terminal,
): Promise<void> {
  const best = seen?.predictions[0]?.gloss[0];
  if (model === undefined || file === undefined || best === undefined) return;
  const { onWarning } = dataWatch(terminal);
  if (!(await canDraw(onWarning))) return;
  const { saveAttentionPicture } = await import('../evaluation/pictures/attention.js'); // With the canvas: only when it is asked for.
  const drawn = await saveAttentionPicture(picture, model, { file, key: keyOf(model, request), best }, onWarning);
  if (drawn) terminal.errors.write(`attention: ${picture}\n`);
}
