import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../foundation/errors';

/** The folder of results within a model folder. */
export const RESULTS_FOLDER = 'evaluation_results';
/** The file of a release that says everything about it. */
export const RELEASE_FILE = 'release.json';

/**
 * Where a checkpoint's results are kept: `evaluation_results` beside it. A checkpoint that its folder does not stand for, as a `_last.pt` beside a
 * `_best.pt`, has a folder of its own name, so that none takes another's place; a release's lie in the model's folder, for the release stays as it is.
 */
export function resultsFolderOf(checkpoint: string): string {
  const release = releaseOf(checkpoint);
  if (release !== undefined && existsSync(path.join(path.dirname(checkpoint), RELEASE_FILE)))
    return path.join(release.modelFolder, `${RESULTS_FOLDER}_${release.version}`);
  const folder = path.dirname(checkpoint);
  return path.join(folder, isFoldersOwn(checkpoint, folder) ? RESULTS_FOLDER : `${RESULTS_FOLDER}_${path.parse(checkpoint).name}`);
}

function isFoldersOwn(checkpoint: string, folder: string): boolean {
  try {
    return path.resolve(modelFile(folder)) === path.resolve(checkpoint);
  } catch {
    return false;
  }
}

/**
 * The checkpoint that `--model-path` means: a `.pt` file as it is, or of a model folder the `_best.pt`.
 * @param named how it was named, for messages.
 * @throws UserError where there is none.
 */
export function modelFile(modelPath: string, named = `--model-path ${modelPath}`): string {
  if (!existsSync(modelPath)) throw new UserError(`${named}: no such file or folder`);
  if (!statSync(modelPath).isDirectory()) return modelPath;
  const checkpoints = readdirSync(modelPath).filter((name) => name.endsWith('.pt'));
  const [best, ...more] = checkpoints.filter((name) => name.endsWith('_best.pt'));
  const found = best ?? (checkpoints.length === 1 ? checkpoints[0] : undefined);
  if (found === undefined || more.length > 0) {
    const there = checkpoints.length === 0 ? 'no .pt file' : checkpoints.join(', ');
    throw new UserError(`${named}: expected one checkpoint that ends in _best.pt, found ${there}; name a model folder or a .pt file`);
  }
  return path.join(modelPath, found);
}

/** The release of a model folder that a checkpoint lies in, as `{model folder}/releases/v1.1.0/SignTransformer_production.pt`; undefined where it lies in none. */
export function releaseOf(checkpoint: string): { readonly modelFolder: string; readonly version: string } | undefined {
  const folder = path.dirname(path.resolve(checkpoint));
  const version = path.basename(folder);
  const releases = path.dirname(folder);
  if (path.basename(releases) !== 'releases' || !/^v\d+\.\d+\.\d+$/.test(version)) return undefined;
  return { modelFolder: path.join(path.dirname(checkpoint), '../..'), version };
}

/**
 * What a model is called: its folder's name, with the version of a release; or its file's name where the folder tells nothing.
 * @param architecture the class's name in PyTorch, which the checkpoints of a model folder start with
 */
export function titleOfModel(file: string, architecture: string): string {
  const folder = path.basename(path.dirname(path.resolve(file)));
  const name = path.basename(file);
  const release = releaseOf(file);
  if (release !== undefined && name.startsWith(`${architecture}_`)) {
    return `${path.basename(path.resolve(file, '../../..'))} ${release.version}`;
  }
  return name.startsWith(`${architecture}_`) && folder !== '' ? folder : name;
}
