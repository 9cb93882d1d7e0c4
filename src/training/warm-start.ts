import { readWeights, type CheckpointReading, type PlainRecord } from '../checkpoint/training-checkpoint';
import type { TransformDescription } from '../config/data-settings';
import { DERIVED_INPUTS, derivedInputsOf } from '../config/derived-inputs';
import { isUnknownLayout } from '../config/keypoint-layout';
import { flagOf, type SettingsLayer } from '../config/layers';
import type { Settings } from '../config/model-settings';
import { askedLayers, askedValue, resolveSettings, type ResolvedSettings, type SettingsRequest } from '../config/resolve';
import { understoodSettings } from '../config/understood-settings';
import type { LabelNames } from '../data/clip-set';
import type { ParameterValues } from '../engine/parameters';
import { differencesOf, savedLabels, shownLabels, type ClassKind } from '../evaluation/loaded-model';
import { recogniseWeights, saidOfModel, type FittedModel } from '../evaluation/recognise';
import { savedInputs, type SavedInputs } from '../evaluation/saved-inputs';
import { modelFile } from '../folder/named-checkpoint';
import { UserError } from '../foundation/errors';
import type { Model, ModelDefinition } from '../models/model';
import { ownModels, type ModelDefinitions } from '../models/model-table';

/** The weights of a trained model, with which a new training begins. */
export interface WarmStart extends SavedInputs {
  readonly file: string;
  readonly recognised: FittedModel;
  /** Epochs that they were trained for; undefined where the file does not say. */
  readonly epoch: number | undefined;
  /** The names of its classes; undefined where the file has none. */
  readonly labels: LabelNames | undefined;
  /** What of the file was not understood or not taken; a line each. */
  readonly notes: readonly string[];
}

/**
 * Resolves the settings of a new training. One that begins with the weights of `init_from` takes model and architecture of those unless it is given others.
 * @param reading which of the file's weights are taken.
 * @param models those that can be trained.
 * @returns the settings, and a line for each thing that the file of weights does not say, or that was not understood.
 * @throws UserError that lists everything that is wrong, a line each.
 */
export function resolveTraining(
  request: SettingsRequest,
  reading?: CheckpointReading,
  models: ModelDefinitions = ownModels,
): { readonly resolved: ResolvedSettings; readonly notes: readonly string[] } {
  const layers = askedLayers(request);
  const initFrom = askedValue(layers, 'init_from', models);
  if (typeof initFrom !== 'string') return { resolved: resolveSettings(request, models), notes: [] };
  const start = readWarmStart(initFrom, modelFacts(layers, models), reading, models);
  const { file, recognised } = start;
  const { name } = recognised.model.definition;
  const model = askedValue(layers, 'model', models);
  if (typeof model === 'string' && model !== name)
    throw new UserError(`--init-from ${file}: it holds ${name}, not ${model}, which --model asks for`);
  const resolved = resolveSettings({ ...request, weights: layerOf(start) }, models);
  return {
    resolved,
    notes: [
      ...recognised.assumptions.map((assumption) => `${file} does not say: ${assumption} was taken`),
      ...start.notes,
      ...otherTransforms(start, resolved.settings),
    ],
  };
}

/**
 * Reads the weights that a new training begins with.
 * @param initFrom a model folder or a file.
 * @param given what the file may not say of its model, under the names of a checkpoint's config.
 * @throws UserError where there are none, or they are of none of the models.
 */
function readWarmStart(initFrom: string, given: PlainRecord, reading: CheckpointReading | undefined, models: ModelDefinitions): WarmStart {
  const file = modelFile(initFrom, `--init-from ${initFrom}`);
  const read = readWeights(file, reading);
  const { epoch, config = {} } = read;
  const recognised = recogniseWeights(read.model, { ...given, ...saidOfModel(read) }, `--init-from ${file}`, models);
  const { model } = recognised;
  return {
    file,
    recognised,
    epoch,
    labels: savedLabels(config, model),
    ...savedInputs(config, model, file),
    notes: [...read.notes, ...recognised.notes],
  };
}

/**
 * The weights that the settings name to begin with; undefined where they name none.
 * @param reading which of the file's weights are taken.
 * @param models those that they may be of.
 * @throws UserError where there are none, or they are of another architecture than the settings.
 */
export function warmStartOf(settings: Settings, reading?: CheckpointReading, models: ModelDefinitions = ownModels): WarmStart | undefined {
  if (settings.init_from === null) return undefined;
  const definition = models.get(settings.model);
  const values: Readonly<Record<string, unknown>> = settings;
  const start = readWarmStart(
    settings.init_from,
    factsNotInShapes(definition, (key) => values[key]),
    reading,
    models,
  );
  const { file, recognised } = start;
  const { name } = recognised.model.definition;
  if (name !== settings.model)
    throw new UserError(`--init-from ${file}: it holds ${name}, not the ${settings.model} that is to be trained`);
  const pretrained = definition.pretrained(settings);
  const decidedElsewhere = pretrained === undefined || pretrained.file === file ? [] : pretrained.decides;
  const { transforms = [] } = definition.clipLocation(settings);
  const wanted = withInputs(fixedSettings(definition.fromSettings(settings, { gloss: 1, category: 1 })), transforms);
  const other = [...withInputs(fixedSettings(recognised.model), start.transforms)].filter(
    ([key, value]) => wanted.has(key) && wanted.get(key) !== value && !decidedElsewhere.includes(key),
  );
  if (other.length === 0) return start;
  const isSilent = (key: string): boolean => saysNoInputs(start) && DERIVED_INPUTS.some((name) => name === key);
  const lines = other.map(([key, value]) =>
    isSilent(key)
      ? `${flagOf(key)}: the file does not say that its model sees it; make a folder of it that does (npm run convert -- import ${file} ${flagOf(key)}), and begin with that`
      : `${flagOf(key)}: its weights are of ${String(value)}, found ${String(wanted.get(key))}; leave it out`,
  );
  throw new UserError([`--init-from ${file}: the training's architecture is not that of the weights`, ...lines].join('\n'));
}

/** Weights for a model, and what became of the file's in a line. */
export interface WarmStartWeights {
  readonly values: ParameterValues;
  readonly said: string;
}

/**
 * The file's weights that a model takes: all but the output layers of other classes than its data has, by number or by name.
 * @param labels of the data.
 */
export function warmStartWeights(start: WarmStart, model: Model, labels: LabelNames): WarmStartWeights {
  const { file, epoch } = start;
  const { weights } = start.recognised;
  const anew = (['gloss', 'category'] as const).flatMap((kind) => {
    const reason = otherClasses(kind, start, labels);
    return reason === undefined ? [] : [{ layer: model.outputLayers[kind], reason }];
  });
  const isAnew = (name: string): boolean => anew.some(({ layer }) => name.startsWith(`${layer}.`));
  const values = new Map<string, Float32Array>();
  for (const { name, shape } of model.parameters) {
    const found = weights.get(name);
    if (found === undefined || isAnew(name) || found.shape.join() !== shape.join()) continue;
    values.set(name, found.values);
  }
  const trained = epoch === undefined ? '' : `, epoch ${epoch}`;
  const heads =
    anew.length === 0 ? 'its heads are kept' : `begun anew: ${anew.map(({ layer, reason }) => `${layer} (${reason})`).join(', ')}`;
  return { values, said: `begins with the weights of ${file}${trained}: ${values.size} of its ${weights.size} tensors; ${heads}` };
}

/** Why a head's output layer is none for the data; undefined where it is one. */
function otherClasses(kind: ClassKind, { labels: known, recognised: { model } }: WarmStart, labels: LabelNames): string | undefined {
  const theirs = shownLabels({ labels: known, model });
  if (theirs[kind].length !== labels[kind].length) return `${theirs[kind].length} classes there, ${labels[kind].length} here`;
  const [difference] = differencesOf(kind, { labels: theirs, known: known !== undefined, calledBy: 'the file' }, labels[kind]);
  return difference === undefined ? undefined : `other classes: ${difference}`;
}

/** What the weights settle: the model, its architecture, and what else its definition takes of them. */
function layerOf({ file, recognised: { model }, transforms }: WarmStart): SettingsLayer {
  const { definition } = model;
  const further = { ...definition.settledByTransforms(transforms), ...definition.settledByWeights(model, file) };
  return { source: file, values: { model: definition.name, ...Object.fromEntries(fixedSettings(model)), ...further } };
}

/** What is said where a training sees its clips otherwise than the model did whose weights it begins with. */
function otherTransforms(start: WarmStart, settings: Settings): string[] {
  if (saysNoInputs(start)) return [];
  const {
    file,
    recognised: { model },
    transforms,
  } = start;
  const chosen: Readonly<Record<string, unknown>> = settings;
  return Object.entries(model.definition.settledByTransforms(transforms)).flatMap(([key, value]) =>
    chosen[key] === value ? [] : [`${file} was trained with ${key} ${String(value)}; this training takes ${key} ${String(chosen[key])}`],
  );
}

/** Whether a file leaves open what its model sees: so many numbers a frame as the usual key points have not, which may be computed of them. */
function saysNoInputs({ keypoints, transforms }: WarmStart): boolean {
  return keypoints !== undefined && isUnknownLayout(keypoints) && transforms.length === 0;
}

/** The settings that a model's weights are made for, with their values. */
function fixedSettings({ config, definition: { settings } }: Model): Map<string, unknown> {
  const { values } = understoodSettings(settings, config, 'config');
  return new Map(Object.entries(values).filter(([key]) => settings.fixedByWeights.includes(key)));
}

/** With the inputs that are computed of key points, which decide how many numbers a frame the weights take. */
function withInputs(fixed: ReadonlyMap<string, unknown>, transforms: readonly TransformDescription[]): Map<string, unknown> {
  return new Map<string, unknown>([...fixed, ...Object.entries(derivedInputsOf(transforms))]);
}

/** What settings say of a model that the shapes of its weights may not, under the names of a checkpoint's config: of any of the models, as far as it was asked for. */
export function modelFacts(asked: readonly SettingsLayer[], models: ModelDefinitions): PlainRecord {
  const facts = models.names.map((name) => factsNotInShapes(models.get(name), (key) => askedValue(asked, key, models)));
  return Object.assign({}, ...facts) as PlainRecord;
}

function factsNotInShapes({ notInShapes }: ModelDefinition, valueOf: (setting: string) => unknown): PlainRecord {
  const facts = Object.entries(notInShapes).map(([key, name]) => [name, valueOf(key)] as const);
  return Object.fromEntries(facts.filter(([, value]) => value !== undefined)) as PlainRecord;
}
