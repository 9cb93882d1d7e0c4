import { isDeepStrictEqual } from 'node:util';
import { weightTensors } from '../checkpoint/state-dict';
import { readTorchFile } from '../checkpoint/torch-file';
import { type PlainRecord, readCheckpoint, trainingCheckpoint, type TrainingCheckpoint } from '../checkpoint/training-checkpoint';
import type { TransformDescription } from '../config/data-settings';
import type { KeypointLayout } from '../config/keypoint-layout';
import { checkLayer, settingNames } from '../config/layers';
import type { ModelSettings, Settings } from '../config/model-settings';
import { resolveLayers } from '../config/resolve';
import { onlyModel } from '../config/understood-settings';
import type { LabelNames } from '../data/clip-set';
import { DataError } from '../data/data-error';
import { readLabelReference } from '../data/labels';
import { optimizerForms } from '../engine/optimizers/table';
import { savedLabels } from '../evaluation/loaded-model';
import { recogniseWeights, saidOfModel, type FittedModel, type ModelReading } from '../evaluation/recognise';
import { savedInputs } from '../evaluation/saved-inputs';
import { UserError } from '../foundation/errors';
import { type ModelConfig, optimizerParameters, type Model } from '../models/model';
import { EPOCHS_FROM_0, legacySettings, withComparableMetric } from '../training/legacy-settings';
import type { LegacyLog } from './legacy-log';

/** How checkpoints are imported. */
export interface ImportOptions {
  /** The model that they must be of; undefined for whichever they are. */
  readonly model: string | undefined;
  /** What a file may not say of its model, under the names of a checkpoint's config, as `n_heads`. */
  readonly shape: PlainRecord;
  /** Which of its weights are taken, and what its optimiser is where the file leaves it open. */
  readonly reading?: ModelReading;
  /** What the clips of another program's model go through before it sees them. */
  readonly inputs?: readonly TransformDescription[];
  /** A `labels_reference.csv`. */
  readonly labels: string | undefined;
  /** A word for the folder's name. */
  readonly description: string;
  /** Where the folder is made; undefined for the model's usual place. */
  readonly saveDir: string | undefined;
  readonly date: Date;
  readonly versions: { readonly kumpas: string; readonly node: string };
}

/** What becomes one model folder. */
export interface ImportSource {
  /** The weights to use. */
  readonly best: string;
  /** The state to go on from; undefined where `best` is that too. */
  readonly last?: string | undefined;
  /** The log of the training. */
  readonly log?: string | undefined;
}

/** A model folder that was made of a checkpoint. */
export interface ImportedModel {
  readonly file: string;
  readonly folder: string;
  /** The names of the files in it. */
  readonly files: readonly string[];
  readonly model: string;
  readonly config: ModelConfig;
  readonly epoch: number | undefined;
  readonly bestMetric: number | undefined;
  /** Whether a training can go on from it. */
  readonly resumable: boolean;
  readonly labelled: boolean;
  /** What was taken as usual, left out, or is otherwise than expected; a line each. */
  readonly notes: readonly string[];
}

/** A checkpoint that was read whole, with what becomes of it here. */
export interface ReadImport {
  readonly file: string;
  readonly recognised: FittedModel;
  readonly checkpoint: TrainingCheckpoint;
  /** Whether Kumpas wrote it. */
  readonly ours: boolean;
  /** Which key points its model's clips are; undefined where they are none. */
  readonly keypoints: KeypointLayout | undefined;
  /** What its model's clips go through first. */
  readonly transforms: readonly TransformDescription[];
  readonly settings: Settings;
  /** The settings that it tells itself. */
  readonly stated: ReadonlySet<string>;
  readonly notes: readonly string[];
}

/**
 * Reads a checkpoint of any writer and finds out which model it is of.
 * @throws UserError that names the file, where it cannot be read, is of none of the models, or does not fit the one it is of.
 */
export function readImport(
  file: string,
  { model: wanted, shape, reading = {}, inputs = [] }: ImportOptions,
  log: LegacyLog | undefined,
): ReadImport {
  const { weights, recognised, optimizer } = readCheckpoint(file, (opened) => {
    const read = opened.weights(reading.key);
    const model = recogniseWeights(read.model, { ...shape, ...saidOfModel(read) }, file, reading.models);
    const form = { forms: optimizerForms, parameters: optimizerParameters(model.model), model: model.weights, said: reading.optimizer };
    return { weights: read, recognised: model, optimizer: opened.optimizer(form) };
  });
  const checkpoint = trainingCheckpoint(weights, recognised.weights, optimizer?.usable === true ? optimizer.state : undefined);
  const notes = [
    ...weights.notes,
    ...recognised.notes,
    ...(optimizer?.usable === false ? [`its optimizer was left out, so no training can go on from it: ${optimizer.reason}`] : []),
    ...(checkpoint.optimizer !== undefined && weights.epoch === undefined ? [EPOCHS_FROM_0] : []),
  ];
  const { model } = recognised;
  const { name: found, settings } = model.definition;
  if (wanted !== undefined && wanted !== found) throw new UserError(`${file}: it holds ${found}, not ${wanted}, which --model asks for`);
  notes.push(...contradictions(shape, model), ...roundings(file, reading.key));
  const { keypoints, transforms } = savedInputs(checkpoint.config, model, file, inputs);
  if (inputs.length > 0 && !isDeepStrictEqual(transforms, inputs))
    notes.push('what its clips go through was not taken: the file says it itself');
  const ours = checkpoint.args !== undefined && checkpoint.config['kumpas_version'] !== undefined;
  if (ours) {
    const resolved = resolveLayers([{ source: file, values: { ...checkpoint.args } }], onlyModel(settings)).settings;
    return { file, recognised, checkpoint, ours, keypoints, transforms, settings: resolved, stated: new Set(Object.keys(resolved)), notes };
  }
  const legacy = legacySettings(recognised, checkpoint);
  const fromLog = validOnly(settings, log?.settings ?? {});
  const values = {
    epochs: Math.max(1, checkpoint.epoch),
    ...fromLog,
    ...legacy.values,
    ...model.definition.settledByTransforms(transforms),
  };
  const comparable = withComparableMetric(checkpoint, (note) => notes.push(note));
  return {
    file,
    recognised,
    checkpoint: comparable,
    ours,
    keypoints,
    transforms,
    settings: resolveLayers([{ source: file, values }], onlyModel(settings)).settings,
    stated: new Set([...Object.keys(fromLog), ...legacy.stated]),
    notes: [...legacy.notes, ...notes],
  };
}

/**
 * The names of a model's classes: of a labels reference, else of the checkpoint; undefined where neither has them.
 * @throws UserError where the reference cannot be used or has other counts than the model.
 */
export async function labelsOf(
  { file, recognised: { model }, checkpoint }: ReadImport,
  labels: string | undefined,
): Promise<LabelNames | undefined> {
  if (labels === undefined) return savedLabels(checkpoint.config, model);
  const { reference, problems } = await readLabelReference(labels);
  if (reference === undefined) throw new DataError(problems);
  const { gloss, category } = reference.names;
  if (gloss.length === model.numGloss && category.length === model.numCategory) return reference.names;
  throw new UserError(
    `--labels-reference ${labels}: it names ${gloss.length} glosses in ${category.length} categories, ${file} tells ${model.numGloss} glosses in ${model.numCategory} categories apart`,
  );
}

/** Whether weights lost digits: those of a type wider than float32 do. */
function roundings(file: string, key: string | undefined): string[] {
  const wide = readTorchFile(
    file,
    (value) => [...weightTensors(value, key).tensors.values()].filter(({ dtype }) => dtype === 'float64').length,
  );
  return wide === 0 ? [] : [`${wide} of its tensors are float64: they were rounded to float32`];
}

/** What was typed and is not what the file says: the file wins. */
function contradictions(shape: PlainRecord, { config }: Model): string[] {
  return Object.entries(shape).flatMap(([key, value]) =>
    config[key] === undefined || config[key] === value
      ? []
      : [`${key} ${JSON.stringify(value)} was not taken: the file's config says ${String(config[key])}`],
  );
}

function validOnly({ schema: { shape } }: ModelSettings, values: PlainRecord): PlainRecord {
  const names = settingNames(shape);
  const checked = Object.entries(values)
    .filter(([key]) => names.has(key))
    .map(([key, value]) => checkLayer({ source: 'log', values: { [key]: value } }, shape, () => undefined).values);
  return Object.fromEntries(checked.flatMap((found) => [...found])) as PlainRecord;
}
