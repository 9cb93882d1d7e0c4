import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FOLDER_FILES } from '../../folder/contents';
import { parseFolderName, refuseHostileName } from '../../folder/folder-name';
import { ModelFolder } from '../../folder/model-folder';
import { replaceText } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { buildFolderInSteps, makeFoldersWithin, withFoldersAbove } from '../../foundation/folders';
import { printableLine } from '../../foundation/text';
import { version } from '../../foundation/installation';
import { ownModels, unknownModel, type ModelDefinitions } from '../../models/model-table';
import { archivedModel, type CheckedFile, type ArchivedRecord } from '../archive/archived-models';
import { isOfUnknownModel } from '../check/check-folder';
import {
  checkpointsOf,
  unfitFindings,
  problem,
  remark,
  valueOrFault,
  manifestFindings,
  productionFindings,
  releaseProblems,
  type Finding,
  type FolderFinding,
} from '../check/findings';
import { readChecked, fileDigest, checksumOfText, checksumOf, type ExpectedFiles } from '../checksums';
import { findModel, type RegisteredModel } from '../registered-models';
import { readTar, USUAL_LIMITS, pathProblem, PathSet } from '../tar/read-tar';
import {
  examplesOf,
  foreignExamples,
  textFile,
  checkpointToLoad,
  MANIFEST_FILE,
  manifestText,
  LARGEST_MANIFEST,
  parseManifest,
  type Manifest,
} from './manifest';
import { contentFindings, refuseForeignFiles } from './pack-contents';

/** A model folder that was made of a pack. */
interface UnpackedModel {
  readonly name: string;
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
  /** Examples that were not what this version of Kumpas writes, and are now. */
  readonly writtenAnew: readonly string[];
}

/**
 * Makes a model folder of a pack. All of it is checked first: contained paths, sizes, checksums, that every file is one that `pack` writes and holds what its
 * name says, that the checkpoints hold nothing but weights and plain data, and fit the config.json. The examples are written anew. Nothing of it is run, nothing is written where anything is wrong, and a folder that is there stays as it is.
 * @param as another name for the folder; undefined for its own.
 * @param models those that it may be of.
 * @throws UserError that names the pack and what is wrong.
 */
export async function unpackModel(
  file: string,
  root: string,
  as: string | undefined,
  models: ModelDefinitions | undefined = ownModels,
): Promise<UnpackedModel> {
  if (as !== undefined) refuseHostileName(as, '--name');
  const pack = await inspectPack(file, models);
  const { manifest } = pack;
  if (as !== undefined && parseFolderName(as, [manifest.model]) === undefined)
    throw new UserError(`--name: expected a name like ${manifest.model}_DESCRIPTION_MM-DD, found "${as}"`);
  const name = as ?? manifest.name;
  const folder = path.join(root, manifest.model, name);
  refuseTaken(folder);
  await withFoldersAbove(folder, () =>
    new ModelFolder(folder).whileLocked('unpack', async () => {
      refuseTaken(folder);
      await buildFolderInSteps(folder, async (unfinished) => {
        await writeChecked(pack, unfinished, models);
        if (name !== manifest.name) new ModelFolder(unfinished).recordName(name, folder);
        putOwn(unfinished, { manifest, name, models });
      });
    }),
  );
  const { files } = pack.expected;
  return {
    name,
    folder,
    files: files.length,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    writtenAnew: foreignExamples(manifest, models),
  };
}

/**
 * Writes a pack that was inspected into an empty folder, holds its checkpoints against its config.json, and looks at what is in the other files.
 * @throws UserError where they cannot be used, or it changed since.
 */
async function writeChecked({ manifest, expected }: InspectedPack, folder: string, models: ModelDefinitions): Promise<void> {
  await readChecked(expected, folder);
  const record = new ModelFolder(folder).readConfig();
  const wrong: string[] = [
    ...(record.model === manifest.model ? [] : [`${FOLDER_FILES.config} says ${record.model}, ${MANIFEST_FILE} ${manifest.model}`]),
    ...(record.run.name === manifest.name ? [] : [`${FOLDER_FILES.config} is of ${record.run.name}, ${MANIFEST_FILE} of ${manifest.name}`]),
    ...[...unfitFindings(checkpointsOf({ folder, models }, record)), ...contentFindings(folder, manifest.files)].map(
      ({ place, what }) => `${place}: ${what.replaceAll(`${folder}${path.sep}`, '')}`,
    ),
  ];
  if (wrong.length > 0) throw new UserError([`${expected.archive}: it is refused, and nothing was written`, ...wrong].join('\n'));
}

function refuseTaken(folder: string): void {
  if (existsSync(folder)) throw new UserError(`${folder}: it is there already, and stays as it is; unpack under another name with --name`);
}

/** Writes the examples and, where anything in the folder is another than in the pack, a manifest that tells of it. */
function putOwn(
  unfinished: string,
  { manifest, name, models }: { readonly manifest: Manifest; readonly name: string; readonly models: ModelDefinitions },
): void {
  const examples = examplesOf(manifest, name, models);
  for (const [inner, text] of examples) {
    makeFoldersWithin(unfinished, path.dirname(path.join(unfinished, inner)));
    replaceText(path.join(unfinished, inner), text);
  }
  if (name === manifest.name && foreignExamples(manifest, models).length === 0) return;
  const packed = manifest.files
    .filter(({ path: inner }) => !examples.has(inner))
    .map((file) => (file.path === FOLDER_FILES.config ? { path: file.path, ...fileDigest(new ModelFolder(unfinished).config) } : file));
  const files = [...packed, ...[...examples].map(textFile)].sort((one, other) => (one.path < other.path ? -1 : 1));
  replaceText(path.join(unfinished, MANIFEST_FILE), manifestText({ ...manifest, name, files }));
}

/** A pack whose every file was held against its manifest. */
interface InspectedPack {
  readonly manifest: Manifest;
  /** To read it once more, into a folder. */
  readonly expected: ExpectedFiles;
}

/** In a pack nothing is hidden, and every file is whole. */
const PACK_RULES = { hidden: false, links: false } as const;

/**
 * Goes through a whole pack and writes nothing: its paths, sizes and checksums against its manifest, which must come first.
 * @throws UserError where anything in it is not as it should be.
 */
async function inspectPack(file: string, models: ModelDefinitions): Promise<InspectedPack> {
  const { text, folder } = await readManifestText(file);
  const manifest = parseManifest(text, `${file}: ${MANIFEST_FILE}`);
  const problem = manifestProblem(manifest, folder, models);
  if (problem !== undefined) throw new UserError(`${file}: ${MANIFEST_FILE}: ${problem}; nothing was written`);
  const itself: CheckedFile = { path: MANIFEST_FILE, bytes: Buffer.byteLength(text), sha256: checksumOfText(text) };
  const expected = { archive: file, name: manifest.name, files: [itself, ...manifest.files], rules: PACK_RULES };
  await readChecked(expected, undefined);
  refuseForeignFiles(
    file,
    manifest.files.map(({ path: inner }) => inner),
  );
  return { manifest, expected };
}

/** Ends a reading that has what it wanted. */
class Enough extends Error {}

/** The text of the first file, which must be the manifest, and the folder that it is in. */
async function readManifestText(file: string): Promise<{ readonly text: string; readonly folder: string }> {
  let folder: string | undefined;
  const pieces: Uint8Array[] = [];
  try {
    await readTar(file, { ...PACK_RULES, ...USUAL_LIMITS }, ({ path: inner, bytes }) => {
      if (folder !== undefined) throw new Enough();
      const [top, name, ...more] = inner.split('/');
      if (name !== MANIFEST_FILE || more.length > 0)
        throw new UserError(`${file}: its first file is ${printableLine(inner)}, not ${MANIFEST_FILE}: this is no pack that Kumpas made`);
      if (bytes > LARGEST_MANIFEST) throw new UserError(`${file}: ${MANIFEST_FILE}: ${bytes} bytes are too many; nothing was written`);
      folder = top;
      return { write: (piece) => pieces.push(Uint8Array.from(piece)), end: () => undefined };
    });
  } catch (error) {
    if (!(error instanceof Enough)) throw error;
  }
  if (folder === undefined) throw new UserError(`${file}: it holds no files; this is no pack that Kumpas made`);
  return { text: Buffer.concat(pieces).toString('utf8'), folder };
}

function manifestProblem({ name, model, files }: Manifest, folder: string, models: ModelDefinitions): string | undefined {
  if (name !== folder) return `it is of ${name}, and lies in the folder ${printableLine(folder)}`;
  if (models.find(model) === undefined)
    return `its model is ${JSON.stringify(model)}, and this version of Kumpas knows ${models.names.join(', ')}; where it is one of somebody's own, give the file that defines it with --model`;
  if (files.length >= USUAL_LIMITS.mostEntries) return `${files.length} files are too many`;
  if (!files.some((file) => file.path === FOLDER_FILES.config)) return `it names no ${FOLDER_FILES.config}`;
  if (checkpointToLoad(files) === undefined) return 'it names no checkpoint';
  const paths = new PathSet();
  const problems = [MANIFEST_FILE, ...files.map((file) => file.path)].flatMap((inner) => {
    const problem = pathProblem(inner, PACK_RULES) ?? paths.add(inner);
    return problem === undefined ? [] : [`${printableLine(inner)}: ${problem}`];
  });
  return problems[0];
}

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
