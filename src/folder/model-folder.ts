import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { messageOf, UserError } from '../foundation/errors';
import { makeFolders } from '../foundation/folders';

/** What is there of a run from its start: its settings. */
export const CONFIG_FILE = 'config.json';
/** A line an epoch. */
export const LOG_FILE = 'training_log.txt';
/** More of each epoch, a JSON object a line. */
export const METRICS_FILE = 'metrics.jsonl';
/** What it is, its figures, how to load it. */
export const README_FILE = 'README.md';

/** A model folder: where each of its files lies, and who may write into it. */
export class ModelFolder {
  readonly best: string;
  readonly last: string;
  readonly log: string;
  readonly metrics: string;
  readonly config: string;
  readonly readme: string;

  /** @param checkpointName the model's class name in PyTorch, which its checkpoints' names start with. */
  constructor(
    readonly folder: string,
    checkpointName: string,
  ) {
    this.best = path.join(folder, `${checkpointName}_best.pt`);
    this.last = path.join(folder, `${checkpointName}_last.pt`);
    this.log = path.join(folder, LOG_FILE);
    this.metrics = path.join(folder, METRICS_FILE);
    this.config = path.join(folder, CONFIG_FILE);
    this.readme = path.join(folder, README_FILE);
  }
}

/** A folder for a model, and the description in its name. */
export interface NamedFolder {
  readonly folder: string;
  readonly description: string;
}

/**
 * Makes the folder of a new run, `{model}_{description}_{MM-DD}`, and never takes one that is there: then the description becomes `baseline-2`, `baseline-3` …
 * @throws UserError where the folder cannot be made.
 */
export function createRunFolder(saveDir: string, model: string, description: string, date: Date): NamedFolder {
  try {
    makeFolders(saveDir);
    return firstFolder(saveDir, { model, description, date }, makeFolder);
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`--save-dir ${error.message}`, { cause: error });
    throw new UserError(`--save-dir ${saveDir}: no folder can be made there: ${messageOf(error)}`, { cause: error });
  }
}

/** The folder that {@link createRunFolder} would make; nothing is made. */
export function freeRunFolder(saveDir: string, model: string, description: string, date: Date): NamedFolder {
  return firstFolder(saveDir, { model, description, date }, (folder) => !existsSync(folder));
}

/** The first folder that can be taken: `{model}_{description}_{MM-DD}`, then with the description's `-2`, `-3` … */
function firstFolder(
  saveDir: string,
  { model, description, date }: { readonly model: string; readonly description: string; readonly date: Date },
  take: (folder: string) => boolean,
): NamedFolder {
  const month = String(date.getMonth() + 1).padStart(2, '0');
  const day = String(date.getDate()).padStart(2, '0');
  for (let attempt = 1; ; attempt++) {
    const name = attempt === 1 ? description : `${description}-${attempt}`;
    const folder = path.join(saveDir, `${model}_${name}_${month}-${day}`);
    if (take(folder)) return { folder, description: name };
  }
}

/** False where it is there already. */
function makeFolder(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * The checkpoint that `--resume` names: a `.pt` file as it is, or a folder's `_last.pt`.
 * @throws UserError where there is none.
 */
export function checkpointToResume(named: string): string {
  if (!existsSync(named)) throw new UserError(`--resume ${named}: no such file or folder`);
  return statSync(named).isDirectory() ? lastCheckpointOf(named) : named;
}

/**
 * The newest `_last.pt` of the runs in some folders.
 * @throws UserError where there is none.
 */
export function newestCheckpoint(saveFolders: readonly string[]): string {
  const checkpoints = saveFolders
    .flatMap(foldersIn)
    .flatMap((folder) => readdirSync(folder).map((name) => path.join(folder, name)))
    .filter((file) => file.endsWith('_last.pt'))
    .map((file) => ({ file, changed: statSync(file).mtimeMs }))
    .sort((one, other) => other.changed - one.changed);
  const [newest] = checkpoints;
  if (newest === undefined)
    throw new UserError(`--resume: there is no run to go on with in ${saveFolders.join(', ')}; name a folder or a .pt file`);
  return newest.file;
}

function foldersIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => path.join(folder, name));
}

function lastCheckpointOf(folder: string): string {
  const [found, ...more] = readdirSync(folder).filter((name) => name.endsWith('_last.pt'));
  if (found === undefined) {
    throw new UserError(
      `--resume ${folder}: the folder holds no checkpoint that ends in _last.pt; name the folder of a run, or a .pt file`,
    );
  }
  if (more.length > 0)
    throw new UserError(`--resume ${folder}: several checkpoints end in _last.pt (${[found, ...more].join(', ')}); name one of them`);
  return path.join(folder, found);
}

/** The folder of results within a model folder. */
export const RESULTS_FOLDER = 'evaluation_results';
/** The file of a release that says everything about it. */
export const RELEASE_FILE = 'release.json';

/**
 * Where a checkpoint's results are kept: `evaluation_results` beside it. A checkpoint that its folder does not stand for, as a `_last.pt` beside a
 * `_best.pt`, has a folder of its own name, so that none takes another's place; a release's lie in the model's folder, for the release stays as it is.
 */
export function resultsFolderOf(checkpoint: string): string {
  const release = releaseHolding(checkpoint);
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
export function releaseHolding(checkpoint: string): { readonly modelFolder: string; readonly version: string } | undefined {
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
  const release = releaseHolding(file);
  if (release !== undefined && name.startsWith(`${architecture}_`)) {
    return `${path.basename(path.resolve(file, '../../..'))} ${release.version}`;
  }
  return name.startsWith(`${architecture}_`) && folder !== '' ? folder : name;
}
