import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Stage } from '../../folder/config-file';
import { refuseHostileName } from '../../folder/folder-name';
import { ModelFolder } from '../../folder/model-folder';
import { flushFolder, replaceText } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { whileWritingInSteps, unfinishedNameOf } from '../../foundation/file-system-problem';
import { withFolderLock, lockState } from '../../foundation/folder-lock';
import { keepFolder, makeFolders, removeFolder, buildFolderInSteps, withFoldersAbove } from '../../foundation/folders';
import { required } from '../../foundation/required';
import { nearestName } from '../../foundation/text';
import { checksumOf, readChecked, bytesOf, everythingIn, withChecksums, type KeptFile } from '../checksums';
import { comparableGroup, refuseGone, summariseModel, type RegisteredModel, type ModelSummary } from '../registered-models';
import { productionCheckpointIn, releasedVersions } from '../release/release-record';
import { writeTar, type TarSource } from '../tar/write-tar';
import { archiveFilesOf, readSidecar, archivedNames, type ArchiveFiles, type CheckedFile, type Sidecar } from './archived-models';

/** What became of a model that was archived. */
interface ArchivedModel {
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
  return new ModelFolder(model.folder).whileLocked('archive', () =>
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

/** A model that is a folder again. */
interface RestoredModel {
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
    new ModelFolder(folder).whileLocked('restore', () =>
      withFolderLock(archiveLockOf(files), 'restore', () => bringBack(folder, files, sidecar)),
    ),
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
    if (path.basename(folder) !== name) new ModelFolder(unfinished).recordName(path.basename(folder), folder);
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

/** What becomes of a model where the best alone are kept. */
export interface PrunedModel {
  readonly name: string;
  readonly folder: string;
  readonly gloss_acc: number | null;
  readonly bytes: number;
  readonly goes: boolean;
  /** In words: `number 2 of 5 on the same data`, `released as v1.0.0`. */
  readonly reason: string;
}

interface Candidate {
  readonly model: RegisteredModel;
  readonly summary: ModelSummary;
  /** Why it stays whatever its figures; undefined where they decide. */
  readonly safe: string | undefined;
  /** Those of one type on the same data are compared with each other; undefined where that is not known. */
  readonly group: string | undefined;
}

/**
 * Decides which models stay: of each type, among those measured on the same data, the best by gloss accuracy; and all that were released or promoted, are in
 * production, are worked on, or cannot be compared. Those that are labelled as archived are none of the best.
 */
export function planPruning(models: readonly RegisteredModel[], keep: number): PrunedModel[] {
  const candidates = models.map(candidateOf);
  return candidates.map((candidate) => {
    const { model, summary, safe } = candidate;
    const verdict = safe === undefined ? verdictOf(candidate, candidates, keep) : { goes: false, reason: safe };
    const { name, folder } = model;
    return { name, folder, gloss_acc: summary.gloss_acc, bytes: summary.bytes, ...verdict };
  });
}

/** What is done with a model that goes. */
interface PruneOptions {
  readonly now: Date;
  readonly kumpas: string;
  /** Whether it is removed for good in place of being archived. */
  readonly remove: boolean;
}

/**
 * Archives a model that a plan lets go, or removes it for good. It is looked at once more first: what was released since the plan was made stays.
 * @returns bytes that it takes from now on.
 * @throws UserError where it stays after all.
 */
export async function pruneModel(root: string, model: RegisteredModel, { now, kumpas, remove }: PruneOptions): Promise<number> {
  refuseSafe(model);
  if (!remove) return (await archiveModel(root, model, { now, kumpas })).bytes;
  return new ModelFolder(model.folder).whileLocked('prune', () => {
    refuseSafe(model, false);
    removeFolder(model.folder);
    return 0;
  });
}

function refuseSafe(model: RegisteredModel, lookAtLock = true): void {
  refuseGone(model);
  const safe = reasonToStay(model, summariseModel(model), lookAtLock);
  if (safe !== undefined) throw new UserError(`${model.name}: it stays: ${safe}`);
}

function candidateOf(model: RegisteredModel): Candidate {
  const summary = summariseModel(model);
  return { model, summary, safe: reasonToStay(model, summary), group: comparableGroup(summary) };
}

function reasonToStay({ folder }: RegisteredModel, { stage, version }: ModelSummary, lookAtLock = true): string | undefined {
  const released = version ?? releasedVersions(folder).at(-1);
  if (stage === 'production') return 'in production';
  if (released !== undefined) return `released as v${released}`;
  if (productionCheckpointIn(folder) !== undefined) return 'promoted';
  return lookAtLock && lockState(folder) === 'held' ? 'worked on by another process' : undefined;
}

function verdictOf(candidate: Candidate, all: readonly Candidate[], keep: number): Pick<PrunedModel, 'goes' | 'reason'> {
  if (candidate.summary.stage === 'archived') return { goes: true, reason: 'labelled as archived' };
  if (candidate.group === undefined) {
    const unknown =
      candidate.summary.gloss_acc === null ? 'no figures to compare it by' : 'not known on which clips its accuracy was measured';
    return { goes: false, reason: `${unknown}; evaluate it` };
  }
  const ranked = all
    .filter(({ group, summary }) => group === candidate.group && summary.stage !== 'archived')
    .toSorted((one, other) => accuracyOf(other) - accuracyOf(one) || (one.model.name < other.model.name ? -1 : 1));
  const rank = ranked.indexOf(candidate) + 1;
  return { goes: rank > keep, reason: `number ${rank} of ${ranked.length} on the same data` };
}

/** Of a candidate that has a group: such a one has figures. */
function accuracyOf({ model, summary }: Candidate): number {
  return required(summary.gloss_acc, `the accuracy of ${model.name}`);
}
