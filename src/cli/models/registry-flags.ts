import path from 'node:path';
import { UserError } from '../../foundation/errors';
import { optionalText, type FlagTable } from '../flags';

/** Where models are kept unless `--root` says otherwise. */
export const DEFAULT_ROOT = 'trained_models';

/** The flag of all commands that keep models in order. */
export const registryFlags = {
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
 * The one thing that is typed besides flags.
 * @throws UserError where there is none, or more than one.
 */
export function onlyName(positionals: readonly string[], command: string): string {
  const [name, ...more] = positionals;
  if (name !== undefined && name !== '' && more.length === 0) return name;
  const found = positionals.length === 0 ? 'nothing' : positionals.join(' ');
  throw new UserError(`${command}: expected one name of a model, found ${found}; npm run models -- list shows them`);
}

/** What must be typed again where the registry is not the usual one. */
export function rootFlag(typed: Readonly<Record<string, unknown>>): string {
  return typed['root'] === undefined ? '' : ` --root ${rootOf(typed)}`;
}
