import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { namingFile } from '../checkpoint/malformed-checkpoint';
import { writeSafetensors } from '../checkpoint/safetensors';
import { stateDictTensors, stateDictToPython, type WeightDtype } from '../checkpoint/state-dict';
import { writeTorchFile } from '../checkpoint/torch-file';
import {
  writeTrainingCheckpoint,
  type CheckpointReading,
  type PlainRecord,
  type TrainingCheckpoint,
} from '../checkpoint/training-checkpoint';
import { UserError } from '../foundation/errors';
import { makeFolders } from '../foundation/folders';
import { readExport, type ReadExport } from './read-export';
import { writeServingModel } from './serving-model';

/** The forms in which a model can leave. */
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
  readonly reading?: CheckpointReading;
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
  const config = { model: recognised.name, ...recognised.model.config, ...checkpoint.config };
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
  const config = { model: recognised.name, ...recognised.model.config, ...Object.fromEntries(said) };
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
