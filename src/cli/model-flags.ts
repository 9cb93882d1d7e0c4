import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readSettingsFile } from '../config/settings-file';
import { UserError } from '../foundation/errors';
import { shellWord } from '../foundation/text';
import type { ModelDefinition } from '../models/model';
import { isModelFile, loadModelFile } from '../models/model-file';
import { ownModels, type ModelDefinitions } from '../models/model-table';
import { type FlagTable, optionalText } from './flags';

/** The models that a command knows, and the one that was named to it. */
interface GivenModels {
  readonly models: ModelDefinitions;
  /** The model that `--model` names by its file; undefined where it names one by its name, or none. */
  readonly given: ModelDefinition | undefined;
}

/** The flag that names a model of one's own to commands that read a trained one. */
export const ownModelFlags = {
  model: { string: true, group: 'Model:', description: 'The file of a model of your own, as ./my-model.ts, where it is of one.' },
} as const satisfies FlagTable;

/** What names a model of one's own to a command that is suggested: nothing else may load its code. */
export function ownModelFlag(file: string | undefined): string {
  return file === undefined ? '' : ` --model ${shellWord(file)}`;
}

const projectSchema = z.looseObject({ kumpas: z.looseObject({ models: z.array(z.string()).optional() }).optional() });

/**
 * The models of Kumpas with those of one's own: of the file that `--model` names, and of the files that the package.json of the folder one works in lists under
 * `"kumpas": { "models": ["./my-model.ts"] }`. No other file is ever run.
 * @param named what was typed after `--model`.
 * @throws UserError where such a file is not there or defines no model, or a model is called as another one is.
 */
export function modelsGiven(named: unknown, folder: string = process.cwd()): GivenModels {
  const given = typeof named === 'string' && isModelFile(named) ? loadModelFile(named) : undefined;
  const listed = listedFiles(folder).filter((file) => given?.file === undefined || path.resolve(file) !== path.resolve(given.file));
  return { models: ownModels.with([...(given === undefined ? [] : [given]), ...listed.map(loadModelFile)]), given };
}

function listedFiles(folder: string): string[] {
  const file = path.join(folder, 'package.json');
  if (!existsSync(file)) return [];
  const project = projectSchema.safeParse(readSettingsFile(file).values);
  if (!project.success) throw new UserError(`${file}: expected "kumpas": { "models": ["./my-model.ts"] }`);
  return (project.data.kumpas?.models ?? []).map((listed) => path.relative(process.cwd(), path.resolve(folder, listed)));
}

/** Where models are kept unless `--root` says otherwise. */
const DEFAULT_ROOT = 'trained_models';

/** The flags of all commands that keep models in order. */
export const registryFlags = {
  ...ownModelFlags,
  root: {
    string: true,
    alias: 'save-dir',
    group: 'Registry:',
    description: 'The registry: the folder that holds the model folders.',
    defaultDescription: DEFAULT_ROOT,
  },
} as const satisfies FlagTable;

/** @throws UserError where the flag was given without a value. */
export function rootOf(typed: Readonly<Record<string, unknown>>): string {
  const root = path.normalize(optionalText(typed, 'root') ?? DEFAULT_ROOT);
  return root.length > 1 ? root.replace(/[/\\]+$/, '') : root;
}

/**
 * The models that checkpoints of the registry may be of: those of Kumpas with those of one's own that were given.
 * @throws UserError for a `--model` that is no file of a model.
 */
export function modelsOf(typed: Readonly<Record<string, unknown>>): ModelDefinitions {
  const named = optionalText(typed, 'model');
  const { models, given } = modelsGiven(named);
  if (named !== undefined && given === undefined && models.find(named) === undefined)
    throw new UserError(`--model: expected the file of a model of your own, as ./my-model.ts, found "${named}"`);
  return models;
}

/** What a command of the registry was told of models of one's own. */
export interface GivenInRegistry {
  /** The models that checkpoints may be of; those of Kumpas where absent. */
  readonly models?: ModelDefinitions | undefined;
  /** What must be typed to another command too, as ` --model ./my-model.ts`. */
  readonly ownModel?: string | undefined;
}

/** What must be typed to another command too where a model of one's own was given. */
export function modelFlag(typed: Readonly<Record<string, unknown>>): string {
  return ownModelFlag(modelsGiven(optionalText(typed, 'model')).given?.file);
}

/**
 * The one thing that is typed besides flags.
 * @throws UserError where there is none, or more than one.
 */
export function onlyName(positionals: readonly string[], command: string): string {
  const [name, ...more] = positionals;
  if (name !== undefined && name !== '' && more.length === 0) return name;
  const found = positionals.length === 0 ? 'nothing' : positionals.join(' ');
  throw new UserError(`${command}: expected one name of a model, found ${found}; npm run models -- list shows them`);
}

/** What must be typed again where the registry is not the usual one, or a model of one's own was given. */
export function rootFlag(typed: Readonly<Record<string, unknown>>): string {
  return `${typed['root'] === undefined ? '' : ` --root ${rootOf(typed)}`}${modelFlag(typed)}`;
}

/**
 * The path of a model that was typed by its path, or by its name in the registry: `transformer_baseline_09-20`, `transformer_baseline_09-20@1.0.0`.
 * @throws UserError for a name that the registry does not have.
 */
export async function pathOfModel(named: string): Promise<string> {
  const isName = !/[/\\]/.test(named) && !/\.(pt|pth|ckpt|bin|safetensors)$/.test(named) && named !== '.' && named !== '..';
  if (!isName || existsSync(named) || !existsSync(DEFAULT_ROOT)) return named;
  const { findModelOrRelease } = await import('../zoo/registered-models.js'); // Most commands name a path: they do not wait for the registry to be loaded.
  const { model, release } = findModelOrRelease(path.normalize(DEFAULT_ROOT), named);
  return release?.folder ?? model.folder;
}
