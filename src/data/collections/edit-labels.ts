import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { checkOptions } from '../../config/layers';
import { replaceText, shareFile } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { withFolderLock } from '../../foundation/folder-lock';
import type { LabelReference } from '../class-ids';
import { csvText } from '../csv-table';
import { DataError } from '../data-error';
import { readLabelReference, readLabelsTable } from '../labels';
import { COLLECTION_CLIPS, COLLECTION_LABELS, REFERENCE, type CollectedClip } from './collection-rows';
import { referenceText, writeCollectionTables } from './collection-tables';
import { clipsByName } from './label-folder';
import { mendedLabels } from './mend-labels';
import { mergeCollections } from './merge-collections';
import { labelsOptions, type LabelsOptions } from './options';

/** What came of {@link editLabels}. */
export interface EditedLabels {
  /** The tables, or the collection, that were written. */
  readonly written: readonly string[];
  /** Where tables are now that were there before. */
  readonly kept: readonly string[];
  /** How many clips the tables name. */
  readonly clips: number;
  /** Of merged collections: clips that have their collection's name before their own now. */
  readonly renamed: number;
}

/**
 * Makes and mends tables of labels: of a folder by the names of its folders or files, a labels CSV by a reference, one collection of several. Nothing that is there
 * is written over unless that is asked for, and then it is kept beside.
 * @throws UserError for options that cannot be, DataError with everything that is wrong with tables and names.
 */
export async function editLabels(options: LabelsOptions): Promise<EditedLabels> {
  const checked = checkOptions(labelsOptions, { source: 'editLabels()', values: options });
  const { place, merge, out, pattern, in_place: inPlace } = checked;
  if (merge !== undefined) {
    if (out === undefined) throw new UserError('--out is missing: give the folder of the merged collection');
    const folders = [...(place === undefined ? [] : [place]), ...[merge].flat()];
    const { clips, renamed } = await withFolderLock(out, 'data labels', () => mergeCollections(folders, out));
    return { written: [out], kept: [], clips, renamed };
  }
  if (place === undefined) throw new UserError('name a folder of clips or a labels CSV, or give --merge');
  if (!existsSync(place)) throw new UserError(`${place}: no such file or folder; check the path`);
  const reference = await referenceFor(place, checked.labels_reference);
  if (statSync(place).isDirectory()) {
    if (out !== undefined) throw new UserError(`--out: the tables of a folder are written into it: ${COLLECTION_LABELS} and ${REFERENCE}`);
    return labelFolder(place, pattern, reference, inPlace);
  }
  if (pattern !== undefined) throw new UserError(`--pattern: it reads names of the clips of a folder, and ${place} is a file`);
  if (out === undefined && !inPlace) throw new UserError(`${place}: say where the mended table goes: --out FILE.csv, or --in-place`);
  const table = await readLabelsTable(place);
  const oneBased = checked.one_based === undefined ? undefined : checked.one_based === 'yes';
  const text = mendedLabels(table, place, { reference, to: checked.to, oneBased });
  const target = out ?? place;
  const kept = keepOld([target], inPlace);
  replaceText(target, text);
  return { written: [target], kept, clips: table.rows.length, renamed: 0 };
}

async function referenceFor(place: string, given: string | undefined): Promise<LabelReference | undefined> {
  const beside = path.join(path.dirname(place), REFERENCE);
  const file = given ?? (statSync(place).isFile() && existsSync(beside) ? beside : undefined);
  if (file === undefined) return undefined;
  const { reference, problems } = await readLabelReference(file);
  if (reference === undefined) throw new DataError(problems);
  return reference;
}

async function labelFolder(
  folder: string,
  pattern: string | undefined,
  reference: LabelReference | undefined,
  inPlace: boolean,
): Promise<EditedLabels> {
  const keypoints = path.join(folder, COLLECTION_CLIPS);
  if (!existsSync(keypoints)) throw new UserError(`${folder}: no ${COLLECTION_CLIPS}/ in it; put the clips there`);
  const clips = await clipsByName(keypoints, pattern);
  const written = [COLLECTION_LABELS, REFERENCE].map((name) => path.join(folder, name));
  if (reference === undefined) {
    const kept = keepOld(written, inPlace);
    writeCollectionTables(folder, clips);
    return { written, kept, clips: clips.length, renamed: 0 };
  }
  const labels = labelsByReference(clips, reference, keypoints);
  const kept = keepOld(written, inPlace);
  replaceText(path.join(folder, REFERENCE), referenceText(reference.names, reference.categoryOfGloss));
  replaceText(path.join(folder, COLLECTION_LABELS), labels);
  return { written, kept, clips: clips.length, renamed: 0 };
}

/** The labels of clips whose signs a reference names. */
function labelsByReference(clips: readonly CollectedClip[], { names, categoryOfGloss }: LabelReference, folder: string): string {
  const ids = new Map(names.gloss.map((name, id) => [name.toLowerCase(), id]));
  const further = (['signer', 'split'] as const).filter((column) => clips.some((clip) => clip[column] !== undefined));
  const unknown = clips.filter(({ sign }) => !ids.has(sign.toLowerCase()));
  if (unknown.length > 0)
    throw new DataError(
      unknown.map(({ name, sign }) => ({ file: path.join(folder, name), problem: `its sign "${sign}" is none of the reference` })),
    );
  const rows = clips.map((clip) => {
    const exact = names.gloss.indexOf(clip.sign);
    const gloss = exact === -1 ? ids.get(clip.sign.toLowerCase()) : exact;
    return [clip.name, gloss, gloss === undefined ? undefined : categoryOfGloss[gloss], ...further.map((column) => clip[column])];
  });
  return csvText([['file', 'gloss', 'cat', ...further], ...rows]);
}

/** Keeps files that are to be replaced under other names, where that is asked for. @returns these names. */
function keepOld(files: readonly string[], inPlace: boolean): string[] {
  const there = files.filter((file) => existsSync(file));
  const [first] = there;
  if (first !== undefined && !inPlace)
    throw new UserError(`${first}: it is there already; give --in-place to write a new one, which keeps the old one beside it`);
  return there.map((file) => {
    let old = `${file}.old`;
    for (let number = 2; existsSync(old); number++) old = `${file}.old${number}`;
    shareFile(file, old);
    return old;
  });
}
