import { existsSync } from 'node:fs';
import path from 'node:path';
import { FOLDER_FILES } from '../../folder/contents';
import { parseFolderName, refuseHostileName } from '../../folder/folder-name';
import { ModelFolder } from '../../folder/model-folder';
import { replaceText } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { buildFolderInSteps, makeFoldersWithin, withFoldersAbove } from '../../foundation/folders';
import { printableLine } from '../../foundation/text';
import { ownModels, type ModelDefinitions } from '../../models/model-table';
import type { CheckedFile } from '../archive/archived-models';
import { readChecked, type ExpectedFiles } from '../archive/checked-files';
import { checkpointsOf, unfitFindings } from '../check/checkpoint-fit';
import { fileDigest, checksumOfText } from '../checksums';
import { readTar, USUAL_LIMITS, pathProblem, PathSet } from '../tar/read-tar';
import { examplesOf, foreignExamples, textFile, checkpointToLoad } from './examples';
import { MANIFEST_FILE, manifestText, LARGEST_MANIFEST, parseManifest, type Manifest } from './manifest';
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
export async function writeChecked({ manifest, expected }: InspectedPack, folder: string, models: ModelDefinitions): Promise<void> {
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
export async function inspectPack(file: string, models: ModelDefinitions): Promise<InspectedPack> {
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
      const [top = '', name, ...more] = inner.split('/');
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
