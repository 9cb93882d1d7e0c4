import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import type { ModelRecord } from '../../folder/config-file';
import { RELEASES_FOLDER } from '../release/release-record';
import { checkpointFit, type CheckpointFit } from './checkpoint-fit';
import { problem, type FolderFinding } from './finding';

/** A checkpoint of a model folder. */
export interface FoundCheckpoint {
  /** Its path within the folder. */
  readonly file: string;
  readonly fit: CheckpointFit;
}

/** Every checkpoint of the folder and of its releases; one that has two names is opened once. */
export function checkpointsOf(folder: string, record: ModelRecord | undefined): FoundCheckpoint[] {
  const opened = new Map<string, CheckpointFit>();
  const releases = path.join(folder, RELEASES_FOLDER);
  const released = existsSync(releases)
    ? readdirSync(releases).flatMap((name) =>
        checkpointNames(path.join(releases, name)).map((file) => `${RELEASES_FOLDER}/${name}/${file}`),
      )
    : [];
  return [...checkpointNames(folder), ...released].map((file) => {
    const { dev, ino } = statSync(path.join(folder, file));
    // A release may be of an earlier state of the folder, whose config.json says what it is now.
    const fit = opened.get(`${dev}:${ino}`) ?? checkpointFit(path.join(folder, file), file.includes('/') ? undefined : record);
    opened.set(`${dev}:${ino}`, fit);
    return { file, fit: file.includes('/') ? ofSameModel(fit, record) : fit };
  });
}

/** Whatever state it is of, a release is of the model that its folder is of. */
function ofSameModel(fit: CheckpointFit, record: ModelRecord | undefined): CheckpointFit {
  if (record === undefined || fit.model === undefined || fit.model === record.model || fit.problems.length > 0) return fit;
  return { ...fit, problems: [`it holds ${fit.model}, config.json says ${record.model}`] };
}

function checkpointNames(folder: string): string[] {
  if (!statSync(folder).isDirectory()) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.pt') && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .sort();
}

/** What keeps checkpoints from being used, or from being those of their folder. */
export function unfitFindings(checkpoints: readonly FoundCheckpoint[]): FolderFinding[] {
  return checkpoints.flatMap(({ file, fit }) =>
    fit.problems.map((what) => problem(file, what, 'put back the checkpoint that belongs here')),
  );
}
