import { existsSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { archivedNames, archiveFilesOf, readSidecar, type ArchiveFiles, type Sidecar } from '../archive/archive-files';
import { isSameContent } from '../archive/archive-model';
import { everythingIn, withChecksums } from '../archive/everything-in';
import { checksumOf } from '../file-checksum';
import { ARCHIVE_FOLDER } from '../registry';
import { problem, valueOrFault, type Finding, type FolderFinding } from './finding';

/** All that is wrong with what is archived. */
export function checkArchive(root: string): Finding[] {
  return archivedNames(root).flatMap((name) => {
    const files = archiveFilesOf(root, name);
    return oneArchive(root, files).map((finding) => ({ ...finding, model: `${ARCHIVE_FOLDER}/${name}` }));
  });
}

function oneArchive(root: string, files: ArchiveFiles): FolderFinding[] {
  const [archive, sidecarName] = [path.basename(files.archive), path.basename(files.sidecar)];
  if (!existsSync(files.sidecar)) {
    return [problem(sidecarName, `it is missing, so ${archive} is not listed`, 'put it back, or unpack the archive by hand: tar -xzf')];
  }
  const read = valueOrFault(() => readSidecar(files.sidecar));
  if ('fault' in read) return [problem(sidecarName, read.fault, 'put it back, or unpack the archive by hand: tar -xzf')];
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
function withoutArchive({ sidecar, archive }: ArchiveFiles, folder: string): FolderFinding {
  const place = path.basename(sidecar);
  const what = `${path.basename(archive)}, which it tells of, is missing`;
  if (!existsSync(folder)) return problem(place, what, 'put the archive back, or remove this file too: the model is gone');
  return problem(place, `${what}; the model's folder is there`, '--fix removes it', () => {
    rmSync(sidecar, { force: true });
    return 'removed';
  });
}

/** A process was killed before it had removed the one or the other. */
function besideFolder(files: ArchiveFiles, { files: content }: Sidecar, folder: string): FolderFinding {
  const read = valueOrFault(() => withChecksums(folder, everythingIn(folder)));
  const isSame = 'value' in read && isSameContent(content, read.value);
  const place = path.basename(files.archive);
  if (!isSame) {
    return problem(
      place,
      `${folder} is there too, and is another`,
      `bring this one back under another name: npm run models -- restore ${files.name} --name OTHER`,
    );
  }
  return problem(place, `${folder} is there too, with the same files`, '--fix removes the archive, and the folder stays', () => {
    rmSync(files.archive, { force: true });
    rmSync(files.sidecar, { force: true });
    return 'removed: the folder is there';
  });
}
