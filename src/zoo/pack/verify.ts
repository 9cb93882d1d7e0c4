import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FOLDER_FILES } from '../../folder/contents';
import { ModelFolder } from '../../folder/model-folder';
import { UserError } from '../../foundation/errors';
import { version } from '../../foundation/version';
import { ownModels, unknownModel, type ModelDefinitions } from '../../models/model-table';
import { archivedModel, type ArchivedRecord } from '../archive/archived-models';
import { readChecked } from '../archive/checked-files';
import { isOfUnknownModel } from '../check/check-folder';
import { checkpointsOf, unfitFindings } from '../check/checkpoint-fit';
import { problem, remark, valueOrFault, type Finding, type FolderFinding } from '../check/finding';
import { manifestFindings, productionFindings, releaseProblems } from '../check/release-findings';
import { checksumOf } from '../checksums';
import { findModel, type RegisteredModel } from '../find-model';
import { foreignExamples } from './examples';
import { MANIFEST_FILE, type Manifest } from './manifest';
import { inspectPack, writeChecked } from './unpack-model';

/** What a verification looked at, and what it found wrong. */
export interface Verification {
  readonly name: string;
  readonly place: string;
  /** In words: `12 files have the checksums of manifest.json`. */
  readonly verified: readonly string[];
  readonly findings: readonly Finding[];
}

/**
 * Verifies that files are what they were: of a pack, an archived model or a model folder. Nothing is changed.
 * @param named a pack's file, or a model's name.
 * @param models those that checkpoints may be of.
 * @throws UserError where there is no such thing, or a pack or an archive is not whole.
 */
export async function verify(root: string, named: string, models: ModelDefinitions = ownModels): Promise<Verification> {
  if (existsSync(named) && !statSync(named).isDirectory()) return verifyPack(named, models);
  if (/\.(tar\.gz|tgz)$/.test(named)) throw new UserError(`${named}: no such file`);
  const archived = archivedModel(root, named);
  return archived === undefined ? verifyFolder(findModel(root, named, models)) : verifyArchive(archived);
}

async function verifyPack(file: string, models: ModelDefinitions): Promise<Verification> {
  const pack = await inspectPack(file, models);
  const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-verify-'));
  try {
    await writeChecked(pack, folder, models);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const { files, name } = pack.manifest;
  return {
    name,
    place: file,
    verified: [
      `${files.length} files have the sizes and checksums of ${MANIFEST_FILE}`,
      'each is one that pack writes, and holds what its name says',
      'its checkpoints hold weights and plain data alone, and fit its config.json',
    ],
    findings: exampleFindings(pack.manifest, models).map((finding) => ({ ...finding, model: name })),
  };
}

/** Examples of an earlier version may be others; of this one they are what it writes, or somebody changed them. */
function exampleFindings(manifest: Manifest, models: ModelDefinitions): FolderFinding[] {
  const own = manifest.kumpas === version;
  const what = own ? 'it is not what Kumpas writes: it was changed' : 'it is not what this version of Kumpas writes';
  return foreignExamples(manifest, models).map((inner) =>
    (own ? problem : remark)(inner, what, 'unpack writes it anew, and takes nothing of it'),
  );
}

async function verifyArchive({ name, archive, files, sha256 }: ArchivedRecord): Promise<Verification> {
  if (checksumOf(archive) !== sha256) throw new UserError(`${archive}: its checksum is not the one that was taken when it was archived`);
  await readChecked({ archive, name, files, rules: { hidden: true, links: true } }, undefined);
  return {
    name,
    place: archive,
    verified: [`${files.length} files have the sizes and checksums that they were archived with`],
    findings: [],
  };
}

function verifyFolder(model: RegisteredModel): Verification {
  const { name, folder } = model;
  const read = valueOrFault(() => new ModelFolder(folder).readConfig());
  const record = 'value' in read ? read.value : undefined;
  if (record !== undefined && isOfUnknownModel(model, record))
    throw new UserError(`${folder}: ${unknownModel(record.model, record.run.model_file)}`);
  const checkpoints = checkpointsOf(model, record);
  const found = [
    ...('fault' in read && existsSync(new ModelFolder(folder).config)
      ? [problem(FOLDER_FILES.config, read.fault, 'put it back; a training or an import writes it')]
      : []),
    ...unfitFindings(checkpoints),
    ...productionFindings(model),
    ...releaseProblems(model, record),
    ...manifestFindings(folder),
  ];
  const withSums = ['production.json', 'releases', MANIFEST_FILE].filter((file) => existsSync(path.join(folder, file)));
  return {
    name,
    place: folder,
    verified: [
      `${checkpoints.length} checkpoints were opened: ${checkpoints.map(({ file }) => file).join(', ') || 'none'}`,
      withSums.length === 0
        ? 'no checksums are kept of it: it was neither promoted, released nor packed'
        : `checksums of ${withSums.join(', ')}`,
    ],
    findings: found.map((finding) => ({ ...finding, model: name })),
  };
}
