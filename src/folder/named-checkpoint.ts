import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../foundation/errors';
import { hasRole } from './contents';
import { ModelFolder, releaseHolding } from './model-folder';

/**
 * The checkpoint that `--model-path` means: a `.pt` file as it is, or of a model folder the `_best.pt`.
 * @param named how it was named, for messages.
 * @throws UserError where there is none.
 */
export function modelFile(modelPath: string, named = `--model-path ${modelPath}`): string {
  if (!existsSync(modelPath)) throw new UserError(`${named}: no such file or folder`);
  return statSync(modelPath).isDirectory() ? new ModelFolder(modelPath).standingCheckpoint(named) : modelPath;
}

/**
 * The checkpoint that `--resume` names: a `.pt` file as it is, or a folder's `_last.pt`.
 * @throws UserError where there is none.
 */
export function checkpointToResume(named: string): string {
  if (!existsSync(named)) throw new UserError(`--resume ${named}: no such file or folder`);
  return statSync(named).isDirectory() ? lastCheckpointOf(named) : named;
}

/** The newest `_last.pt` of the runs in some folders; undefined where there is none. */
export function newestCheckpoint(saveFolders: readonly string[]): string | undefined {
  const checkpoints = saveFolders
    .flatMap(foldersIn)
    .flatMap((folder) => readdirSync(folder).map((name) => path.join(folder, name)))
    .filter((file) => hasRole(file, 'last'))
    .map((file) => ({ file, changed: statSync(file).mtimeMs }))
    .sort((one, other) => other.changed - one.changed);
  return checkpoints[0]?.file;
}

function foldersIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => path.join(folder, name));
}

function lastCheckpointOf(folder: string): string {
  const [found, ...more] = new ModelFolder(folder).checkpointsThere('last');
  if (found === undefined) {
    throw new UserError(
      `--resume ${folder}: the folder holds no checkpoint that ends in _last.pt; name the folder of a run, or a .pt file`,
    );
  }
  if (more.length > 0)
    throw new UserError(`--resume ${folder}: several checkpoints end in _last.pt (${[found, ...more].join(', ')}); name one of them`);
  return path.join(folder, found);
}

/**
 * What a model is called: its folder's name, with the version of a release; or its file's name where the folder tells nothing.
 * @param architecture the class's name in PyTorch, which the checkpoints of a model folder start with
 */
export function titleOfModel(file: string, architecture: string): string {
  const folder = path.basename(path.dirname(path.resolve(file)));
  const name = path.basename(file);
  const release = releaseHolding(file);
  if (release !== undefined && name.startsWith(`${architecture}_`)) {
    return `${path.basename(path.resolve(file, '../../..'))} ${release.version}`;
  }
  return name.startsWith(`${architecture}_`) && folder !== '' ? folder : name;
}
