import { readWeights, type CheckpointReading, type PlainRecord } from '../checkpoint/training-checkpoint';
import { flagOf, type SettingsLayer } from '../config/layers';
import { askedLayers, askedValue, resolveSettings, type ResolvedSettings, type SettingsRequest } from '../config/resolve';
import { modelTable, type ModelName, type Settings } from '../config/settings';
import { understoodSettings } from '../config/understood-settings';
import type { LabelNames } from '../data/clip-set';
import type { ParameterValues } from '../engine/parameters';
import { differencesOf, type ClassKind } from '../evaluation/class-differences';
import { savedLabels, shownLabels } from '../evaluation/load-model';
import { modelFile } from '../folder/model-folder';
import { recogniseWeights, saidOfModel, type FittedModel } from '../evaluation/recognise';
import { UserError } from '../foundation/errors';
import type { Model } from '../models/model';
import { modelEntry } from '../models/model-table';

/** The weights of a trained model, with which a new training begins. */
export interface WarmStart {
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
 * Resolves the settings of a new training. One that begins with the weights of `init_from` takes model and architecture of those where it is not told otherwise.
 * @param reading which of the file's weights are taken.
 * @returns the settings, and a line for each thing that the file of weights does not say, or that was not understood.
 * @throws UserError that lists everything that is wrong, a line each.
 */
export function resolveTraining(
  request: SettingsRequest,
  reading?: CheckpointReading,
): { readonly resolved: ResolvedSettings; readonly notes: readonly string[] } {
  const layers = askedLayers(request);
  const initFrom = askedValue(layers, 'init_from');
  if (typeof initFrom !== 'string') return { resolved: resolveSettings(request), notes: [] };
  const asked = (key: string): unknown => askedValue(layers, key);
  const start = readWarmStart(initFrom, shapeOf(asked('num_heads'), asked('pooling'), asked('transform_input')), reading);
  const { file, recognised } = start;
  const model = asked('model');
  if (typeof model === 'string' && model !== recognised.name)
    throw new UserError(`--init-from ${file}: it holds ${recognised.name}, not ${model}, which --model asks for`);
  return {
    resolved: resolveSettings({ ...request, weights: layerOf(start) }),
    notes: [...recognised.assumptions.map((assumption) => `${file} does not say: ${assumption} was taken`), ...start.notes],
  };
}

/**
 * Reads the weights that a new training begins with.
 * @param initFrom a model folder or a file.
 * @param given what the file may not tell of its model, under the names of a checkpoint's config.
 * @throws UserError where there are none, or they are of none of the models.
 */
function readWarmStart(initFrom: string, given: PlainRecord, reading: CheckpointReading | undefined): WarmStart {
  const file = modelFile(initFrom, `--init-from ${initFrom}`);
  const read = readWeights(file, reading);
  const { epoch, config = {} } = read;
  const recognised = recogniseWeights(read.model, { ...given, ...saidOfModel(read) }, `--init-from ${file}`);
  return { file, recognised, epoch, labels: savedLabels(config, recognised.model), notes: [...read.notes, ...recognised.notes] };
}

/**
 * The weights that the settings name to begin with; undefined where they name none.
 * @param reading which of the file's weights are taken.
 * @throws UserError where there are none, or they are of another architecture than the settings.
 */
export function warmStartOf(settings: Settings, reading?: CheckpointReading): WarmStart | undefined {
  if (settings.init_from === null) return undefined;
  const start = readWarmStart(
    settings.init_from,
    settings.model === 'transformer'
      ? shapeOf(settings.num_heads, settings.pooling, undefined)
      : shapeOf(undefined, undefined, settings.transform_input),
    reading,
  );
  const { file, recognised } = start;
  if (recognised.name !== settings.model)
    throw new UserError(`--init-from ${file}: it holds ${recognised.name}, not the ${settings.model} that is to be trained`);
  const wanted = fixedSettings(settings.model, modelEntry(settings.model).fromSettings(settings, { gloss: 1, category: 1 }));
  const other = [...fixedSettings(recognised.name, recognised.model)].filter(
    ([key, value]) => wanted.has(key) && wanted.get(key) !== value && !(key === 'transform_input' && hasOtherBackbone(settings, file)),
  );
  if (other.length === 0) return start;
  const lines = other.map(
    ([key, value]) => `${flagOf(key)}: its weights are of ${String(value)}, found ${String(wanted.get(key))}; leave it out`,
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

/** What the weights settle: the model, its architecture, and where a backbone comes from that is among them. */
function layerOf({ file, recognised: { name, model } }: WarmStart): SettingsLayer {
  const backbone = model.config['backbone'] === true ? { backbone: file } : {};
  return { source: file, values: { model: name, ...Object.fromEntries(fixedSettings(name, model)), ...backbone } };
}

/** The settings that a model's weights are made for, with their values. */
function fixedSettings(name: ModelName, { config }: Model): Map<string, unknown> {
  const fixed: readonly string[] = modelTable[name].fixedByWeights;
  return new Map(Object.entries(understoodSettings(name, config, 'config').values).filter(([key]) => fixed.includes(key)));
}

function hasOtherBackbone(settings: Settings, file: string): boolean {
  return settings.model === 'iv3_gru' && settings.backbone !== null && settings.backbone !== file;
}

/** What shapes do not tell, under the names of a checkpoint's config; without what is undefined. */
function shapeOf(heads: unknown, pooling: unknown, transformInput: unknown): PlainRecord {
  const shape = { n_heads: heads, pooling_method: pooling, transform_input: transformInput };
  return Object.fromEntries(Object.entries(shape).filter(([, value]) => value !== undefined)) as PlainRecord;
}
