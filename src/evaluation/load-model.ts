import { readWeights, type CheckpointWeights, type PlainRecord } from '../checkpoint/training-checkpoint';
import { trainedSettings } from '../config/understood-settings';
import type { TransformDescription } from '../config/data-settings';
import { savedTransforms } from '../data/transforms/pipeline';
import { ownModels, type ModelDefinitions } from '../models/model-table';
import type { LabelNames } from '../data/clip-set';
import { type Program, type ProgramDefinition } from '../engine/program';
import { type ParameterValues, tensorNamed, type NamedArrays, type NamedTensors } from '../engine/parameters';
import type { Model, ForwardContext, ModelInputs } from '../models/model';
import { printableLine } from '../foundation/text';
import { recogniseWeights, saidOfModel, type ModelReading } from './recognise';
import { type Batch, packRows } from '../data/batch';
import { noDropout } from '../engine/dropout';
import { createProgram, type ProgramOptions } from '../engine/create-program';

/** A model rebuilt from a checkpoint, with what the checkpoint says of it. */
export interface LoadedModel {
  readonly file: string;
  /** What `--model` calls it. */
  readonly name: string;
  readonly model: Model;
  readonly weights: ParameterValues;
  /** Epochs that it was trained for; undefined where the checkpoint does not say. */
  readonly epoch: number | undefined;
  /** Names of the classes; undefined where the checkpoint has none. */
  readonly labels: LabelNames | undefined;
  /** What its clips go through before it sees them; saved with it. */
  readonly transforms: readonly TransformDescription[];
  /** The settings that it was trained with, as far as they are settings of Kumpas; empty where the checkpoint has none. */
  readonly settings: PlainRecord;
  /** What it says of the data that it was trained on: title, fingerprint and the like; empty where it says nothing. */
  readonly data: PlainRecord;
  /** What the checkpoint did not say and was taken as usual, as `num_heads 8`. */
  readonly assumptions: readonly string[];
  /** What of the checkpoint was not understood or not taken, and what was chosen or computed; a line each. */
  readonly notes: readonly string[];
}

/**
 * Rebuilds the model of a checkpoint.
 * @param given what its config lacks or is to be overruled in, under the config's names (`n_heads`, `pooling_method`).
 * @param reading which of its weights are taken.
 * @throws UserError where the file cannot be read, holds none of the models, or tensors that do not fit.
 */
export function loadModel(file: string, given: PlainRecord = {}, reading: ModelReading = {}): LoadedModel {
  return modelOfCheckpoint(file, readWeights(file, reading), given, reading.models);
}

/**
 * {@link loadModel} of a checkpoint that has been read: for those who need what else it holds.
 * @throws UserError as {@link loadModel}.
 */
export function modelOfCheckpoint(
  file: string,
  read: CheckpointWeights,
  given: PlainRecord = {},
  models: ModelDefinitions | undefined = ownModels,
): LoadedModel {
  const { epoch, config = {} } = read;
  const { model, weights, assumptions, notes } = recogniseWeights(read.model, { ...saidOfModel(read), ...given }, file, models);
  const { name, settings } = model.definition;
  const trained = trainedSettings(file, settings, read.args);
  return {
    file,
    name,
    model,
    weights: new Map([...weights].map(([key, { values }]) => [key, values])),
    epoch,
    labels: savedLabels(config, model),
    transforms: savedTransforms(config, model.width, file),
    settings: trained.values as PlainRecord,
    data: recordAt(config, 'data'),
    assumptions,
    notes: [...read.notes, ...notes, ...trained.notes],
  };
}

/** The model's forward pass, ready to run. Whoever asks for it disposes of it. */
export function inferenceProgram({ model, weights }: LoadedModel, options: ProgramOptions): Program {
  return createProgram(inferenceDefinition(model), weights, options);
}

/** The labels to show, printable: the checkpoint's own, else those given, else `gloss 3`. */
export function shownLabels({ labels, model }: Pick<LoadedModel, 'labels' | 'model'>, otherwise?: LabelNames): LabelNames {
  const known = labels ?? otherwise;
  const fill = (count: number, kind: string, names: readonly string[] | undefined): string[] =>
    Array.from({ length: count }, (_, id) => printableLine(names?.[id] ?? `${kind} ${id}`));
  return { gloss: fill(model.numGloss, 'gloss', known?.gloss), category: fill(model.numCategory, 'category', known?.category) };
}

/** What a checkpoint's config holds under a key that stands for a record; empty where it is none. */
export function recordAt(config: PlainRecord, key: string): PlainRecord {
  const value = config[key];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as PlainRecord) : {};
}

/** The names of the classes that a checkpoint's config holds, where they are as many as the model tells apart. */
export function savedLabels(config: PlainRecord, { numGloss, numCategory }: Model): LabelNames | undefined {
  const names = (key: string, count: number): string[] | undefined => {
    const saved = config[key];
    if (!Array.isArray(saved)) return undefined;
    const labels = (saved as readonly unknown[]).filter((label) => typeof label === 'string');
    return labels.length === count ? labels : undefined;
  };
  const gloss = names('gloss_labels', numGloss);
  const category = names('category_labels', numCategory);
  return gloss === undefined || category === undefined ? undefined : { gloss, category };
}

/**
 * A model's forward pass alone: from `features` and `mask` to `gloss_logits` and `category_logits`.
 * @param observe sees tensors from inside, in an eager program only.
 */
export function inferenceDefinition(model: Model, observe?: ForwardContext['observe']): ProgramDefinition {
  return {
    parameters: model.parameters,
    evaluate: (parameters, inputs) => {
      const { glossLogits, categoryLogits } = model.forward(parameters, modelInputs(inputs), {
        dropout: noDropout,
        ...(observe === undefined ? {} : { observe }),
      });
      return { gloss_logits: glossLogits, category_logits: categoryLogits };
    },
  };
}

/** A batch as the inputs of {@link inferenceDefinition}. */
export function featureInputs({ size, frames, width, features, mask }: Batch): NamedArrays {
  return { features: { shape: [size, frames, width], values: features }, mask: { shape: [size, frames], values: mask } };
}

/** Which frames of a batch are no padding, as further inputs; none where there is little padding. A captured program has a graph for each number of rows. */
export function packedInputs({ mask }: Batch): NamedArrays {
  const packed = packRows(mask);
  if (packed === undefined) return {};
  const { positions, rows } = packed;
  return {
    packed_positions: { shape: [positions.length], values: positions },
    packed_rows: { shape: [rows.length], values: rows },
  };
}

/** The part of a program's inputs that the model sees. */
export function modelInputs(inputs: NamedTensors): ModelInputs {
  const { packed_positions: positions, packed_rows: rows } = inputs;
  return {
    features: tensorNamed(inputs, 'features'),
    mask: tensorNamed(inputs, 'mask'),
    packed: positions && rows && { positions, rows },
  };
}
