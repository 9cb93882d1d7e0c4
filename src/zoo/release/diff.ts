import { existsSync } from 'node:fs';
import path from 'node:path';
import { readWeights, type StateDict } from '../../checkpoint/training-checkpoint';
import { modelOfCheckpoint } from '../../evaluation/loaded-model';
import { HEADS, type HeadName } from '../../evaluation/result';
import type { ReadFigures } from '../../evaluation/results/contents';
import { hasCategories, type ModelRecord } from '../../folder/config-file';
import { FOLDER_FILES, filesBelow } from '../../folder/contents';
import { ModelFolder } from '../../folder/model-folder';
import { modelFile } from '../../folder/named-checkpoint';
import { UserError } from '../../foundation/errors';
import { elementAt, required } from '../../foundation/required';
import { findModel, evaluationIn, orUndefined, type RegisteredModel } from '../registered-models';
import { labelsOf } from './promote';
import {
  architectureChanges,
  architectureOf,
  classesOf,
  compareClasses,
  type Architecture,
  type ClassChanges,
  type ClassNames,
} from './release-changes';
import { findRelease, readReleases, parseVersion, type Release } from './release-record';

/** One side of a difference: a release, or what a model folder holds now. */
interface DiffSide {
  /** As `transformer_baseline_09-20 v1.0.0`, or `transformer_baseline_09-20 now`. */
  readonly title: string;
  readonly version: string | null;
  readonly folder: string;
  readonly checkpoint: string;
}

/** A figure on both sides; null where it is not known. */
export interface FigureChange {
  readonly name: string;
  readonly before: number | null;
  readonly after: number | null;
  readonly difference: number | null;
}

/** Something that has another value on the other side. */
interface ValueChange {
  readonly key: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** How two states of a model differ. */
export interface ModelDiff {
  readonly before: DiffSide;
  readonly after: DiffSide;
  readonly architecture: readonly string[];
  readonly settings: readonly ValueChange[];
  readonly classes: { readonly gloss: ClassChanges; readonly category: ClassChanges };
  /** What they were trained with. */
  readonly data: readonly ValueChange[];
  /** Whether the figures are of the same clips; null where that is not known. */
  readonly same_clips: boolean | null;
  readonly figures: readonly FigureChange[];
  readonly weights: readonly PartDistance[];
  /** Files and folders with their sizes in bytes, where they are on either side. */
  readonly files: readonly { readonly path: string; readonly before: number | null; readonly after: number | null }[];
}

/**
 * How a release of a model differs from another; or, where no second one is named, from what its folder holds now.
 * @param root the registry, where the model that it follows is looked for.
 * @param versions none for the last release, one for that, or two.
 * @throws UserError where there are no such releases, or their checkpoints cannot be read.
 */
export function diffModel(root: string, model: RegisteredModel, versions: readonly string[]): ModelDiff {
  const [first, second, ...more] = versions;
  if (more.length > 0) throw new UserError(`expected at most two versions, found ${versions.length}`);
  const before = first === undefined ? lastRelease(root, model) : releaseInLine(root, model, first);
  return compareStates(stateOfRelease(before), second === undefined ? stateNow(model) : stateOfRelease(releaseInLine(root, model, second)));
}

interface ModelState {
  readonly side: DiffSide;
  readonly weights: StateDict;
  readonly architecture: Architecture;
  readonly classes: ClassNames;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly data: Readonly<Record<string, unknown>>;
  readonly figures: Readonly<Record<'gloss' | 'category', ReadFigures>> | undefined;
  /** Of the clips that the figures are of. */
  readonly fingerprint: string | undefined;
}

function lastRelease(root: string, model: RegisteredModel): Release {
  const own = readReleases(model.folder).at(-1);
  const followed = followedBy(root, model);
  const last = own ?? (followed === undefined ? undefined : readReleases(followed.folder).at(-1));
  if (last !== undefined) return last;
  throw new UserError(
    `${model.name}: it has no release yet; npm run models -- release ${model.name} --bump major --notes "…" makes the first`,
  );
}

/** A release of a model, or of the one that it follows. */
function releaseInLine(root: string, model: RegisteredModel, typed: string): Release {
  const wanted = parseVersion(typed);
  const has = (folder: string): boolean => readReleases(folder).some(({ record }) => record.version === wanted);
  const followed = has(model.folder) ? undefined : followedBy(root, model);
  return findRelease(followed !== undefined && has(followed.folder) ? followed.folder : model.folder, wanted);
}

function followedBy(root: string, { folder, models }: RegisteredModel): RegisteredModel | undefined {
  const { follows } = new ModelFolder(folder).readConfig().run;
  return follows === undefined ? undefined : orUndefined(() => findModel(root, follows, models));
}

function stateOfRelease({ folder, record }: Release): ModelState {
  const { version, model, checkpoint, architecture, classes, evaluation, trained_with: data } = record;
  const file = path.join(folder, checkpoint.file);
  const { model: weights, args = {} } = readWeights(file);
  return {
    side: { title: `${model} v${version}`, version, folder, checkpoint: file },
    weights,
    architecture,
    classes,
    settings: args,
    data: data ?? {},
    figures: evaluation,
    fingerprint: evaluation.data.fingerprint,
  };
}

function stateNow({ name, folder, models }: RegisteredModel): ModelState {
  const file = modelFile(folder, name);
  const contents = readWeights(file);
  const loaded = modelOfCheckpoint(file, contents, {}, models);
  const record: ModelRecord = new ModelFolder(folder).readConfig();
  const evaluation = evaluationIn(folder);
  return {
    side: { title: `${name} now`, version: null, folder, checkpoint: loaded.file },
    weights: contents.model,
    architecture: architectureOf(loaded),
    classes: classesOf(loaded, labelsOf(record)),
    settings: contents.args ?? {},
    data: record.run.data ?? {},
    figures: evaluation,
    fingerprint: evaluation?.data.fingerprint,
  };
}

function compareStates(before: ModelState, after: ModelState): ModelDiff {
  return {
    before: before.side,
    after: after.side,
    architecture: architectureChanges(before.architecture, after.architecture),
    settings: valueChanges(before.settings, after.settings),
    classes: {
      gloss: compareClasses(before.classes.gloss, after.classes.gloss),
      category: compareClasses(before.classes.category, after.classes.category),
    },
    data: valueChanges(before.data, after.data),
    same_clips: before.fingerprint === undefined || after.fingerprint === undefined ? null : before.fingerprint === after.fingerprint,
    figures: headsOf(before.classes, after.classes).flatMap((head) =>
      (['accuracy', 'top_5_accuracy', 'f1_weighted', 'f1_macro'] as const).map((name) =>
        figureChange(`${head} ${name}`, before.figures?.[head][name], after.figures?.[head][name]),
      ),
    ),
    weights: weightDistances(before.weights, after.weights),
    files: fileSizes(before.side.folder, after.side.folder),
  };
}

/** The heads whose figures say something of one of the two at least. */
function headsOf(...sides: readonly ClassNames[]): readonly HeadName[] {
  return sides.some(({ category }) => hasCategories({ category: category.length })) ? HEADS : ['gloss'];
}

function figureChange(name: string, before: number | undefined, after: number | undefined): FigureChange {
  const difference = before === undefined || after === undefined ? null : after - before;
  return { name, before: before ?? null, after: after ?? null, difference };
}

function valueChanges(before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): ValueChange[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap((key) => {
    const [was = null, is = null] = [before[key], after[key]];
    return JSON.stringify(was) === JSON.stringify(is) ? [] : [{ key, before: was, after: is }];
  });
}

/** What lies directly in either folder, a folder with all that is in it; the releases themselves are left out. */
function fileSizes(before: string, after: string): ModelDiff['files'] {
  const [was, is] = [sizesIn(before), sizesIn(after)];
  const names = [...new Set([...was.keys(), ...is.keys()])].sort();
  return names.map((name) => ({ path: name, before: was.get(name) ?? null, after: is.get(name) ?? null }));
}

function sizesIn(folder: string): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { path: file, bytes } of existsSync(folder) ? filesBelow(folder) : []) {
    const [top = file, ...rest] = file.split('/');
    const name = rest.length === 0 ? top : `${top}/`;
    if (name !== `${FOLDER_FILES.releases}/`) sizes.set(name, (sizes.get(name) ?? 0) + bytes);
  }
  return sizes;
}

/** How far a part of a model moved. */
interface PartDistance {
  /** As `encoder_layers.0`. */
  readonly part: string;
  /** The length of the difference by that of the weights before; null where it cannot be told, as the part is not in both in the same shape, or was all 0. */
  readonly relative_distance: number | null;
  readonly values: number;
}

/** How far the weights of two state_dicts are from each other, by part, and at last all of them. */
function weightDistances(before: StateDict, after: StateDict): PartDistance[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => (before.get(name) ?? after.get(name))?.storedAs === undefined,
  );
  const parts = [...new Set(names.map(partOf))];
  return [
    ...parts.map((part) => ({
      part,
      ...distance(
        names.filter((name) => partOf(name) === part),
        before,
        after,
      ),
    })),
    { part: 'all', ...distance(names, before, after) },
  ];
}

/** The first word of a name, with the number that follows it where it is one of several of its kind. */
function partOf(name: string): string {
  return /^[^.]+(?:\.\d+(?=\.))?/.exec(name)?.[0] ?? name;
}

function distance(names: readonly string[], before: StateDict, after: StateDict): Omit<PartDistance, 'part'> {
  let moved = 0;
  let length = 0;
  let values = 0;
  let known = true;
  for (const name of names) {
    const [was, is] = [before.get(name), after.get(name)];
    if (was === undefined || is === undefined || String(was.shape) !== String(is.shape)) {
      known = false;
      values += required(is ?? was, `a tensor ${name}`).values.length;
      continue;
    }
    values += is.values.length;
    for (let place = 0; place < is.values.length; place++) {
      const old = elementAt(was.values, place);
      moved += (elementAt(is.values, place) - old) ** 2;
      length += old ** 2;
    }
  }
  return { values, relative_distance: !known || (length === 0 && moved > 0) ? null : moved === 0 ? 0 : Math.sqrt(moved / length) };
}
