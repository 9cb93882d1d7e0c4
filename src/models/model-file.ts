import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type * as tsx from 'tsx/cjs/api';
import { UserError, messageOf } from '../foundation/errors';
import { isModelDefinition } from './define-model';
import type { ModelDefinition } from './model';

const MODEL_FILE = /\.[cm]?[jt]s$/;

/** Whether what was given for a model names a file of one's own rather than a model: it ends as TypeScript or JavaScript does. */
export function isModelFile(given: string): boolean {
  return MODEL_FILE.test(given);
}

/**
 * Loads a model of one's own. The file is run: it must be one that the user named, never one that a folder or a checkpoint names.
 * @param file TypeScript or JavaScript, whose default export is what `defineModel` gives.
 * @throws UserError where there is no such file, it cannot be run, or exports no model.
 */
export function loadModelFile(file: string): ModelDefinition {
  const found = path.resolve(file);
  if (!existsSync(found) || !statSync(found).isFile())
    throw new UserError(`${file}: no such file; --model takes a model's name, or the path of a file that defines one`);
  const exported = run(found, file);
  const definition = defaultExportOf(exported);
  if (definition === undefined)
    throw new UserError(`${file}: it has no default export; a model's file says "export default defineModel({ … })"`);
  if (!isModelDefinition(definition))
    throw new UserError(`${file}: its default export is no model; a model's file says "export default defineModel({ … })"`);
  return definition.loadedFrom(file);
}

/** What a file exports, TypeScript being understood while it is run. */
function run(found: string, file: string): unknown {
  const load = createRequire(__filename);
  const { register } = load('tsx/cjs/api') as typeof tsx;
  const unregister = register();
  try {
    return load(found);
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${file}: ${error.message}`, { cause: error });
    throw new UserError(`${file}: it cannot be run: ${messageOf(error).split('\n').slice(0, 2).join(' ')}`, { cause: error });
  } finally {
    unregister();
  }
}

function defaultExportOf(exported: unknown): unknown {
  return typeof exported === 'object' && exported !== null && 'default' in exported ? exported.default : undefined;
}
