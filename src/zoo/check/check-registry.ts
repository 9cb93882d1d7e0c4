import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { ModelFolder } from '../../folder/model-folder';
import { messageOf, UserError } from '../../foundation/errors';
import { lockState, lockFolder, type FolderLock } from '../../foundation/folder-lock';
import { ownModels, type ModelDefinitions } from '../../models/model-table';
import { archiveLockOf, isSameContent } from '../archive/archive-model';
import { archivedNames, archiveFilesOf, readSidecar, type ArchiveFiles, type Sidecar } from '../archive/archived-models';
import { everythingIn, withChecksums, checksumOf } from '../checksums';
import { leftoversBeside, type Leftover } from '../leftovers';
import { ARCHIVE_FOLDER, findModel, modelsIn, type RegisteredModel } from '../registered-models';
import { checkFolder, leftoverFinding } from './check-folder';
import { remark, problem, valueOrFault, type Finding, type FolderFinding } from './findings';

/** What a check found, and what it mended. */
export interface RegistryCheck {
  /** Names of the models that were looked at. */
  readonly models: readonly string[];
  readonly findings: readonly Finding[];
  readonly mended: readonly MendedFinding[];
}

/** A finding that was mended, and how. */
interface MendedFinding extends Finding {
  readonly done: string;
}

/** What a check is to look at. */
interface CheckRequest {
  readonly root: string;
  /** None stands for the whole registry, its archive and what lies beside the models. */
  readonly names: readonly string[];
  readonly fix: boolean;
  readonly now: Date;
  /** The models that checkpoints may be of; those of Kumpas where absent. */
  readonly models?: ModelDefinitions | undefined;
}

/**
 * Holds a registry, or some of its models, against the guide. With `fix` everything that can be mended safely is, under each model's lock, and the check is done anew:
 * what it finds then is what remains.
 * @throws UserError where there is no such registry, or no such model.
 */
export async function checkRegistry(request: CheckRequest): Promise<RegistryCheck> {
  const { root, names: asked } = request;
  const models = asked.length === 0 ? modelsIn(root, request.models) : asked.map((name) => findModel(root, name, request.models));
  const names = models.map(({ name }) => name);
  const findings = lookAt(request, models);
  if (!request.fix) return { models: names, findings, mended: [] };
  const mended: MendedFinding[] = [];
  const byName = new Map(models.toReversed().map((model) => [model.name, model]));
  for (const finding of findings) {
    if (finding.mend === undefined) continue;
    const model = byName.get(finding.model);
    mended.push({ ...finding, done: await mend(finding.mend, finding.locksItself === true ? undefined : model) });
  }
  return { models: names, findings: mended.length === 0 ? findings : lookAt(request, models), mended };
}

/** A model's own files are mended under its lock; what lies beside it is told by its own lock. */
async function mend(action: () => string, model: RegisteredModel | undefined): Promise<string> {
  try {
    if (model === undefined) return action();
    return await new ModelFolder(model.folder).whileLocked('check', action);
  } catch (error) {
    if (error instanceof UserError) return `left alone: ${messageOf(error)}`;
    throw error;
  }
}

function lookAt({ root, names, now, models: known }: CheckRequest, models: readonly RegisteredModel[]): Finding[] {
  const beside = leftoversByFolder(models);
  const ofModels = models.flatMap((model) => {
    if (lockState(model.folder) === 'held') return [atWork(model)];
    return [...besideOne(model, beside.get(path.resolve(model.folder)) ?? [], now), ...checkFolder(root, model, now)];
  });
  return names.length > 0
    ? ofModels
    : [...ofModels, ...besideAll(root, models, now), ...strayFolders(root, models, known), ...checkArchive(root)];
}

/** What is being written is looked at when it is done. */
function atWork({ name }: RegisteredModel): Finding {
  return { ...remark('', 'another process is at work on it, so it was not looked at', 'check it again when that has ended'), model: name };
}

/** What was left beside models, by the folder of the model; a folder that holds thousands of them is listed once. */
function leftoversByFolder(models: readonly RegisteredModel[]): Map<string, Leftover[]> {
  const byFolder = new Map<string, Leftover[]>();
  for (const parent of new Set(models.map(({ folder }) => path.dirname(folder)))) {
    for (const leftover of leftoversBeside(parent)) {
      const folder = path.resolve(leftover.folder);
      byFolder.set(folder, [...(byFolder.get(folder) ?? []), leftover]);
    }
  }
  return byFolder;
}

/** What was left beside one model. */
function besideOne({ name, folder }: RegisteredModel, leftovers: readonly Leftover[], now: Date): Finding[] {
  return leftovers.map((leftover) => ({ ...leftoverFinding(path.dirname(folder), leftover, now), model: name }));
}

/** What was left beside models that are no longer there, or not there yet. */
function besideAll(root: string, models: readonly RegisteredModel[], now: Date): Finding[] {
  const modelFolders = new Set(models.map(({ folder }) => folder));
  const parents = [root, ...foldersIn(root).filter((folder) => path.basename(folder) === ARCHIVE_FOLDER || !modelFolders.has(folder))];
  const known = new Set(models.map(({ folder }) => path.resolve(folder)));
  return parents.flatMap((parent) =>
    leftoversBeside(parent)
      .filter(({ folder }) => !known.has(path.resolve(folder)))
      .map((leftover) => ({ ...leftoverFinding(root, leftover, now), model: path.basename(leftover.folder) })),
  );
}

/** Folders of the registry that are of no type. */
function strayFolders(root: string, found: readonly RegisteredModel[], known: ModelDefinitions = ownModels): Finding[] {
  const types = new Set([...known.names, ...found.flatMap(ownTypeOf), ARCHIVE_FOLDER]);
  const models = new Set(found.map(({ folder }) => folder));
  return foldersIn(root)
    .filter((folder) => !types.has(path.basename(folder)) && !models.has(folder) && !existsSync(new ModelFolder(folder).config))
    .map((folder) => ({
      ...remark('', `expected a folder of a type: ${known.names.join(', ')}`, 'move the models in it to the folder of their type'),
      model: path.basename(folder),
    }));
}

/** The type of a model of one's own, as its config.json tells it. */
function ownTypeOf({ folder }: RegisteredModel): string[] {
  const read = valueOrFault(() => new ModelFolder(folder).readConfig());
  return 'value' in read && read.value.run.checkpoint_name !== undefined ? [read.value.model] : [];
}

function foldersIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => path.join(folder, name))
    .sort();
}

/** All that is wrong with what is archived. */
function checkArchive(root: string): Finding[] {
  return archivedNames(root).flatMap((name) => {
    const files = archiveFilesOf(root, name);
    const found = lockState(archiveLockOf(files)) === 'held' ? [archiveAtWork(files)] : oneArchive(root, files);
    return found.map((finding) => ({ ...finding, model: `${ARCHIVE_FOLDER}/${name}` }));
  });
}

function archiveAtWork({ archive }: ArchiveFiles): FolderFinding {
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
