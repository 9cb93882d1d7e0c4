import { ownModels } from '../../models/model-table';
import { UserError } from '../../foundation/errors';
import { printableLine } from '../../foundation/text';
import type { CheckedFile } from '../archive/archive-files';
import { readChecked, type ExpectedFiles } from '../archive/checked-reading';
import { checksumOfText } from '../file-checksum';
import { RECORD_FILE } from '../../folder/config-file';
import { readTar, USUAL_LIMITS } from '../tar/read-tar';
import { pathProblem, PathSet } from '../tar/safe-path';
import { checkpointToLoad } from './examples';
import { LARGEST_MANIFEST, MANIFEST_FILE, parseManifest, type Manifest } from './manifest';
import { refuseForeignFiles } from './pack-contents';

/** A pack whose every file was held against its manifest. */
export interface InspectedPack {
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
export async function inspectPack(file: string): Promise<InspectedPack> {
  const { text, folder } = await readManifestText(file);
  const manifest = parseManifest(text, `${file}: ${MANIFEST_FILE}`);
  const problem = manifestProblem(manifest, folder);
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

function manifestProblem({ name, model, files }: Manifest, folder: string): string | undefined {
  if (name !== folder) return `it is of ${name}, and lies in the folder ${printableLine(folder)}`;
  if (ownModels.find(model) === undefined)
    return `its model is ${JSON.stringify(model)}, and this version of Kumpas knows ${ownModels.names.join(', ')}`;
  if (files.length >= USUAL_LIMITS.mostEntries) return `${files.length} files are too many`;
  if (!files.some((file) => file.path === RECORD_FILE)) return `it names no ${RECORD_FILE}`;
  if (checkpointToLoad(files) === undefined) return 'it names no checkpoint';
  const paths = new PathSet();
  const problems = [MANIFEST_FILE, ...files.map((file) => file.path)].flatMap((inner) => {
    const problem = pathProblem(inner, PACK_RULES) ?? paths.add(inner);
    return problem === undefined ? [] : [`${printableLine(inner)}: ${problem}`];
  });
  return problems[0];
}
