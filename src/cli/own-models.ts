import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readSettingsFile } from '../config/settings-file';
import { UserError } from '../foundation/errors';
import { shellWord } from '../foundation/text';
import type { ModelDefinition } from '../models/model';
import { isModelFile, loadModelFile } from '../models/model-file';
import { ownModels, type ModelDefinitions } from '../models/model-table';
import type { FlagTable } from './flags';

/** The models that a command knows, and the one that was named to it. */
export interface GivenModels {
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
