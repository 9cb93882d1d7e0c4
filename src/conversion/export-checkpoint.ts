import { existsSync, statSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { namingFile } from '../checkpoint/bytes';
import { writeSafetensors } from '../checkpoint/safetensors';
import { stateDictTensors, stateDictToPython, type WeightDtype } from '../checkpoint/state-dict';
import { finiteHalves } from '../checkpoint/tensor';
import { writeTorchFile } from '../checkpoint/torch-file';
import {
  writeTrainingCheckpoint,
  type PlainRecord,
  type TrainingCheckpoint,
  readCheckpoint,
  trainingCheckpoint,
} from '../checkpoint/training-checkpoint';
import type { PythonTransforms, TransformDescription } from '../config/data-settings';
import type { KeypointLayout } from '../config/keypoint-layout';
import { transformsInPython } from '../data/transforms/pipeline';
import { inferenceGraphBytes } from '../engine/captured/inference-graph';
import { optimizerForms } from '../engine/optimizers/table';
import { tensorNamed } from '../engine/parameters';
import type { ProgramDefinition } from '../engine/program';
import { hasNativeKernels, tf } from '../engine/tensorflow';
import { inferenceDefinition, savedLabels } from '../evaluation/loaded-model';
import { recogniseWeights, saidOfModel, type FittedModel, type ModelReading } from '../evaluation/recognise';
import { savedInputs } from '../evaluation/saved-inputs';
import { transformLines } from '../folder/loading-section';
import { UserError } from '../foundation/errors';
import { makeFolders, buildFolder } from '../foundation/folders';
import { optimizerParameters, type Model } from '../models/model';
import { factsOfOwnModel } from '../models/model-table';

/** The forms of one file or graph in which a model can leave. */
export type ExportFormat = 'torch' | 'safetensors' | 'saved-model';

export interface ExportRequest {
  /** The checkpoint. */
  readonly file: string;
  readonly format: ExportFormat;
  readonly dtype: WeightDtype;
  /** Without the optimiser's and the scheduler's state: a bare state_dict. */
  readonly weightsOnly: boolean;
  /** The file or folder to write; undefined for one beside the checkpoint, named after it. */
  readonly out: string | undefined;
  /** What the checkpoint may not say of its model, under the names of its config. */
  readonly shape: PlainRecord;
  /** Which of its weights leave. */
  readonly reading?: ModelReading;
  /** Of a SavedModel, whose shapes are settled. */
  readonly batchSize: number;
  /** As {@link ExportRequest.batchSize}; undefined for as many as the model takes. */
  readonly frames: number | undefined;
}

export interface ExportedModel {
  readonly path: string;
  readonly bytes: number;
  /** What is in it, in a few words. */
  readonly content: string;
  readonly notes: readonly string[];
  /** What its parts take, a line each, where it has several. */
  readonly sizes?: readonly string[];
}

/**
 * Writes a model in another form. A file or folder that is there is never written over. A SavedModel needs the native runtime to have been started.
 * @throws UserError where the checkpoint cannot be read, the place is taken, or the type is too narrow for a weight.
 */
export function exportCheckpoint(request: ExportRequest): ExportedModel {
  const out = request.out ?? defaultOut(request);
  if (existsSync(out)) throw new UserError(`${out}: it is there already; give another place with --out`);
  const read = readExport(request.file, request.shape, request.reading);
  const content = namingFile(request.file, () => WRITERS[request.format](out, read, request));
  return { path: out, bytes: sizeOf(out), content, notes: read.notes };
}

const WRITERS: Readonly<Record<ExportFormat, (out: string, read: ReadExport, request: ExportRequest) => string>> = {
  torch: writeTorch,
  safetensors: writeTensors,
  'saved-model': writeServingModel,
};

function writeTorch(out: string, { checkpoint, recognised }: ReadExport, { dtype, weightsOnly }: ExportRequest): string {
  makeFolders(path.dirname(out));
  if (weightsOnly) {
    writeTorchFile(out, stateDictToPython(checkpoint.model, dtype));
    return `a state_dict, ${dtype}`;
  }
  const config = {
    model: recognised.model.definition.name,
    ...recognised.model.config,
    ...factsOfOwnModel(recognised.model.definition),
    ...checkpoint.config,
  };
  writeTrainingCheckpoint(out, { ...checkpoint, config }, dtype);
  return `a checkpoint, weights in ${dtype}, ${optimizerText(checkpoint)}`;
}

function optimizerText({ optimizer }: TrainingCheckpoint): string {
  if (optimizer === undefined) return 'no optimizer';
  const { form, step } = optimizer;
  return `${form.className}'s state${step === undefined ? '' : ` after ${step} steps`}`;
}

/** What a config says beside the model and its classes is of the training, or of the machine it ran on. */
const NOT_SHARED = new Set(['data', 'progress', 'told_settings']);

function writeTensors(out: string, { checkpoint, recognised }: ReadExport, { dtype }: ExportRequest): string {
  const { model, epoch, bestMetric } = checkpoint;
  const said = Object.entries(checkpoint.config).filter(([key]) => !NOT_SHARED.has(key));
  const config = {
    model: recognised.model.definition.name,
    ...recognised.model.config,
    ...factsOfOwnModel(recognised.model.definition),
    ...Object.fromEntries(said),
  };
  writeSafetensors(out, stateDictTensors(model, dtype), {
    format: 'pt',
    config: JSON.stringify(config),
    ...(epoch > 0 ? { epoch: String(epoch) } : {}),
    ...(Number.isFinite(bestMetric) ? { best_metric: String(bestMetric) } : {}),
  });
  return `tensors in ${dtype}; model and labels in the metadata`;
}

const EXTENSIONS: Readonly<Record<ExportFormat, string>> = { torch: '.pt', safetensors: '.safetensors', 'saved-model': '_saved_model' };

/** `SignTransformer_best_float16.safetensors` in the folder `exports` beside the checkpoint. */
function defaultOut({ file, format, dtype, weightsOnly }: ExportRequest): string {
  const stem = path.parse(file).name;
  const marks = [...(dtype === 'float32' ? [] : [dtype]), ...(weightsOnly && format === 'torch' ? ['weights'] : [])];
  return path.join(path.dirname(file), 'exports', [stem, ...marks].join('_') + EXTENSIONS[format]);
}

function sizeOf(out: string): number {
  const status = statSync(out);
  return status.isDirectory() ? statSync(path.join(out, 'saved_model.pb')).size : status.size;
}

/** A checkpoint that is about to leave. */
export interface ReadExport {
  readonly checkpoint: TrainingCheckpoint;
  readonly recognised: FittedModel;
  /** Which key points its clips are; undefined where they are none. */
  readonly keypoints: KeypointLayout | undefined;
  /** What its clips go through before it sees them. */
  readonly transforms: readonly TransformDescription[];
  /** What was taken as usual or left out; a line each. */
  readonly notes: readonly string[];
}

/**
 * Reads a checkpoint that shall be written in another form.
 * @param shape what it may not say of its model, under the names of its config.
 * @param reading which of its weights are taken.
 * @throws UserError that names the file, where it cannot be read or is of none of the models.
 */
export function readExport(file: string, shape: PlainRecord, reading: ModelReading = {}): ReadExport {
  return readCheckpoint(file, (checkpoint) => {
    const weights = checkpoint.weights(reading.key);
    const recognised = recogniseWeights(weights.model, { ...saidOfModel(weights), ...shape }, file, reading.models);
    const optimizer = checkpoint.optimizer({
      forms: optimizerForms,
      parameters: optimizerParameters(recognised.model),
      model: recognised.weights,
      said: reading.optimizer,
    });
    const { keypoints, transforms } = savedInputs(weights.config ?? {}, recognised.model, file);
    return {
      checkpoint: trainingCheckpoint(weights, recognised.weights, optimizer?.usable === true ? optimizer.state : undefined),
      recognised,
      keypoints,
      transforms,
      notes: [
        ...weights.notes,
        ...recognised.notes,
        ...(optimizer?.usable === false ? [`its optimizer was left out: ${optimizer.reason}`] : []),
        ...transforms.map(
          ({ name }) => `clips go through ${name} before it sees them, in whatever uses it: docs/data.md has the NumPy lines`,
        ),
        ...recognised.assumptions.map((assumption) => `the checkpoint does not say: ${assumption} was taken`),
      ],
    };
  });
}

/** The file of labels in a SavedModel's folder `assets`. */
const LABELS_ASSET = 'labels.json';

interface ServingShape {
  readonly dtype: WeightDtype;
  readonly batchSize: number;
  readonly frames: number | undefined;
}

/**
 * Writes a SavedModel for TensorFlow: from `features` `[batch, frames, width]` and `mask` `[batch, frames]` (1 for a frame of the clip, 0 for padding) to logits
 * and probabilities of both heads, the names of the classes as an asset. It is there whole or not at all.
 * @returns what is in it.
 * @throws UserError where the native library is not running, or the model does not take as many frames.
 */
export function writeServingModel(
  out: string,
  { checkpoint, recognised, keypoints, transforms }: ReadExport,
  { dtype, batchSize, frames: asked }: ServingShape,
): string {
  const { model } = recognised;
  const frames = asked ?? model.maxFrames;
  if (frames > model.maxFrames) throw new UserError(`--frames ${frames}: the model takes at most ${model.maxFrames}`);
  if (!hasNativeKernels())
    throw new UserError("a SavedModel is recorded from TensorFlow's native kernels, which are not there; npm run doctor says why");
  const graph = inferenceGraphBytes({
    definition: withProbabilities(inferenceDefinition(model)),
    weights: new Map([...checkpoint.model].map(([name, { values }]) => [name, values])),
    narrow: dtype === 'float32' ? undefined : { dtype, convert: (name, values) => finiteHalves(name, dtype, values) },
    inputs: { features: [batchSize, frames, model.width], mask: [batchSize, frames] },
    asset: LABELS_ASSET,
  });
  buildFolder(out, (folder) => {
    writeFileSync(path.join(folder, 'saved_model.pb'), graph);
    mkdirSync(path.join(folder, 'assets'));
    writeFileSync(path.join(folder, 'assets', LABELS_ASSET), labelsText(checkpoint.config, model));
    if (transforms.length > 0) writeFileSync(path.join(folder, 'README.md'), servingReadme(transformsInPython(transforms, keypoints)));
  });
  return `the signature serving_default for ${batchSize} × ${frames} frames, weights in ${dtype}, labels in assets/${LABELS_ASSET}`;
}

function servingReadme(python: PythonTransforms | undefined): string {
  return ['# What its features must be', ...transformLines(python), ''].join('\n');
}

function withProbabilities({ parameters, evaluate }: ProgramDefinition): ProgramDefinition {
  return {
    parameters,
    evaluate: (weights, inputs) => {
      const outputs = evaluate(weights, inputs);
      return {
        ...outputs,
        gloss_probabilities: tf.softmax(tensorNamed(outputs, 'gloss_logits')),
        category_probabilities: tf.softmax(tensorNamed(outputs, 'category_logits')),
      };
    },
  };
}

function labelsText(config: ReadExport['checkpoint']['config'], model: Model): string {
  const labels = savedLabels(config, model);
  const numbered = (count: number, kind: string): string[] => Array.from({ length: count }, (_, id) => `${kind} ${id}`);
  const document = {
    gloss: labels?.gloss ?? numbered(model.numGloss, 'gloss'),
    category: labels?.category ?? numbered(model.numCategory, 'category'),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
