import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { flushFolder } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { withFolderLock } from '../../foundation/folder-lock';
import { nearestName } from '../../foundation/text';
import { buildFolderInSteps, withFoldersAbove } from '../../foundation/folders';
import { type Stage, renameRecord } from '../../folder/config-file';
import { checksumOf } from '../file-checksum';
import { refuseHostileName } from '../../folder/folder-name';
import { archivedNames, archiveFilesOf, readSidecar, type ArchiveFiles, type Sidecar } from './archive-files';
import { archiveLockOf, isSameContent } from './archive-model';
import { readChecked } from './checked-reading';
import { everythingIn, withChecksums } from './everything-in';

/** A model that is a folder again. */
export interface RestoredModel {
  readonly name: string;
  readonly folder: string;
  /** The one that it had before it was archived. */
  readonly stage: Stage;
}

/**
 * Brings an archived model back to where it lay, as it was; then the archive goes. Every file is held against its checksum first.
 * @param as another name for its folder; undefined for its own.
 * @throws UserError where it is not archived, the archive is damaged, or a folder of its name is there.
 */
export async function restoreModel(root: string, name: string, as: string | undefined): Promise<RestoredModel> {
  refuseHostileName(name, 'the name of a model');
  if (as !== undefined) refuseHostileName(as, '--name');
  const files = archivedFiles(root, name);
  const sidecar = readSidecar(files.sidecar);
  if (sidecar.name !== name) throw new UserError(`${files.sidecar}: it tells of ${sidecar.name}; rename both files of the archive back`);
  const original = path.join(root, ...sidecar.folder.split('/'));
  const folder = as === undefined ? original : path.join(path.dirname(original), as);
  return withFoldersAbove(folder, () =>
    withFolderLock(folder, 'restore', () => withFolderLock(archiveLockOf(files), 'restore', () => bringBack(folder, files, sidecar))),
  );
}

async function bringBack(folder: string, files: ArchiveFiles, sidecar: Sidecar): Promise<RestoredModel> {
  const { name } = sidecar;
  if (!existsSync(files.archive)) throw new UserError(`${files.archive}: somebody restored it meanwhile`);
  if (!existsSync(folder)) await build(folder, files, sidecar);
  else if (!isRestored(folder, sidecar)) {
    throw new UserError(
      `${folder}: it is there already and is another; give a name that is free: npm run models -- restore ${name} --name OTHER`,
    );
  }
  flushFolder(path.dirname(folder));
  // The sidecar last: without its archive it tells of nothing that is lost.
  rmSync(files.archive);
  rmSync(files.sidecar, { force: true });
  return { name: path.basename(folder), folder, stage: sidecar.summary.stage };
}

async function build(folder: string, files: ArchiveFiles, sidecar: Sidecar): Promise<void> {
  const { name, sha256 } = sidecar;
  if (checksumOf(files.archive) !== sha256)
    throw new UserError(
      `${files.archive}: its checksum is not the one in ${files.sidecar}: it was changed or damaged; nothing was restored`,
    );
  await buildFolderInSteps(folder, async (unfinished) => {
    await readChecked({ archive: files.archive, name, files: sidecar.files, rules: { hidden: true, links: true } }, unfinished, true);
    if (path.basename(folder) !== name) renameRecord(unfinished, path.basename(folder), folder);
  });
}

/** Whether an earlier call brought the model back and was killed before it removed the archive. */
function isRestored(folder: string, { files }: Sidecar): boolean {
  return isSameContent(files, withChecksums(folder, everythingIn(folder)));
}

/** @throws UserError where there is no such archive, with the nearest name. */
function archivedFiles(root: string, name: string): ArchiveFiles {
  const files = archiveFilesOf(root, name);
  if (existsSync(files.sidecar) && existsSync(files.archive)) return files;
  if (existsSync(files.archive))
    throw new UserError(`${files.archive}: ${files.sidecar} is missing; put it back, or unpack the archive by hand: tar -xzf`);
  const nearest = nearestName(name, archivedNames(root));
  throw new UserError(
    `${name}: ${root} holds no such archived model; ${nearest === undefined ? 'npm run models -- list shows those that are archived' : `did you mean ${nearest}?`}`,
  );
}
