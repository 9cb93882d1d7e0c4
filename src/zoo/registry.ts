import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../foundation/errors';
import { nearestName } from '../foundation/text';
import { parseFolderName, refuseHostileName } from '../folder/folder-name';
import { ownModels } from '../models/model-table';

/** Where archived models are kept, within the registry. */
export const ARCHIVE_FOLDER = 'archive';

/** A folder of the registry that should hold a model. */
export interface RegisteredModel {
  readonly name: string;
  readonly folder: string;
}

/**
 * The model folders of a registry, by their paths: those in its folders of types (`{root}/transformer/…`), and those that lie in it directly. Hidden folders and the
 * archive are none.
 * @throws UserError where there is no such registry.
 */
export function modelsIn(root: string): RegisteredModel[] {
  return registryFolders(root).flatMap((folder) => {
    if (isModelFolder(folder)) return [{ name: path.basename(folder), folder }];
    return foldersIn(folder).map((inner) => ({ name: path.basename(inner), folder: inner }));
  });
}

/**
 * The model that a user names: by its folder's name, or by the folder's path.
 * @throws UserError where it is not in the registry, or its name stands for no folder.
 */
export function findModel(root: string, named: string): RegisteredModel {
  const models = modelsIn(root);
  const asPath = named.includes('/') || named.includes(path.sep);
  if (!asPath) refuseHostileName(named, 'the name of a model');
  const found = asPath
    ? models.find(({ folder }) => path.resolve(folder) === path.resolve(named))
    : models.find(({ name }) => name === named);
  if (found !== undefined) return found;
  const nearest = nearestName(
    path.basename(named),
    models.map(({ name }) => name),
  );
  if (!asPath && existsSync(path.join(root, ARCHIVE_FOLDER, `${named}.json`)))
    throw new UserError(`${named}: it is archived; npm run models -- restore ${named} brings it back`);
  const hint = nearest === undefined ? `npm run models -- list shows those that are there` : `did you mean ${nearest}?`;
  throw new UserError(`${named}: ${root} holds no such model; ${hint}`);
}

/**
 * For those who have just got a model's lock: whoever had it before may have taken the model away.
 * @throws UserError where its folder is gone.
 */
export function refuseGone({ name, folder }: RegisteredModel): void {
  if (!existsSync(folder))
    throw new UserError(`${name}: no such folder any more: another process archived, renamed or removed it meanwhile`);
}

/** The folders directly within the registry, without the archive. */
function registryFolders(root: string): string[] {
  if (!existsSync(root) || !statSync(root).isDirectory()) {
    throw new UserError(`${root}: no such folder; a training makes it, or name another registry with --root`);
  }
  return foldersIn(root).filter((folder) => path.basename(folder) !== ARCHIVE_FOLDER);
}

/** Whether a folder in the registry's root is a model itself and no folder of a type. */
function isModelFolder(folder: string): boolean {
  return parseFolderName(path.basename(folder), ownModels.names) !== undefined || existsSync(path.join(folder, 'config.json'));
}

function foldersIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => path.join(folder, name))
    .sort();
}
