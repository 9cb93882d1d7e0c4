import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { flushFolder, replaceText } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { whileWritingInSteps, unfinishedNameOf } from '../../foundation/file-system-problem';
import { withFolderLock } from '../../foundation/folder-lock';
import { keepFolder, makeFolders, removeFolder } from '../../foundation/folders';
import { checksumOf } from '../file-checksum';
import { refuseGone, type RegisteredModel } from '../registry';
import { summariseModel } from '../summary';
import { writeTar, type TarSource } from '../tar/write-tar';
import { archiveFilesOf, readSidecar, type ArchiveFiles, type CheckedFile, type Sidecar } from './archive-files';
import { readChecked } from './checked-reading';
import { bytesOf, everythingIn, withChecksums, type KeptFile } from './everything-in';

/** What became of a model that was archived. */
export interface ArchivedModel {
  readonly name: string;
  readonly archive: string;
  readonly sidecar: string;
  /** Of the archive. */
  readonly bytes: number;
  /** That its folder took. */
  readonly bytesBefore: number;
}

/** The folder of the archive as locks know it: beside the archived file, so that no two processes work on one name. */
export function archiveLockOf({ archive, name }: ArchiveFiles): string {
  return path.join(path.dirname(archive), name);
}

/**
 * Compresses a model folder into the registry's archive and removes it. The archive is read back and compared with the folder first, file by file; what
 * another process changes meanwhile is noticed. At any instant the folder or a whole archive is there.
 * @throws UserError where the model is in production, somebody works on it, or another of its name is archived.
 */
export async function archiveModel(
  root: string,
  model: RegisteredModel,
  { now, kumpas }: { readonly now: Date; readonly kumpas: string },
): Promise<ArchivedModel> {
  const files = archiveFilesOf(root, model.name);
  return withFolderLock(model.folder, 'archive', () =>
    withFolderLock(archiveLockOf(files), 'archive', async () => {
      refuseGone(model);
      const summary = summariseModel(model);
      if (summary.stage === 'production')
        throw new UserError(`${model.name}: it is in production; take it out first: npm run models -- stage ${model.name} development`);
      const kept = everythingIn(model.folder);
      const checked = withChecksums(model.folder, kept);
      const finished = earlierArchive(files, checked);
      if (finished === undefined) {
        const folder = path.relative(root, model.folder).split(path.sep).join('/');
        await writeArchive(files, { ...model, kept, checked }, (bytes, sha256) => ({
          format: 'kumpas-archive',
          format_version: 1,
          name: model.name,
          folder,
          archived: now.toISOString(),
          kumpas,
          bytes,
          sha256,
          summary,
          files: checked,
        }));
      }
      refuseChanges(model.folder, kept);
      removeFolder(model.folder);
      return {
        name: model.name,
        archive: files.archive,
        sidecar: files.sidecar,
        bytes: statSync(files.archive).size,
        bytesBefore: bytesOf(kept),
      };
    }),
  );
}

/**
 * The archive that an earlier call finished before it was killed; undefined where none is there.
 * @throws UserError where what is there is another model.
 */
function earlierArchive(files: ArchiveFiles, checked: readonly CheckedFile[]): Sidecar | undefined {
  if (!existsSync(files.archive)) return undefined;
  const sidecar = existsSync(files.sidecar) ? readSidecar(files.sidecar) : undefined;
  if (sidecar !== undefined && isSameContent(sidecar.files, checked) && checksumOf(files.archive) === sidecar.sha256) return sidecar;
  throw new UserError(
    `${files.archive}: another model of this name is archived already; bring it back under another name: npm run models -- restore ${files.name} --name OTHER`,
  );
}

/** Whether two lists are of the same files. */
export function isSameContent(one: readonly CheckedFile[], other: readonly CheckedFile[]): boolean {
  const sums = new Map(one.map(({ path: inner, sha256 }) => [inner, sha256]));
  return one.length === other.length && other.every(({ path: inner, sha256 }) => sums.get(inner) === sha256);
}

interface ToArchive extends RegisteredModel {
  readonly kept: readonly KeptFile[];
  readonly checked: readonly CheckedFile[];
}

/** Writes and checks the archive under another name; then the sidecar, then its own name: a sidecar without an archive tells of nothing that is lost. */
async function writeArchive(
  { archive, sidecar }: ArchiveFiles,
  { name, folder, kept, checked }: ToArchive,
  describe: (bytes: number, sha256: string) => Sidecar,
): Promise<void> {
  const parent = path.dirname(archive);
  makeFolders(parent);
  const place = keepFolder(parent);
  const unfinished = unfinishedNameOf(archive);
  try {
    await whileWritingInSteps(archive, async () => {
      await writeTar(
        unfinished,
        kept.map((file) => tarSourceOf(name, folder, file)),
      );
      place.requireThere();
      await readChecked({ archive: unfinished, name, files: checked, rules: { hidden: true, links: true } }, undefined);
      refuseChanges(folder, kept);
      const description = describe(statSync(unfinished).size, checksumOf(unfinished));
      replaceText(sidecar, `${JSON.stringify(description, null, 2)}\n`);
      renameSync(unfinished, archive);
    });
    flushFolder(parent);
  } catch (error) {
    const there = place.placeNow() ?? parent;
    rmSync(path.join(there, path.basename(unfinished)), { force: true });
    if (!existsSync(path.join(there, path.basename(archive)))) rmSync(path.join(there, path.basename(sidecar)), { force: true });
    throw error;
  } finally {
    place.release();
  }
}

function tarSourceOf(name: string, folder: string, { path: inner, modifiedMs, sameAs }: KeptFile): TarSource {
  const from = sameAs === undefined ? { file: path.join(folder, inner) } : { sameAs: `${name}/${sameAs}` };
  return { path: `${name}/${inner}`, from, modified: new Date(modifiedMs) };
}

/** @throws UserError where a file came, went or changed since it was looked at. */
function refuseChanges(folder: string, before: readonly KeptFile[]): void {
  if (JSON.stringify(everythingIn(folder)) === JSON.stringify(before)) return;
  throw new UserError(`${folder}: it changed while it was archived, and stays as it is; wait until nobody works on it, and try again`);
}
