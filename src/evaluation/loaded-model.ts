import { readWeights, type CheckpointWeights, type PlainRecord } from '../checkpoint/training-checkpoint';
import type { KeypointLayout } from '../config/keypoint-layout';
import type { Settings } from '../config/model-settings';
import { resolveLayers } from '../config/resolve';
import { onlyModel, trainedSettings } from '../config/understood-settings';
import type { Batch } from '../data/batch';
import type { LabelNames, ClipEntry } from '../data/clip-set';
import type { WantedKeypoints } from '../data/layout-of-clips';
import { packRows } from '../data/packed-rows';
import { createProgram, type ProgramOptions } from '../engine/create-program';
import { noDropout } from '../engine/dropout';
import { type ParameterValues, tensorNamed, type NamedArrays, type NamedTensors } from '../engine/parameters';
import { type Program, type ProgramDefinition, partSizes } from '../engine/program';
import { tf } from '../engine/tensorflow';
import { printableLine, excerpt } from '../foundation/text';
import type { Model, ForwardContext, ModelInputs } from '../models/model';
import { ownModels, type ModelDefinitions } from '../models/model-table';
import { recogniseWeights, saidOfModel, type ModelReading } from './recognise';
import { savedInputs, type SavedInputs } from './saved-inputs';

/** A model rebuilt from a checkpoint, with what the checkpoint says of it. */
export interface LoadedModel extends SavedInputs {
  readonly file: string;
  /** What `--model` calls it. */
  readonly name: string;
  readonly model: Model;
  readonly weights: ParameterValues;
  /** Epochs that it was trained for; undefined where the checkpoint does not say. */
  readonly epoch: number | undefined;
  /** Names of the classes; undefined where the checkpoint has none. */
  readonly labels: LabelNames | undefined;
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
export function modelOfFile(file: string, given: PlainRecord = {}, reading: ModelReading = {}): LoadedModel {
  return modelOfCheckpoint(file, readWeights(file, reading), given, reading.models);
}

/**
 * {@link modelOfFile} of a checkpoint that has been read: for those who need what else it holds.
 * @throws UserError as {@link modelOfFile}.
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
    ...savedInputs(config, model, file),
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

/** The key points that a model takes, as data that is opened for it is asked for them. */
export function wantedKeypoints(file: string, keypoints: KeypointLayout | undefined): WantedKeypoints | undefined {
  return keypoints && { keypoints, saidBy: `as ${file} takes them` };
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

/** The names of the clips that a share of the training clips was, from what a checkpoint says of its data; undefined where it does not say. */
export function validationNames({ validation_names: names }: Readonly<Record<string, unknown>>): string[] | undefined {
  return Array.isArray(names) ? (names as readonly unknown[]).filter((name) => typeof name === 'string') : undefined;
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

/** {@link featureInputs}, and for a model that leaves padding out {@link packedInputs}. */
export function evaluationInputs(batch: Batch, { leavesPaddingOut = false }: Pick<Model, 'leavesPaddingOut'>): NamedArrays {
  return { ...featureInputs(batch), ...(leavesPaddingOut ? packedInputs(batch) : {}) };
}

/**
 * Which frames of a batch are no padding, as further inputs; none where there is little padding. A captured program has a graph for each number of rows.
 * @param devices that share the batch: each leaves out the padding of its part.
 */
export function packedInputs(
  { size, frames, mask, packedRows }: Pick<Batch, 'size' | 'frames' | 'mask' | 'packedRows'>,
  devices = 1,
): NamedArrays {
  const parts = partSizes(size, devices).map((clips) => clips * frames);
  const packed = packRows(mask, { wanted: parts.length === 1 ? packedRows : undefined, parts });
  if (packed === undefined) return {};
  const { positions, rows } = packed;
  return {
    packed_positions: { shape: [parts.length, positions.length / parts.length], values: positions },
    packed_rows: { shape: [size, frames], values: rows },
  };
}

/** The part of a program's inputs that the model sees. */
export function modelInputs(inputs: NamedTensors): ModelInputs {
  const { packed_positions: positions, packed_rows: rows } = inputs;
  return {
    features: tensorNamed(inputs, 'features'),
    mask: tensorNamed(inputs, 'mask'),
    packed: positions && rows && { positions: tf.reshape(positions, [-1]), rows: tf.reshape(rows, [-1]) },
  };
}

/** The two kinds of classes. */
export type ClassKind = keyof LabelNames;

/** The classes that a model was trained on. */
interface TrainedClasses {
  /** One for each class; `gloss 3` for one without a name. */
  readonly labels: LabelNames;
  /** Whether its checkpoint names them. */
  readonly known: boolean;
  /** How messages call it: `the model`, `the run`. */
  readonly calledBy: string;
}

const MOST_LISTED = 3;

/** The name that stands for a class without one. */
export function isUnnamed(kind: ClassKind, label: string, id: number): boolean {
  return label === `${kind} ${id}`;
}

/**
 * Where the classes of some data are not those that a model was trained on, the first few, a line each: ids mean something only where both name the same
 * classes. A class that one of the two does not name is taken to be the same.
 * @param clips of the data: the first one whose id the model does not have is named, for it may be a slip.
 */
export function classDifferences(trained: TrainedClasses, found: LabelNames, clips: readonly ClipEntry[] = []): string[] {
  return (['gloss', 'category'] as const).flatMap((kind) => differencesOf(kind, trained, found[kind], clips));
}

/** {@link classDifferences} of one kind. */
export function differencesOf(
  kind: ClassKind,
  { labels, known, calledBy }: TrainedClasses,
  theirs: readonly string[],
  clips: readonly ClipEntry[] = [],
): string[] {
  const ours = labels[kind];
  const unnamed = (label: string, id: number): boolean => isUnnamed(kind, label, id);
  // Labels without a reference say only how large their largest id is, and a model may have been given more classes than its data named.
  const mayBeFewer = theirs.every(unnamed) || (known && ours.every((label, id) => id < theirs.length || unnamed(label, id)));
  if (theirs.length > ours.length || (theirs.length < ours.length && !mayBeFewer))
    return [`${kind}: ${calledBy} has ${ours.length} classes, the data ${theirs.length}${clipBeyond(kind, ours.length, clips)}`];
  return theirs
    .flatMap((other, id) => {
      const label = ours[id];
      if (label === undefined || unnamed(label, id) || unnamed(other, id)) return [];
      // One name may be written in several Unicode forms, which look the same.
      const shown = printableLine(other);
      return label.normalize() === shown.normalize() ? [] : [`${kind} ${id}: ${calledBy} knows it as ${label}, the data as ${shown}`];
    })
    .slice(0, MOST_LISTED);
}

function clipBeyond(kind: ClassKind, classes: number, clips: readonly ClipEntry[]): string {
  const clip = clips.find((entry) => entry[kind] >= classes);
  if (clip === undefined) return '';
  return `: the labels give clip "${excerpt(clip.name)}" the ${kind} ${clip[kind]}, the last known one is ${classes - 1}`;
}

/** The settings that a model was trained with, complete; undefined where its checkpoint does not say. */
export function trainedAs({ file, model, settings }: LoadedModel): Settings | undefined {
  if (Object.keys(settings).length === 0) return undefined;
  return resolveLayers([{ source: file, values: settings }], onlyModel(model.definition.settings)).settings;
}
