import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { replaceText } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { buildFolderInSteps } from '../../foundation/folders';
import { elementAt, required } from '../../foundation/required';
import { excerpt } from '../../foundation/text';
import { NPY } from '../clip-names';
import { csvText } from '../csv-table';
import { DataError, type DataProblem } from '../data-error';
import { COLLECTION_CLIPS, COLLECTION_LABELS, REFERENCE } from './collection-rows';
import { referenceText } from './collection-tables';
import { placeClips } from './place-clips';
import { readCollection, SPLIT_NAMES, type Collection, type CollectionClip } from './read-collection';

/** What merging made. */
export interface MergedCollection {
  readonly clips: number;
  readonly glosses: number;
  readonly categories: number;
  /** Clips that have another name now, as another collection has one of the same. */
  readonly renamed: number;
}

/**
 * Makes one collection of several, or of sets: clips are copied, glosses and categories united by their names and numbered anew in sorted order. A clip whose name
 * another collection has too gets its collection's name as a folder; every column is kept, and the part that a clip of a set is in becomes a column `split`.
 * @throws UserError where a collection names no glosses, or `out` is taken; DataError for a gloss that has two categories.
 */
export async function mergeCollections(folders: readonly string[], out: string): Promise<MergedCollection> {
  if (folders.length < 2) throw new UserError(`--merge ${folders.join(' ')}: give two collections or more`);
  if (existsSync(out) && readdirSync(out).length > 0)
    throw new UserError(`${out}: something is there already; choose another --out, or take it away`);
  const collections: Collection[] = [];
  for (const folder of folders) collections.push(await readCollection(folder));
  for (const { folder, isNamed, kind } of collections) {
    if (kind !== COLLECTION_CLIPS) throw new UserError(`${folder}: its clips are ${kind}; collections of key points can be merged`);
    if (!isNamed)
      throw new UserError(`${folder}: it has ids and no labels_reference.csv: glosses are united by their names; add one that says them`);
  }
  const classes = unitedClasses(collections);
  const names = clipNames(collections);
  const columns = [...new Set(collections.flatMap(({ furtherColumns, isSplit }) => [...furtherColumns, ...(isSplit ? ['split'] : [])]))];
  const clips = collections.flatMap((collection) => collection.clips.map((clip) => ({ clip, collection })));
  const rows = clips.map(({ clip, collection }) => {
    const gloss = elementAt(collection.names.gloss, clip.label.gloss);
    const category = elementAt(collection.names.category, clip.label.category);
    return [
      required(names.get(clip), `the name of ${clip.file}`),
      classes.glosses.indexOf(gloss),
      classes.categories.indexOf(category),
      ...columns.map((column) => (column === 'split' && clip.split !== undefined ? SPLIT_NAMES[clip.split] : clip.cell(column))),
    ];
  });
  if (existsSync(out)) rmdirSync(out);
  await buildFolderInSteps(out, async (unfinished) => {
    const placements = clips.map(({ clip }) => ({
      from: clip.file,
      to: path.join(unfinished, COLLECTION_CLIPS, `${required(names.get(clip), 'a name')}${NPY.test(clip.file) ? '.npy' : '.npz'}`),
    }));
    await placeClips(unfinished, placements, 'copy');
    const inOrder = rows.toSorted((one, other) => (String(one[0]) < String(other[0]) ? -1 : 1));
    replaceText(path.join(unfinished, COLLECTION_LABELS), csvText([['file', 'gloss', 'cat', ...columns], ...inOrder]));
    const united = { gloss: classes.glosses, category: classes.categories };
    replaceText(path.join(unfinished, REFERENCE), referenceText(united, classes.categoryOfGloss));
  });
  const renamed = clips.filter(({ clip }) => names.get(clip) !== clip.label.name).length;
  return { clips: clips.length, glosses: classes.glosses.length, categories: classes.categories.length, renamed };
}

interface UnitedClasses {
  readonly glosses: readonly string[];
  readonly categories: readonly string[];
  readonly categoryOfGloss: readonly number[];
}

function unitedClasses(collections: readonly Collection[]): UnitedClasses {
  const categoryOf = new Map<string, { readonly category: string; readonly folder: string }>();
  const problems: DataProblem[] = [];
  for (const { folder, names, reference, clips } of collections) {
    for (const [id, gloss] of names.gloss.entries()) {
      const own = reference?.categoryOfGloss[id] ?? clips.find(({ label }) => label.gloss === id)?.label.category;
      if (own === undefined) continue;
      const category = elementAt(names.category, own);
      const known = categoryOf.get(gloss);
      if (known === undefined) categoryOf.set(gloss, { category, folder });
      else if (known.category !== category) {
        const problem = `gloss "${excerpt(gloss)}" is of category "${excerpt(category)}" here and of "${excerpt(known.category)}" in ${known.folder}; choose one`;
        problems.push({ file: path.join(folder, REFERENCE), problem });
      }
    }
  }
  if (problems.length > 0) throw new DataError(problems);
  const glosses = [...categoryOf.keys()].sort();
  const categories = [
    ...new Set([...[...categoryOf.values()].map(({ category }) => category), ...collections.flatMap(({ names }) => names.category)]),
  ].sort();
  const categoryOfGloss = glosses.map((gloss) => categories.indexOf(required(categoryOf.get(gloss), gloss).category));
  return { glosses, categories, categoryOfGloss };
}

/** Of each clip its name among all: its own where no other collection has it, else with its collection's before it. */
function clipNames(collections: readonly Collection[]): ReadonlyMap<CollectionClip, string> {
  const owners = new Map<string, number>();
  for (const { clips } of collections) for (const { label } of clips) owners.set(label.name, (owners.get(label.name) ?? 0) + 1);
  const taken = new Set([...owners].filter(([, count]) => count === 1).map(([name]) => name));
  const names = new Map<CollectionClip, string>();
  for (const { folder, clips } of collections) {
    const prefix = path.basename(path.resolve(folder)).normalize('NFC');
    for (const clip of clips) {
      const { name } = clip.label;
      if (owners.get(name) === 1) {
        names.set(clip, name);
        continue;
      }
      let chosen = `${prefix}/${name}`;
      for (let number = 2; taken.has(chosen); number++) chosen = `${prefix}_${number}/${name}`;
      taken.add(chosen);
      names.set(clip, chosen);
    }
  }
  return names;
}
