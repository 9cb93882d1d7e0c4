import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { ownModels } from '../../models/model-table';
import { lockState, withFolderLock } from '../../foundation/folder-lock';
import { messageOf, UserError } from '../../foundation/errors';
import { leftoversBeside, type Leftover } from '../leftovers';
import { ARCHIVE_FOLDER, findModel, modelsIn, type RegisteredModel } from '../registry';
import { checkArchive } from './check-archive';
import { checkFolder, leftoverFinding } from './check-folder';
import { remark, type Finding } from './finding';

/** What a check found, and what it mended. */
export interface RegistryCheck {
  /** Names of the models that were looked at. */
  readonly models: readonly string[];
  readonly findings: readonly Finding[];
  readonly mended: readonly MendedFinding[];
}

/** A finding that was mended, and how. */
export interface MendedFinding extends Finding {
  readonly done: string;
}

/** What a check is to look at. */
export interface CheckRequest {
  readonly root: string;
  /** None stands for the whole registry, its archive and what lies beside the models. */
  readonly names: readonly string[];
  readonly fix: boolean;
  readonly now: Date;
}

/**
 * Holds a registry, or some of its models, against the guide. With `fix` everything that can be mended safely is, under each model's lock, and the check is done anew:
 * what it finds then is what remains.
 * @throws UserError where there is no such registry, or no such model.
 */
export async function checkRegistry(request: CheckRequest): Promise<RegistryCheck> {
  const models = request.names.length === 0 ? modelsIn(request.root) : request.names.map((name) => findModel(request.root, name));
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
    return await withFolderLock(model.folder, 'check', action);
  } catch (error) {
    if (error instanceof UserError) return `left alone: ${messageOf(error)}`;
    throw error;
  }
}

function lookAt({ root, names, now }: CheckRequest, models: readonly RegisteredModel[]): Finding[] {
  const beside = leftoversByFolder(models);
  const ofModels = models.flatMap((model) => {
    if (lockState(model.folder) === 'held') return [atWork(model)];
    return [...besideOne(model, beside.get(path.resolve(model.folder)) ?? [], now), ...checkFolder(root, model, now)];
  });
  return names.length > 0 ? ofModels : [...ofModels, ...besideAll(root, models, now), ...strayFolders(root), ...checkArchive(root)];
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
function strayFolders(root: string): Finding[] {
  const types: readonly string[] = [...ownModels.names, ARCHIVE_FOLDER];
  const models = new Set(modelsIn(root).map(({ folder }) => folder));
  return foldersIn(root)
    .filter((folder) => !types.includes(path.basename(folder)) && !models.has(folder) && !existsSync(path.join(folder, 'config.json')))
    .map((folder) => ({
      ...remark('', `expected a folder of a type: ${ownModels.names.join(', ')}`, 'move the models in it to the folder of their type'),
      model: path.basename(folder),
    }));
}

function foldersIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => path.join(folder, name))
    .sort();
}
