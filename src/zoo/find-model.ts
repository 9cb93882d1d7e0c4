import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { parseFolderName, refuseHostileName } from '../folder/folder-name';
import { ModelFolder } from '../folder/model-folder';
import { UserError } from '../foundation/errors';
import { nearestName } from '../foundation/text';
import { ownModels, type ModelDefinitions } from '../models/model-table';
import { releasedVersions, releaseFolder, compareVersions } from './release/release-record';

/** Where archived models are kept, within the registry. */
export const ARCHIVE_FOLDER = 'archive';

/** A folder of the registry that should hold a model. */
export interface RegisteredModel {
  readonly name: string;
  readonly folder: string;
  /** The models that its checkpoints may be of; those of Kumpas where absent. */
  readonly models?: ModelDefinitions | undefined;
}

/**
 * The model folders of a registry, by their paths: those in its folders of types (`{root}/transformer/…`), and those that lie in it directly. Hidden folders and the
 * archive are none.
 * @param models those that checkpoints may be of.
 * @throws UserError where there is no such registry.
 */
export function modelsIn(root: string, models: ModelDefinitions | undefined = ownModels): RegisteredModel[] {
  return registryFolders(root).flatMap((folder) => {
    const found = isModelFolder(folder, models) ? [folder] : foldersIn(folder);
    return found.map((inner) => ({ name: path.basename(inner), folder: inner, models }));
  });
}

/**
 * The model that a user names: by its folder's name, or by the folder's path.
 * @param known the models that checkpoints may be of; those of Kumpas where absent.
 * @throws UserError where it is not in the registry, or its name stands for no folder.
 */
export function findModel(root: string, named: string, known?: ModelDefinitions): RegisteredModel {
  const models = modelsIn(root, known);
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
function isModelFolder(folder: string, models: ModelDefinitions): boolean {
  return parseFolderName(path.basename(folder), models.names) !== undefined || new ModelFolder(folder).hasConfig();
}

function foldersIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => path.join(folder, name))
    .sort();
}

/** A release of a model, as its folder has it. */
export interface ReleaseFolder {
  readonly version: string;
  readonly folder: string;
}

/** What `NAME` or `NAME@1.0.0` stands for. */
export interface ModelReference {
  readonly model: RegisteredModel;
  /** Undefined where no version was named. */
  readonly release: ReleaseFolder | undefined;
}

/** The releases in a model folder, the newest first. */
export function releaseFolders(folder: string): ReleaseFolder[] {
  return releasedVersions(folder)
    .toReversed()
    .map((version) => ({ version, folder: releaseFolder(folder, version) }));
}

/**
 * The model that a user names, and the release where a version is named with it.
 * @throws UserError where there is no such model or release.
 */
export function findModelOrRelease(root: string, named: string, known?: ModelDefinitions): ModelReference {
  const [, name, version] = /^(.*)@v?(\d[^/]*)$/.exec(named) ?? [];
  if (name === undefined || version === undefined) return { model: findModel(root, named, known), release: undefined };
  const model = findModel(root, name, known);
  const releases = releaseFolders(model.folder);
  const release = releases.find((candidate) => candidate.version === version);
  if (release !== undefined) return { model, release };
  const there = releases.length === 0 ? 'it has no releases' : `it has ${releases.map((made) => made.version).join(', ')}`;
  throw new UserError(`${model.name}: no release ${JSON.stringify(version.slice(0, 40))}; ${there}`);
}

/** What a model is compared with unless told otherwise, and what it is called. */
export interface ReleasedBaseline {
  readonly title: string;
  readonly folder: string;
}

/**
 * The release that a model goes on from: of one of its releases the one before, else its last, or the last of the model that it follows; undefined where there is
 * none.
 * @throws UserError where the model that it follows is not in the registry.
 */
export function releaseBefore(root: string, { model, release }: ModelReference): ReleasedBaseline | undefined {
  const own = releaseFolders(model.folder);
  const [before] = release === undefined ? own : own.filter(({ version }) => compareVersions(version, release.version) < 0);
  if (before !== undefined) return titled(model, before);
  const { follows } = new ModelFolder(model.folder).readConfig().run;
  if (follows === undefined) return undefined;
  const followed = findModel(root, follows, model.models);
  const [last] = releaseFolders(followed.folder);
  return last === undefined ? undefined : titled(followed, last);
}

function titled({ name }: RegisteredModel, { version, folder }: ReleaseFolder): ReleasedBaseline {
  return { title: `${name}@${version}`, folder };
}

/** The folder that a named model or release has, and what it is called. */
export function placeOf({ model, release }: ModelReference): ReleasedBaseline {
  return release === undefined ? { title: model.name, folder: model.folder } : titled(model, release);
}
