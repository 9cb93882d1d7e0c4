import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { rcompare, valid } from 'semver';
import { UserError } from '../foundation/errors';
import { readRecord } from './model-record';
import { findModel, type RegisteredModel } from './registry';

/** The folder of releases within a model folder. */
const RELEASES_FOLDER = 'releases';

/** A release of a model, as its folder has it. */
export interface NamedRelease {
  readonly version: string;
  readonly folder: string;
}

/** What `NAME` or `NAME@1.0.0` stands for. */
export interface NamedModel {
  readonly model: RegisteredModel;
  /** Undefined where no version was named. */
  readonly release: NamedRelease | undefined;
}

/** The releases in a model folder, the newest first. */
export function releasesIn(folder: string): NamedRelease[] {
  const releases = path.join(folder, RELEASES_FOLDER);
  if (!existsSync(releases)) return [];
  return readdirSync(releases, { withFileTypes: true })
    .flatMap((entry) => {
      const version = entry.name.startsWith('v') ? valid(entry.name.slice(1)) : null;
      return entry.isDirectory() && version !== null ? [{ version, folder: path.join(releases, entry.name) }] : [];
    })
    .sort((one, other) => rcompare(one.version, other.version));
}

/**
 * The model that a user names, and the release where a version is named with it.
 * @throws UserError where there is no such model or release.
 */
export function findNamed(root: string, named: string): NamedModel {
  const at = named.lastIndexOf('@');
  if (at === -1) return { model: findModel(root, named), release: undefined };
  const model = findModel(root, named.slice(0, at));
  const asked = named.slice(at + 1).replace(/^v/, '');
  const releases = releasesIn(model.folder);
  const release = releases.find(({ version }) => version === asked);
  if (release !== undefined) return { model, release };
  const there = releases.length === 0 ? 'it has no releases' : `it has ${releases.map(({ version }) => version).join(', ')}`;
  throw new UserError(`${model.name}: no release ${JSON.stringify(asked.slice(0, 40))}; ${there}`);
}

/** The last release of a model, or of the one that it follows; undefined where neither has any. */
export function lastReleaseFor(root: string, { folder }: RegisteredModel): NamedRelease | undefined {
  const [own] = releasesIn(folder);
  const { follows } = readRecord(folder).run;
  if (own !== undefined || follows === undefined) return own;
  return releasesIn(findModel(root, follows).folder)[0];
}
