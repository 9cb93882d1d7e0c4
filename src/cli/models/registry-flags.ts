import path from 'node:path';
import { UserError } from '../../foundation/errors';
import type { ModelDefinitions } from '../../models/model-table';
import { optionalText, type FlagTable } from '../flags';
import { modelsGiven, ownModelFlag, ownModelFlags } from '../own-models';

/** Where models are kept unless `--root` says otherwise. */
export const DEFAULT_ROOT = 'trained_models';

/** The flags of all commands that keep models in order. */
export const registryFlags = {
  ...ownModelFlags,
  root: {
    string: true,
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
