import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { ModelRecord } from '../../folder/config-file';
import { FOLDER_FILES } from '../../folder/contents';
import { ModelFolder } from '../../folder/model-folder';
import { LARGEST_PAGE } from '../../folder/readme';
import { UserError } from '../../foundation/errors';
import { whileWritingInSteps, unfinishedNameOf } from '../../foundation/file-system-problem';
import { keepFolder, makeFolders } from '../../foundation/folders';
import { readTextIfThere } from '../../foundation/regular-file';
import { printableLine } from '../../foundation/text';
import { checkpointNameOf } from '../../models/model-table';
import type { CheckedFile } from '../archive/archived-models';
import { checkpointsOf, unfitFindings } from '../check/findings';
import { everythingIn, withChecksums, checksumOf, type KeptFile } from '../checksums';
import type { RegisteredModel } from '../registered-models';
import { writeTar, type TarSource } from '../tar/write-tar';
import { checkpointToLoad, exampleFiles, textFile, EXAMPLES_FOLDER, MANIFEST_FILE, manifestText, type Manifest } from './manifest';
import { contentFindings, isPacked } from './pack-contents';

/** What a pack is to be made of. */
export interface PackRequest {
  readonly model: RegisteredModel;
  readonly out: string;
  /** Whether the state to go on training from is packed too. */
  readonly withLast: boolean;
  /** The version of Kumpas. */
  readonly kumpas: string;
}

/** A pack that was written. */
export interface PackedModel {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly files: readonly CheckedFile[];
  /** Files of the folder that are not in it. */
  readonly leftOut: readonly string[];
  /** What whoever sends it should know. */
  readonly notes: readonly string[];
}

/** Of every file in a pack: nothing of it depends on when it was made. */
const MODIFIED = new Date('2000-01-01T00:00:00Z');

/**
 * Writes a model as one file to share: its card, checkpoints, config, log, results, changelog and releases, a manifest with the size and sha256 of each, and
 * examples. The same folder gives the same bytes every time.
 * @throws UserError where the folder holds no checkpoint that can be used, or another file is there.
 */
export async function packModel({ model, out, withLast, kumpas }: PackRequest): Promise<PackedModel> {
  const { name, folder } = model;
  return new ModelFolder(folder).whileLocked('pack', async () => {
    const record = new ModelFolder(folder).readConfig();
    if (record.run.name !== name)
      throw new UserError(
        `${folder}: its config.json is of ${printableLine(record.run.name)}: the folder was renamed; npm run models -- check --fix takes up the new name`,
      );
    const all = everythingIn(folder).filter(({ path: inner }) => inner !== MANIFEST_FILE && !inner.startsWith(`${EXAMPLES_FOLDER}/`));
    const taken = all.filter(({ path: inner }) => isPacked(inner, withLast));
    const checkpoint = checkpointToLoad(taken);
    if (checkpoint === undefined)
      throw new UserError(
        all.some(({ path: inner }) => inner.endsWith('_last.pt'))
          ? `${folder}: it holds no _best.pt to pack; go on with its training, or pack its last state: npm run models -- pack ${name} --with-last`
          : `${folder}: it holds no checkpoint to pack; train the model first`,
      );
    refuseUnfit(model, taken, record);
    const examples = exampleFiles({ name, model: record.model, checkpoint, architecture: checkpointNameOf(record) });
    const checked = withChecksums(folder, taken);
    refuseForeignContent(folder, checked);
    const files = [...checked, ...[...examples].map(textFile)].sort(byPath);
    const manifest: Manifest = { format: 'kumpas-pack', format_version: 1, name, model: record.model, kumpas, files };
    const sources = [
      source(name, MANIFEST_FILE, { text: manifestText(manifest) }),
      ...files.map(({ path: inner }) => {
        const text = examples.get(inner);
        return source(name, inner, text === undefined ? { file: path.join(folder, ...inner.split('/')) } : { text });
      }),
    ];
    await writeOnce(out, sources);
    return {
      file: out,
      bytes: statSync(out).size,
      sha256: checksumOf(out),
      files,
      leftOut: all.filter((file) => !taken.includes(file)).map(({ path: inner }) => inner),
      notes: notesOn(folder),
    };
  });
}

/** Whoever unpacks it would refuse it. */
function refuseUnfit(model: RegisteredModel, taken: readonly KeptFile[], record: ModelRecord): void {
  const packed = new Set(taken.map(({ path: inner }) => inner));
  const found = checkpointsOf(model, record).filter(({ file }) => packed.has(file));
  const [unfit] = unfitFindings(found);
  if (unfit !== undefined) throw new UserError(`${path.join(model.folder, unfit.place)}: it is not packed: ${unfit.what}`);
}

function refuseForeignContent(folder: string, files: readonly CheckedFile[]): void {
  const [foreign] = contentFindings(folder, files);
  if (foreign !== undefined) throw new UserError(`${path.join(folder, foreign.place)}: it is not packed: ${foreign.what}; ${foreign.todo}`);
}

function byPath(one: CheckedFile, other: CheckedFile): number {
  return one.path < other.path ? -1 : 1;
}

function source(name: string, inner: string, from: TarSource['from']): TarSource {
  return { path: `${name}/${inner}`, from, modified: MODIFIED };
}

/**
 * Writes a pack under another name first; one that is there already stays, which is well where it is the same.
 * @throws UserError where it is another.
 */
async function writeOnce(out: string, sources: readonly TarSource[]): Promise<void> {
  const parent = path.dirname(out);
  makeFolders(parent);
  const place = keepFolder(parent);
  const unfinished = unfinishedNameOf(out);
  try {
    await whileWritingInSteps(out, async () => {
      await writeTar(unfinished, sources);
      place.requireThere();
      if (!existsSync(out)) renameSync(unfinished, out);
      else if (!statSync(out).isFile() || checksumOf(out) !== checksumOf(unfinished))
        throw new UserError(`${out}: it is there already and is another; give another place with --out, or remove it`);
    });
  } finally {
    rmSync(path.join(place.placeNow() ?? parent, path.basename(unfinished)), { force: true });
    place.release();
  }
}

/** Texts that name folders of this machine go with the pack. */
function notesOn(folder: string): string[] {
  const naming = [FOLDER_FILES.config, FOLDER_FILES.readme].filter((name) => {
    const file = path.join(folder, name);
    return /["'`( ](\/(home|Users|mnt|data|root|tmp|work)\/|[A-Z]:\\)/.test(readTextIfThere(file, LARGEST_PAGE) ?? '');
  });
  return naming.map((name) => `${name} names folders of this machine; look whether others may read that`);
}
