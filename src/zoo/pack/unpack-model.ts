import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { replaceText } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { withFolderLock } from '../../foundation/folder-lock';
import { buildFolderInSteps, makeFoldersWithin, withFoldersAbove } from '../../foundation/new-folder';
import { modelEntry } from '../../models/model-table';
import { readChecked } from '../archive/checked-reading';
import { checkpointsOf, unfitFindings } from '../check/folder-checkpoints';
import { checksumOf } from '../file-checksum';
import { parseFolderName, refuseHostileName } from '../folder-name';
import { readRecord, RECORD_FILE, renameRecord } from '../model-record';
import { exampleFiles } from './examples';
import { inspectPack, type InspectedPack } from './inspect-pack';
import { MANIFEST_FILE, manifestText, type Manifest } from './manifest';

/** A model folder that was made of a pack. */
export interface UnpackedModel {
  readonly name: string;
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
}

/**
 * Makes a model folder of a pack. All of it is checked first: contained paths, sizes, checksums, that the checkpoints hold nothing but weights and plain data,
 * and fit the config.json. Nothing of it is run, nothing is written where anything is wrong, and a folder that is there stays as it is.
 * @param as another name for the folder; undefined for its own.
 * @throws UserError that names the pack and what is wrong.
 */
export async function unpackModel(file: string, root: string, as: string | undefined): Promise<UnpackedModel> {
  if (as !== undefined) refuseHostileName(as, '--name');
  const pack = await inspectPack(file);
  const { manifest } = pack;
  if (as !== undefined && parseFolderName(as)?.type !== manifest.model)
    throw new UserError(`--name: expected a name like ${manifest.model}_DESCRIPTION_MM-DD, found "${as}"`);
  const name = as ?? manifest.name;
  const folder = path.join(root, manifest.model, name);
  refuseTaken(folder);
  await withFoldersAbove(folder, () =>
    withFolderLock(folder, 'unpack', async () => {
      refuseTaken(folder);
      await buildFolderInSteps(folder, async (unfinished) => {
        await writeChecked(pack, unfinished);
        if (name !== manifest.name) rename(unfinished, manifest, { name, folder });
      });
    }),
  );
  const { files } = pack.expected;
  return { name, folder, files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/**
 * Writes a pack that was inspected into an empty folder, and holds its checkpoints against its config.json.
 * @throws UserError where they cannot be used, or it changed since.
 */
export async function writeChecked({ manifest, expected }: InspectedPack, folder: string): Promise<void> {
  await readChecked(expected, folder);
  const record = readRecord(folder);
  const wrong: string[] = [
    ...(record.model === manifest.model ? [] : [`${RECORD_FILE} says ${record.model}, ${MANIFEST_FILE} ${manifest.model}`]),
    ...(record.run.name === manifest.name ? [] : [`${RECORD_FILE} is of ${record.run.name}, ${MANIFEST_FILE} of ${manifest.name}`]),
    ...unfitFindings(checkpointsOf(folder, record)).map(({ place, what }) => `${place}: ${what.replaceAll(`${folder}${path.sep}`, '')}`),
  ];
  if (wrong.length > 0) throw new UserError([`${expected.archive}: it is refused, and nothing was written`, ...wrong].join('\n'));
}

function refuseTaken(folder: string): void {
  if (existsSync(folder)) throw new UserError(`${folder}: it is there already, and stays as it is; unpack under another name with --name`);
}

/** The name is in the record, the examples and the manifest. */
function rename(unfinished: string, manifest: Manifest, { name, folder }: { readonly name: string; readonly folder: string }): void {
  renameRecord(unfinished, name, folder);
  const { model } = readRecord(unfinished);
  const checkpoint = ['_best.pt', '_production.pt', '_last.pt']
    .flatMap((ending) => manifest.files.filter((file) => !file.path.includes('/') && file.path.endsWith(ending)))
    .at(0)?.path;
  const examples = exampleFiles({ name, model, checkpoint: checkpoint ?? '', architecture: modelEntry(model).checkpointName });
  for (const [inner, text] of examples) {
    makeFoldersWithin(unfinished, path.dirname(path.join(unfinished, inner)));
    replaceText(path.join(unfinished, inner), text);
  }
  const files = manifest.files.map((file) => {
    const text = path.join(unfinished, ...file.path.split('/'));
    return file.path === RECORD_FILE || examples.has(file.path) ? { ...file, ...sizeAndChecksum(text) } : file;
  });
  replaceText(path.join(unfinished, MANIFEST_FILE), manifestText({ ...manifest, name, files }));
}

function sizeAndChecksum(file: string): { readonly bytes: number; readonly sha256: string } {
  return { bytes: statSync(file).size, sha256: checksumOf(file) };
}
