import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { replaceText } from '../foundation/atomic-file';
import { UserError } from '../foundation/errors';
import { lockFolder, withFolderLock, type FolderLock } from '../foundation/folder-lock';
import { keepFolder, type KeptFolder } from '../foundation/folders';
import { readTextIfThere } from '../foundation/regular-file';
import {
  changeRun,
  configText,
  readConfig,
  registryFactsIn,
  type ImportRecord,
  type ModelRecord,
  type RegistryFacts,
  type RunRecord,
} from './config-file';
import { FOLDER_FILES, RELEASE_FILE, RESULT_FILES, hasRole, checkpointFile, PYTORCH_LOG_FILE, type CheckpointRole } from './contents';
import { LARGEST_PAGE, pageInPlaceOf, withFigures, type Page } from './readme';

/**
 * A trained model's folder: where its files lie, its `config.json`, the parts of its README.md that commands write, and who may write into it. Making one touches
 * no disk.
 */
export class ModelFolder {
  readonly name: string;
  readonly config: string;
  readonly readme: string;
  readonly log: string;
  readonly metrics: string;
  readonly changelog: string;
  readonly releases: string;
  /** The results of the checkpoint that the folder stands for. */
  readonly results: string;

  constructor(readonly folder: string) {
    this.name = path.basename(folder);
    this.config = path.join(folder, FOLDER_FILES.config);
    this.readme = path.join(folder, FOLDER_FILES.readme);
    this.log = path.join(folder, FOLDER_FILES.log);
    this.metrics = path.join(folder, FOLDER_FILES.metrics);
    this.changelog = path.join(folder, FOLDER_FILES.changelog);
    this.releases = path.join(folder, FOLDER_FILES.releases);
    this.results = path.join(folder, FOLDER_FILES.results);
  }

  /** The model folder that a checkpoint belongs to: the one that it lies in, of a release the model's own. */
  static holding(checkpoint: string): ModelFolder {
    const inRelease = existsSync(path.join(path.dirname(checkpoint), RELEASE_FILE));
    const release = inRelease ? releaseHolding(checkpoint) : undefined;
    return new ModelFolder(release?.modelFolder ?? path.dirname(checkpoint));
  }

  /** Whether it says what its model is. */
  hasConfig(): boolean {
    return existsSync(this.config);
  }

  /**
   * What its `config.json` says.
   * @throws UserError where that is not there, or none that a training or an import wrote.
   */
  readConfig(): ModelRecord {
    return readConfig(this.config);
  }

  writeConfig(record: RunRecord | ImportRecord): void {
    replaceText(this.config, configText(record));
  }

  /** What the registry keeps in its `config.json`; nothing where there is none, or it cannot be read. */
  registryFacts(): RegistryFacts {
    return registryFactsIn(this.config);
  }

  /**
   * Changes what the registry keeps in its `config.json`; all else stays. A fact that is set to undefined goes.
   * @throws UserError as {@link readConfig}.
   */
  updateRegistryFacts(facts: RegistryFacts): void {
    changeRun(this.config, facts);
  }

  /**
   * Writes another name, and another place, into its `config.json`; all else stays.
   * @throws UserError as {@link readConfig}.
   */
  recordName(name: string, place: string): void {
    changeRun(this.config, { name, folder: place });
  }

  /** The file that a checkpoint of a role has, or would have, where the model's class in PyTorch is of a name. */
  checkpoint(role: CheckpointRole, checkpointName: string): string {
    return path.join(this.folder, checkpointFile(checkpointName, role));
  }

  /** The names of the checkpoints of a role that lie directly in it. */
  checkpointsThere(role: CheckpointRole): string[] {
    return readdirSync(this.folder).filter((name) => hasRole(name, role));
  }

  /**
   * The checkpoint that it stands for: its `_best.pt`, or the only one that it has.
   * @param named how it was named, for messages.
   * @throws UserError where there is none, or several could be meant.
   */
  standingCheckpoint(named: string): string {
    const checkpoints = readdirSync(this.folder).filter((name) => name.endsWith('.pt'));
    const [best, ...more] = checkpoints.filter((name) => hasRole(name, 'best'));
    const found = best ?? (checkpoints.length === 1 ? checkpoints[0] : undefined);
    if (found === undefined || more.length > 0) {
      const there = checkpoints.length === 0 ? 'no .pt file' : checkpoints.join(', ');
      throw new UserError(`${named}: expected one checkpoint that ends in _best.pt, found ${there}; name a model folder or a .pt file`);
    }
    return path.join(this.folder, found);
  }

  /** Its log, or that of the PyTorch pipeline; undefined where neither lies in it. */
  logThere(): string | undefined {
    return [this.log, path.join(this.folder, PYTORCH_LOG_FILE)].find((file) => existsSync(file));
  }

  /**
   * Where a checkpoint's results are kept: `evaluation_results`. A checkpoint that the folder does not stand for, as a `_last.pt` beside a `_best.pt`, has a folder
   * of its own name, so that none takes another's place; so has a release, which itself stays as it is.
   * @param checkpoint one that belongs to the folder, as {@link holding} says.
   */
  resultsOf(checkpoint: string): string {
    const release = releaseHolding(checkpoint);
    if (release !== undefined && path.dirname(checkpoint) !== this.folder) return `${this.results}_${release.version}`;
    return this.standsFor(checkpoint) ? this.results : `${this.results}_${path.parse(checkpoint).name}`;
  }

  /** The file of its results that a program reads. */
  get evaluation(): string {
    return path.join(this.results, RESULT_FILES.document);
  }

  /**
   * Writes its README.md. What a person wrote into the old one between marks stays; a page without any sign of Kumpas is kept whole, among the notes.
   */
  writeReadme(page: Page): { readonly changed: boolean; readonly tookOver: boolean } {
    const old = readTextIfThere(this.readme, LARGEST_PAGE) ?? '';
    const { text, tookOver } = pageInPlaceOf(old, page);
    if (text !== old) replaceText(this.readme, text);
    return { changed: text !== old, tookOver };
  }

  /**
   * Puts other figures into its README.md, where there is one with a place for them. What a person wrote among the figures stays, below them.
   * @param lines are asked for only where there is such a place.
   */
  writeFigures(lines: () => readonly string[]): void {
    const old = readTextIfThere(this.readme, LARGEST_PAGE);
    const text = old === undefined ? undefined : withFigures(old, lines);
    if (text !== undefined) replaceText(this.readme, text);
  }

  /**
   * Keeps other processes from writing into it until the lock is released.
   * @param purpose what the others are told that this process does.
   * @throws UserError that names the holder where another process has it.
   */
  lock(purpose: string): FolderLock {
    return lockFolder(this.folder, purpose);
  }

  /**
   * Does something while no other process writes into it.
   * @throws UserError as {@link lock}, and what the action throws.
   */
  async whileLocked<Result>(purpose: string, action: () => Promise<Result> | Result): Promise<Result> {
    return await withFolderLock(this.folder, purpose, action);
  }

  /** Keeps hold of it, so that it is noticed where somebody takes it away. */
  keep(): KeptFolder {
    return keepFolder(this.folder, [FOLDER_FILES.config]);
  }

  private standsFor(checkpoint: string): boolean {
    try {
      return path.resolve(this.standingCheckpoint(this.folder)) === path.resolve(checkpoint);
    } catch {
      return false;
    }
  }
}

/** A model folder whose model is known, and with it the names of its checkpoints. */
export class RunFolder extends ModelFolder {
  readonly best: string;
  readonly last: string;

  /** @param checkpointName the model's class name in PyTorch, which its checkpoints' names start with. */
  constructor(folder: string, checkpointName: string) {
    super(folder);
    this.best = this.checkpoint('best', checkpointName);
    this.last = this.checkpoint('last', checkpointName);
  }
}

/** The release of a model folder that a checkpoint lies in, as `{model folder}/releases/v1.1.0/SignTransformer_production.pt`; undefined where it lies in none. */
export function releaseHolding(checkpoint: string): { readonly modelFolder: string; readonly version: string } | undefined {
  const folder = path.dirname(path.resolve(checkpoint));
  const version = path.basename(folder);
  const releases = path.dirname(folder);
  if (path.basename(releases) !== FOLDER_FILES.releases || !/^v\d+\.\d+\.\d+$/.test(version)) return undefined;
  return { modelFolder: path.join(path.dirname(checkpoint), '../..'), version };
}
