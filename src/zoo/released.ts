import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** The folder of releases within a model folder. */
export const RELEASES_FOLDER = 'releases';
/** What a promotion found of its checkpoint. */
export const PRODUCTION_FILE = 'production.json';

/** The folders of a model's releases, as `v1.1.0`. */
export function releasesIn(folder: string): string[] {
  const releases = path.join(folder, RELEASES_FOLDER);
  if (!existsSync(releases)) return [];
  return readdirSync(releases, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .sort();
}

/** The checkpoint that a promotion wrote into a model folder; undefined where there is none. */
export function productionCheckpointIn(folder: string): string | undefined {
  const name = readdirSync(folder).find((file) => file.endsWith('_production.pt'));
  return name === undefined ? undefined : path.join(folder, name);
}
