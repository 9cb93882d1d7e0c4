import { UserError } from '../../foundation/errors';
import { readRecord } from '../../folder/config-file';
import { findModel, type RegisteredModel } from '../registry';
import { releasedVersions, releaseFolder } from './release-record';
import { compareVersions } from './version';

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
export function findModelOrRelease(root: string, named: string): ModelReference {
  const [, name, version] = /^(.*)@v?(\d[^/]*)$/.exec(named) ?? [];
  if (name === undefined || version === undefined) return { model: findModel(root, named), release: undefined };
  const model = findModel(root, name);
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
  const { follows } = readRecord(model.folder).run;
  if (follows === undefined) return undefined;
  const followed = findModel(root, follows);
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
