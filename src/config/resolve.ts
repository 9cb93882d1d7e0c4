import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { nearestName } from '../foundation/text';
import { UserError } from '../foundation/errors';
import { checkLayer, commandLineSource, locate, shown, type CheckedLayer, type SettingsLayer } from './layers';
import { modelPlaceholder, settingsOf, type KnownModels, type ModelSettings, type Settings } from './model-settings';
import { factsOf, type SettingShape, type SettingProblem } from './setting';
import { readSettingsFile } from './settings-file';

/** What a training was asked for. */
export interface SettingsRequest {
  /** A file of `configs/` without its extension; the model's own where undefined, or its `-demo` where no data is given. */
  readonly preset?: string | undefined;
  /** What `--config` names: a file, or a shipped preset. */
  readonly file?: string | undefined;
  /** What the weights that a training begins with settle: over the preset, under the file. */
  readonly weights?: SettingsLayer | undefined;
  /** What was asked for, over all else. */
  readonly given?: SettingsLayer;
  /** In place of `given`: what was typed, by key or alias: texts, true or false. */
  readonly commandLine?: Readonly<Record<string, unknown>>;
  /** What is set over all of it, as the values of a sweep's trial. */
  readonly further?: readonly SettingsLayer[];
  /** The command's flags that are no settings; only for "did you mean". */
  readonly otherFlags?: readonly string[];
}

/** Where a value came from, and what it took the place of in the preset. */
export interface Origin {
  /** `default`, `command line`, or a file. */
  readonly source: string;
  /** Absent where the value is the preset's, or the default of a key that the preset lacks. */
  readonly instead?: { readonly value: unknown; readonly source: string };
}

/** Settings that are complete and valid, and where each came from. */
export interface ResolvedSettings {
  readonly settings: Settings;
  /** By key. */
  readonly origins: Readonly<Record<string, Origin>>;
}

/** The folder of the presets that are shipped. */
export const presetsFolder = path.resolve(__dirname, '../../configs');

/**
 * Resolves a training's settings: the schema's defaults, under a preset, under the `--config` file, under the command line.
 * @throws UserError that lists everything that is wrong, a line each.
 */
export function resolveSettings(request: SettingsRequest, models: KnownModels): ResolvedSettings {
  const layers = [...(request.weights === undefined ? [] : [request.weights]), ...askedLayers(request)];
  return resolveLayers(
    [request.preset === undefined ? modelPreset(presetFor(layers, models)) : readPreset(request.preset), ...layers],
    models,
  );
}

/** What was asked for beside the presets: the `--config` file, under the command line. @throws UserError where the file cannot be read. */
export function askedLayers({ file, commandLine = {}, otherFlags, given, further = [] }: SettingsRequest): SettingsLayer[] {
  return [
    ...(file === undefined ? [] : [readFileOrPreset(file)]),
    given ?? { source: commandLineSource, values: commandLine, otherFlags: otherFlags ?? [] },
    ...further,
  ];
}

/** The value of a setting that the last layer to give it gives; undefined where none does, or the value is no valid one. */
export function askedValue(layers: readonly SettingsLayer[], key: string, models: KnownModels): unknown {
  const given = layers.map((layer) => models.names.map((name) => checkedLayer(layer, settingsOf(models, name)).get(key)));
  return given.flat().findLast((value) => value !== undefined);
}

/**
 * Resolves settings from any layers, later ones winning: what a resumed run recorded and what was typed, for example.
 * @throws UserError that lists everything that is wrong, a line each.
 */
export function resolveLayers(layers: readonly SettingsLayer[], models: KnownModels): ResolvedSettings {
  const model = chosenModel(layers, models);
  const known = settingsOf(models, model);
  const { shape } = known.schema;
  const checked = layers.map((layer) => checkLayer(layer, shape, otherOwnerOf(model, models)));
  const problems = checked.flatMap((layer) => layer.problems);
  if (problems.length > 0) throw new UserError(problems.join('\n'));

  const merged = mergeLayers(checked, shape);
  const settled = known.settle(Object.fromEntries(merged.values));
  if (settled.problems.length > 0) {
    const lines = settled.problems.map((problem) => {
      const { key, text } = lastGiven(problem, merged, checked);
      return `${locateOrigin(merged.origins.get(key), key)}: ${text}`;
    });
    throw new UserError(lines.join('\n'));
  }
  const settings = { ...settled.settings, save_dir: settled.settings.save_dir.replaceAll(modelPlaceholder, model) };
  return { settings, origins: Object.fromEntries(merged.origins) };
}

/** Of the settings that take part in a problem, the one that the later layer gave: what was typed is to blame, and not the preset that it does not fit. */
function lastGiven(problem: SettingProblem, { origins }: Merged, layers: readonly CheckedLayer[]): Omit<SettingProblem, 'or'> {
  const layerOf = (key: string): number => layers.findLastIndex(({ source }) => source === origins.get(key)?.source);
  return problem.or !== undefined && layerOf(problem.or.key) > layerOf(problem.key) ? problem.or : problem;
}

/** One line for every value that a file or the command line put in another's place: `lr 0.0003 (command line; configs/transformer.json: 0.0001)`. */
export function describeOverrides({ settings, origins }: ResolvedSettings): string[] {
  return Object.entries(settings).flatMap(([key, value]) => {
    const origin = origins[key];
    if (origin?.instead === undefined || origin.instead.value === value) return [];
    return [`${key} ${valueText(value)} (${origin.source}; ${origin.instead.source}: ${valueText(origin.instead.value)})`];
  });
}

/**
 * Reads a shipped preset.
 * @throws UserError where there is none of that name.
 */
export function readPreset(name: string): SettingsLayer {
  return readSettingsFile(path.join(presetsFolder, `${path.basename(name)}.json`), `configs/${path.basename(name)}.json`);
}

/**
 * Reads what `--config` names: a file of settings, or a shipped preset by its name, as `transformer-strong`.
 * @throws UserError where it is neither, or cannot be read.
 */
export function readFileOrPreset(named: string): SettingsLayer {
  const isName = path.basename(named) === named && path.extname(named) === '' && !existsSync(named);
  if (!isName) return readSettingsFile(named);
  const shipped = shippedPresets();
  if (shipped.includes(named)) return readPreset(named);
  const nearest = nearestName(named, shipped);
  throw new UserError(
    `${named}: no such file, and no preset of that name; ${nearest === undefined ? `the presets are ${shipped.join(', ')}` : `did you mean ${nearest}?`}`,
  );
}

/** The names of the presets that are shipped. */
export function shippedPresets(): string[] {
  return readdirSync(presetsFolder)
    .filter((file) => file.endsWith('.json') && file !== 'schema.json')
    .map((file) => path.basename(file, '.json'))
    .sort();
}

/** The preset of a model, as `transformer` or `transformer-demo`; an empty one for a model of one's own, which brings its defaults with its settings. */
export function modelPreset(name: string): SettingsLayer {
  return existsSync(path.join(presetsFolder, `${path.basename(name)}.json`)) ? readPreset(name) : { source: 'default', values: {} };
}

interface Merged {
  readonly values: ReadonlyMap<string, unknown>;
  readonly origins: ReadonlyMap<string, Origin>;
}

/** Puts layers over the defaults; the first one is the base that the others' origins refer to. */
function mergeLayers(layers: readonly CheckedLayer[], shape: SettingShape): Merged {
  const values = new Map<string, unknown>();
  const origins = new Map<string, Origin>();
  for (const [key, schema] of Object.entries(shape)) {
    const [first] = layers;
    const inFirst = first?.values.has(key) === true;
    const base = inFirst ? { source: first.source, value: first.values.get(key) } : { source: 'default', value: factsOf(schema).default };
    const last = layers.slice(1).findLast((layer) => layer.values.has(key));
    values.set(key, last === undefined ? base.value : last.values.get(key));
    origins.set(key, last === undefined ? { source: base.source } : { source: last.source, instead: base });
  }
  return { values, origins };
}

/** The model that the last layer to name one names. */
function chosenModel(layers: readonly SettingsLayer[], models: KnownModels): string {
  const { names } = models;
  const layer = layers.findLast(({ values }) => values['model'] !== undefined);
  if (layer === undefined) return models.defaultName;
  const model = layer.values['model'];
  if (typeof model === 'string' && models.find(model) !== undefined) return model;
  const definedIn = fileOfModel(layer);
  if (definedIn !== undefined)
    throw new UserError(
      `${locate(layer.source, 'model')}: ${shown(model)} is a model of one's own; give the file that defines it, as --model ${definedIn}`,
    );
  const nearest = nearestName(String(model), names);
  const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`;
  throw new UserError(`${locate(layer.source, 'model')}: expected ${names.join(' or ')}, found ${shown(model)}${hint}`);
}

/** The file that defined a model of one's own, as a config.json tells it: for a message, it is not looked into. */
function fileOfModel({ values: { run } }: SettingsLayer): string | undefined {
  const file = typeof run === 'object' && run !== null && 'model_file' in run ? run.model_file : undefined;
  return typeof file === 'string' ? shown(file) : undefined;
}

/** The preset of the chosen model: its `-demo` where no layer says where data is. */
function presetFor(layers: readonly SettingsLayer[], models: KnownModels): string {
  const model = chosenModel(layers, models);
  const known = settingsOf(models, model);
  const given = layers.some((layer) => {
    const values = checkedLayer(layer, known);
    return known.dataSources.some((key) => (values.get(key) ?? null) !== null);
  });
  return given ? model : `${model}-demo`;
}

function checkedLayer(layer: SettingsLayer, { schema }: ModelSettings): ReadonlyMap<string, unknown> {
  return checkLayer(layer, schema.shape, () => undefined).values;
}

/** Finds the other model that a key is a setting of. */
function otherOwnerOf(model: string, models: KnownModels): (key: string) => string | undefined {
  return (key) => models.names.find((other) => other !== model && Object.hasOwn(settingsOf(models, other).schema.shape, key));
}

function locateOrigin(origin: Origin | undefined, key: string): string {
  return locate(origin?.source ?? 'default', key);
}

function valueText(value: unknown): string {
  return value === null ? 'none' : shown(value);
}
