import { existsSync } from 'node:fs';
import path from 'node:path';
import { readRegularText } from '../../foundation/regular-file';
import { elementAt } from '../../foundation/required';
import { NPY } from '../clip-names';
import { csvText } from '../csv-table';
import { LAYOUT_FILE } from '../layout-file';
import type { ChosenClasses, ChosenClip } from './choose-classes';
import { REFERENCE } from './collection-rows';
import { referenceText } from './collection-tables';
import { SPLIT_NAMES, type Collection, type Split } from './read-collection';

/** What a set consists of, beside its manifest. */
export interface SetFiles {
  /** Folders that are there whether they hold anything or not. */
  readonly folders: readonly string[];
  /** The text of each table, by its name. */
  readonly tables: ReadonlyMap<string, string>;
  /** Of each clip its file in the set, with `/` between folders. */
  readonly clips: readonly string[];
}

const LARGEST_DESCRIPTION = 1024 * 1024;

/**
 * The files of a set: tables with every column of the collection's, the reference where classes have names or were counted anew, and the description of the key
 * points where there is one.
 * @param parts the part of each chosen clip.
 */
export function setFiles(collection: Collection, chosen: ChosenClasses, parts: readonly Split[]): SetFiles {
  const { folder, kind, furtherColumns, isNamed } = collection;
  const tables = new Map<string, string>();
  const written = (['train', 'validation', 'test'] as const).filter((split) => split !== 'test' || parts.includes(split));
  for (const split of written) {
    const ofPart = chosen.clips.filter((_, place) => parts[place] === split);
    const rows = ofPart
      .toSorted((one, other) => (one.clip.label.name < other.clip.label.name ? -1 : 1))
      .map(({ clip, gloss, category }) => [clip.label.name, gloss, category, ...furtherColumns.map((column) => clip.cell(column))]);
    tables.set(`${SPLIT_NAMES[split]}_labels.csv`, csvText([['file', 'gloss', 'cat', ...furtherColumns], ...rows]));
  }
  if (isNamed || chosen.idsBefore !== undefined) tables.set(REFERENCE, referenceText(chosen.names, chosen.categoryOfGloss));
  const description = path.join(folder, LAYOUT_FILE);
  if (existsSync(description)) tables.set(LAYOUT_FILE, readRegularText(description, LARGEST_DESCRIPTION));
  return {
    folders: written.map((split) => `${kind}_${SPLIT_NAMES[split]}`),
    tables,
    clips: chosen.clips.map((clip, place) => fileInSet(clip, `${kind}_${SPLIT_NAMES[elementAt(parts, place)]}`)),
  };
}

/** A clip has the name there that its label says, whatever the letters' case or a video's extension in its file's. */
function fileInSet({ clip: { label, file } }: ChosenClip, folder: string): string {
  return `${folder}/${label.name}${NPY.test(file) ? '.npy' : '.npz'}`;
}
