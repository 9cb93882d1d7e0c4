import { createRunFolder } from '../folder/folder-name';
import { RunFolder } from '../folder/model-folder';
import { removeUnfinishedFiles } from '../foundation/atomic-file';
import type { FolderLock } from '../foundation/folder-lock';
import type { KeptFolder } from '../foundation/folders';

/** What the holder of a folder is doing: other processes say so, and tell trainings by it. */
export const TRAINING_PURPOSE = 'train';

/** A folder that a training will write into: no other process does so until it is released. */
export interface LockedFolder {
  readonly files: RunFolder;
  /** The description in its name. */
  readonly description: string;
  readonly lock: FolderLock;
  readonly place: KeptFolder;
}

/** Takes a place for a training: the folder that it goes on in is locked at once; a new one is made when all else is ready, so that nothing is left of a training that could not begin. */
export class FolderClaim {
  private readonly lock: FolderLock | undefined;
  private taken: LockedFolder | undefined;

  /**
   * @param goingOn the folder that a resumed training goes on in; undefined for a new one.
   * @param checkpointName the model's class name in PyTorch, which its checkpoints' names start with.
   * @throws UserError where another process is at work on it.
   */
  constructor(
    private readonly goingOn: string | undefined,
    private readonly checkpointName: string,
  ) {
    this.lock = goingOn === undefined ? undefined : new RunFolder(goingOn, checkpointName).lock(TRAINING_PURPOSE);
  }

  /** The folder to go on in, or a new one where there is none, or `anew` asks for it. */
  take(
    where: { readonly save_dir: string; readonly model: string; readonly description: string },
    date: Date,
    anew: boolean,
  ): LockedFolder {
    this.taken =
      this.goingOn === undefined || this.lock === undefined || anew
        ? this.makeNew(where, date)
        : this.goOnIn(this.goingOn, this.lock, where);
    return this.taken;
  }

  /** Gives everything back, where the training does not begin. */
  release(): void {
    this.taken?.place.release();
    (this.taken?.lock ?? this.lock)?.release();
  }

  private goOnIn(folder: string, lock: FolderLock, { description }: { readonly description: string }): LockedFolder {
    const files = new RunFolder(folder, this.checkpointName);
    const place = files.keep();
    removeUnfinishedFiles(folder);
    return { files, description, lock, place };
  }

  private makeNew(where: { readonly save_dir: string; readonly model: string; readonly description: string }, date: Date): LockedFolder {
    const { folder, description } = createRunFolder(where.save_dir, where.model, where.description, date);
    const files = new RunFolder(folder, this.checkpointName);
    const lock = files.lock(TRAINING_PURPOSE);
    this.lock?.release();
    return { files, description, lock, place: files.keep() };
  }
}
