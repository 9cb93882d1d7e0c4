import { existsSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { lockFolder, lockState, type FolderLock } from '../../foundation/folder-lock';
import { archivedNames, archiveFilesOf, readSidecar, type ArchiveFiles, type Sidecar } from '../archive/archive-files';
import { archiveLockOf, isSameContent } from '../archive/archive-model';
import { everythingIn, withChecksums } from '../archive/everything-in';
import { checksumOf } from '../file-checksum';
import { ARCHIVE_FOLDER } from '../registry';
import { problem, remark, valueOrFault, type Finding, type FolderFinding } from './finding';

/** All that is wrong with what is archived. */
export function checkArchive(root: string): Finding[] {
  return archivedNames(root).flatMap((name) => {
    const files = archiveFilesOf(root, name);
    const found = lockState(archiveLockOf(files)) === 'held' ? [atWork(files)] : oneArchive(root, files);
    return found.map((finding) => ({ ...finding, model: `${ARCHIVE_FOLDER}/${name}` }));
  });
}

function atWork({ archive }: ArchiveFiles): FolderFinding {
  return remark(path.basename(archive), 'another process is at work on it, so it was not looked at', 'check it again when that has ended');
}

function oneArchive(root: string, files: ArchiveFiles): FolderFinding[] {
  const [archive, sidecarName] = [path.basename(files.archive), path.basename(files.sidecar)];
  const byHand = 'put it back, or unpack the archive by hand: tar -xzf';
  if (!existsSync(files.sidecar)) return [problem(sidecarName, `it is missing, so ${archive} is not listed`, byHand)];
  const read = valueOrFault(() => readSidecar(files.sidecar));
  if ('fault' in read) return [problem(sidecarName, read.fault, byHand)];
  const sidecar = read.value;
  const folder = path.join(root, ...sidecar.folder.split('/'));
  if (!existsSync(files.archive)) return [withoutArchive(files, folder)];
  if (sidecar.name !== files.name) return [problem(sidecarName, `it tells of ${sidecar.name}`, 'rename both files of the archive back')];
  if (statSync(files.archive).size !== sidecar.bytes || checksumOf(files.archive) !== sidecar.sha256) {
    return [problem(archive, `its checksum is not the one in ${sidecarName}: it was changed or damaged`, 'put back another copy of it')];
  }
  return existsSync(folder) ? [besideFolder(files, sidecar, folder)] : [];
}

/** A process was killed before the archive had its name, or after it had gone: its folder is whole. */
function withoutArchive(files: ArchiveFiles, folder: string): FolderFinding {
  const place = path.basename(files.sidecar);
  const what = `${path.basename(files.archive)}, which it tells of, is missing`;
  if (!existsSync(folder)) return problem(place, what, 'put the archive back, or remove this file too: the model is gone');
  return problem(place, `${what}; the model's folder is there`, '--fix removes it', () =>
    whileNobodyWorks(files, folder, () => {
      if (existsSync(files.archive)) return 'left alone: its archive is there by now';
      rmSync(files.sidecar, { force: true });
      return 'removed';
    }),
  );
}

/** A process was killed before it had removed the one or the other. */
function besideFolder(files: ArchiveFiles, sidecar: Sidecar, folder: string): FolderFinding {
  const place = path.basename(files.archive);
  if (!hasContent(folder, sidecar)) {
    return problem(
      place,
      `${folder} is there too, and is another`,
      `bring this one back under another name: npm run models -- restore ${files.name} --name OTHER`,
    );
  }
  return problem(place, `${folder} is there too, with the same files`, '--fix removes the archive, and the folder stays', () =>
    whileNobodyWorks(files, folder, () => {
      if (!hasContent(folder, sidecar)) return 'left alone: the folder is not as it was';
      rmSync(files.archive, { force: true });
      rmSync(files.sidecar, { force: true });
      return 'removed: the folder is there';
    }),
  );
}

function hasContent(folder: string, { files }: Sidecar): boolean {
  const read = valueOrFault(() => withChecksums(folder, everythingIn(folder)));
  return 'value' in read && isSameContent(files, read.value);
}

/** Archiving and restoring hold both locks: what they have begun is never taken from them. */
function whileNobodyWorks(files: ArchiveFiles, folder: string, action: () => string): string {
  const locks: FolderLock[] = [];
  try {
    locks.push(lockFolder(folder, 'check'));
    locks.push(lockFolder(archiveLockOf(files), 'check'));
    return action();
  } finally {
    for (const lock of locks) lock.release();
  }
}
