import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { checkOptions } from '../../config/layers';
import { replaceText } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { nameOfUnfinished } from '../../foundation/file-system-problem';
import { withFolderLock } from '../../foundation/folder-lock';
import { buildFolder, buildFolderInSteps, makeFolders } from '../../foundation/folders';
import { notesTo, warningsTo, type Hooks } from '../../foundation/hooks';
import { elementAt } from '../../foundation/required';
import { counted, excerpt, listed } from '../../foundation/text';
import { mapConcurrently } from '../file-reading';
import { chooseClasses, type ChosenClasses } from './choose-classes';
import { splitOptions, type CheckedSplitOptions, type SplitOptions } from './options';
import { placeClips, type PlacingHooks } from './place-clips';
import { planSplit, USUAL_TRAIN_RATIO, type PlannedSet } from './plan-split';
import { readCollection, type Collection } from './read-collection';
import { contentOfClip, sameInOtherParts, type ClipContent } from './same-content';
import { setFiles } from './set-files';
import {
  differencesOf,
  JOURNAL,
  MANIFEST,
  manifestText,
  readJournal,
  readManifest,
  type SplitManifest,
  type SplitSettings,
} from './split-manifest';
import { finishMove } from './split-move';

/** How many of a split's clips have their place. */
export interface ClipsPlaced {
  readonly kind: 'clips-placed';
  readonly done: number;
  readonly total: number;
}

/** A set that was written. */
export interface WrittenSet {
  readonly folder: string;
  readonly train: number;
  readonly validation: number;
  readonly test: number;
}

/** What came of {@link splitSet}. */
export interface SplitResult {
  readonly out: string;
  /** The set, or one for each fold. */
  readonly sets: readonly WrittenSet[];
  readonly glosses: number;
  readonly categories: number;
  /** What is odd about it, a line each. */
  readonly warnings: readonly string[];
}

const READS_AT_ONCE = 8;
const IDS_NAMED = 4;
const VALUES_OF = { keypoints: 'X', features: 'X2048' } as const;

/**
 * Divides a collection, or a set anew, into a set as a training takes it: `keypoints_train/`, `keypoints_val/`, `train_labels.csv`, `val_labels.csv`,
 * `labels_reference.csv`, and `split.json`, which says of every clip where it came from. A function of the clips' names, their labels and the seed.
 *
 * The set appears when it is whole. A move that was ended goes on where it was when the same is asked for again.
 * @throws UserError for options that cannot be, or a target that holds something else; DataError with everything that is wrong with the tables.
 */
export async function splitSet(options: SplitOptions, hooks: Hooks<ClipsPlaced> = {}): Promise<SplitResult> {
  const checked = checkOptions(splitOptions, { source: 'splitSet()', values: options });
  const { clips, out } = checked;
  refuseNested(clips, out);
  makeFolders(path.dirname(path.resolve(out)));
  return withFolderLock(out, 'data split', async () => {
    removeLeftovers(out);
    const settings = settingsOf(checked);
    if (existsSync(path.join(out, JOURNAL))) return goOn(out, clips, settings, hooks);
    refuseTaken(out, clips, settings);
    const collection = await readCollection(clips);
    for (const note of collection.notes) notesTo(hooks)(note);
    const chosen = chooseClasses(collection, checked);
    if (chosen.idsBefore !== undefined) notesTo(hooks)(renumberingNote(chosen.names.gloss, chosen.idsBefore.gloss));
    const plan = planSplit(collection, chosen, checked);
    const contents = await contentsOf(collection, chosen, hooks);
    const leaks = await leaksOf(collection, chosen, plan.sets, contents);
    const warnings = [...plan.warnings, ...leaks];
    for (const warning of warnings) warningsTo(hooks)(warning);
    const manifests = plan.sets.map((set) => manifestOf(collection, chosen, set, { out, settings, contents }));
    if (existsSync(out)) rmdirSync(out);
    if (settings.how === 'move') {
      const { tables } = setFiles(collection, chosen, elementAt(plan.sets, 0).parts);
      const journal = { manifest: elementAt(manifests, 0), tables: Object.fromEntries(tables) };
      buildFolder(out, (unfinished) => {
        replaceText(path.join(unfinished, JOURNAL), JSON.stringify(journal));
      });
      await finishMove(out, journal, placing(hooks));
    } else {
      await writeSets(collection, chosen, plan.sets, { out, manifests, how: settings.how, hooks });
    }
    return resultOf(out, manifests, warnings);
  });
}

function renumberingNote(names: readonly string[], before: readonly number[]): string {
  const pairs = names.map((name, id) => `${excerpt(name)} is ${id} (was ${elementAt(before, id)})`);
  return `ids are counted anew: ${listed(pairs, IDS_NAMED)}; labels_reference.csv of the set has them all`;
}

/** A set within its collection, or around it, would be taken for a part of it. */
function refuseNested(clips: string, out: string): void {
  const [inner, outer] = [path.resolve(out), path.resolve(clips)];
  if (isWithin(inner, outer) || isWithin(outer, inner))
    throw new UserError(`--out ${out}: choose a folder beside ${clips}, not the same one, one within it or one around it`);
}

function isWithin(place: string, folder: string): boolean {
  return `${place}${path.sep}`.startsWith(`${folder}${path.sep}`);
}

/** What a split that was killed left beside its target holds copies alone. Nobody else is at work on it: it is locked. */
function removeLeftovers(out: string): void {
  const parent = path.dirname(path.resolve(out));
  for (const name of readdirSync(parent)) {
    if (nameOfUnfinished(name) === path.basename(path.resolve(out))) rmSync(path.join(parent, name), { recursive: true, force: true });
  }
}

function settingsOf({
  train_ratio: ratio,
  seed,
  group,
  by_column: column,
  folds,
  glosses,
  categories,
  how,
}: CheckedSplitOptions): SplitSettings {
  return {
    ...(column !== undefined || folds !== undefined ? {} : { train_ratio: ratio ?? USUAL_TRAIN_RATIO }),
    seed,
    ...(group === undefined ? {} : { group }),
    ...(column === undefined ? {} : { by_column: column }),
    ...(folds === undefined ? {} : { folds }),
    ...(glosses === undefined ? {} : { glosses: [glosses].flat() }),
    ...(categories === undefined ? {} : { categories: [categories].flat() }),
    how,
  };
}

function sourceFrom(folder: string, clips: string): string {
  return path.relative(path.resolve(folder), path.resolve(clips)).replaceAll(path.sep, '/');
}

/** Finishes a move that was ended. */
async function goOn(out: string, clips: string, settings: SplitSettings, hooks: Hooks<ClipsPlaced>): Promise<SplitResult> {
  const journal = readJournal(out);
  const { manifest } = journal;
  const differences = differencesOf(settings, manifest.settings);
  if (manifest.source !== sourceFrom(out, clips)) differences.unshift(`${clips} in place of ${path.join(out, manifest.source)}`);
  if (differences.length > 0)
    throw new UserError(
      `${out}: a split by other settings is not finished there; type its own command to finish it (asked now: ${differences.join(', ')})`,
    );
  notesTo(hooks)(`${out}: the split that was ended goes on`);
  await finishMove(out, journal, placing(hooks));
  return resultOf(out, [manifest], []);
}

function refuseTaken(out: string, clips: string, settings: SplitSettings): void {
  if (!existsSync(out) || readdirSync(out).length === 0) return;
  const isThis = existsSync(path.join(out, MANIFEST)) && isSameSplit(readManifest(out), sourceFrom(out, clips), settings);
  throw new UserError(
    isThis
      ? `${out}: this very split is there already; remove it where it is to be made anew`
      : `${out}: something is there already; choose another --out, or take it away`,
  );
}

function isSameSplit(manifest: SplitManifest, source: string, settings: SplitSettings): boolean {
  return manifest.source === source && differencesOf(settings, manifest.settings).length === 0;
}

async function contentsOf({ kind }: Collection, { clips }: ChosenClasses, { signal, onEvent }: Hooks<ClipsPlaced>): Promise<ClipContent[]> {
  let done = 0;
  return mapConcurrently(clips, READS_AT_ONCE, async ({ clip }) => {
    signal?.throwIfAborted();
    const content = await contentOfClip(clip.file, VALUES_OF[kind]);
    onEvent?.({ kind: 'clips-read', done: ++done, total: clips.length });
    return content;
  });
}

/** Clips that are the same in two parts, in a line. */
async function leaksOf(
  { kind }: Collection,
  { clips }: ChosenClasses,
  sets: readonly PlannedSet[],
  contents: readonly ClipContent[],
): Promise<string[]> {
  // Of folds, all that validate together are a part: each trains in the others.
  const parts = clips.map((_, place) => sets.map(({ parts: ofSet }) => elementAt(ofSet, place)).join());
  const placed = clips.map(({ clip }, place) => ({
    name: clip.label.name,
    file: clip.file,
    part: elementAt(parts, place),
    content: elementAt(contents, place),
  }));
  const pairs = await sameInOtherParts(placed, VALUES_OF[kind]);
  const [first] = pairs;
  if (first === undefined) return [];
  const named = `the first: "${excerpt(first.one.name)}" and "${excerpt(first.other.name)}"`;
  return [
    `${counted(pairs.length, 'clip has', 'clips have')} exactly the values of a clip of another part (${named}); figures will look too good: keep one of each`,
  ];
}

function manifestOf(
  collection: Collection,
  chosen: ChosenClasses,
  { fold, parts }: PlannedSet,
  { out, settings, contents }: { readonly out: string; readonly settings: SplitSettings; readonly contents: readonly ClipContent[] },
): SplitManifest {
  const files = setFiles(collection, chosen, parts).clips;
  const countOf = (split: string): number => parts.filter((part) => part === split).length;
  const { names, idsBefore } = chosen;
  const clips = chosen.clips.map(({ clip }, place) => ({
    file: elementAt(files, place),
    from: path.relative(collection.folder, clip.file).replaceAll(path.sep, '/'),
    split: elementAt(parts, place),
    sha256: elementAt(contents, place).sha256,
  }));
  return {
    source: sourceFrom(folderOf(out, fold), collection.folder),
    settings,
    ...(fold === undefined ? {} : { fold }),
    counts: {
      train: countOf('train'),
      validation: countOf('validation'),
      test: countOf('test'),
      glosses: names.gloss.length,
      categories: names.category.length,
    },
    ...(idsBefore === undefined ? {} : { ids_before: { gloss: [...idsBefore.gloss], category: [...idsBefore.category] } }),
    clips: clips.toSorted((one, other) => (one.file < other.file ? -1 : 1)),
  };
}

function folderOf(out: string, fold: number | undefined): string {
  return fold === undefined ? out : path.join(out, `fold_${fold}`);
}

interface Writing {
  readonly out: string;
  readonly manifests: readonly SplitManifest[];
  readonly how: 'copy' | 'link';
  readonly hooks: Hooks<ClipsPlaced>;
}

/** Writes the set, or all folds: the first has files of its own where they are copied, the others are linked to it. */
async function writeSets(
  collection: Collection,
  chosen: ChosenClasses,
  sets: readonly PlannedSet[],
  { out, manifests, how, hooks }: Writing,
): Promise<void> {
  let withoutLinks = 0;
  await buildFolderInSteps(out, async (unfinished) => {
    let originals = chosen.clips.map(({ clip }) => clip.file);
    let way = how;
    for (const [index, { fold, parts }] of sets.entries()) {
      const { folders, tables, clips } = setFiles(collection, chosen, parts);
      const folder = folderOf(unfinished, fold);
      for (const name of folders) makeFolders(path.join(folder, name));
      const placed = clips.map((file) => path.join(folder, file));
      const placements = placed.map((to, place) => ({ from: elementAt(originals, place), to }));
      withoutLinks += await placeClips(folder, placements, way, placing(hooks, index * placed.length, sets.length * placed.length));
      for (const [name, text] of tables) replaceText(path.join(folder, name), text);
      replaceText(path.join(folder, MANIFEST), manifestText(elementAt(manifests, index)));
      [originals, way] = [placed, 'link'];
    }
  });
  if (withoutLinks > 0) notesTo(hooks)(`${counted(withoutLinks, 'file')} copied: the file system makes no links there`);
}

function placing({ signal, onEvent }: Hooks<ClipsPlaced>, before = 0, ofAll?: number): PlacingHooks {
  return {
    signal,
    onPlaced: (done, total) => onEvent?.({ kind: 'clips-placed', done: before + done, total: ofAll ?? total }),
  };
}

function resultOf(out: string, manifests: readonly SplitManifest[], warnings: readonly string[]): SplitResult {
  const { counts } = elementAt(manifests, 0);
  return {
    out,
    sets: manifests.map(({ fold, counts: { train, validation, test } }) => ({ folder: folderOf(out, fold), train, validation, test })),
    glosses: counts.glosses,
    categories: counts.categories,
    warnings,
  };
}
