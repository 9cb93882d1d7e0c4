import path from 'node:path';
import type { LabelNames } from '../../data/clip-set';
import { comparedFromFiles, comparedFromResult } from '../../evaluation/compare/compare';
import { compareModels, type ComparedModel, type Contrast } from '../../evaluation/compare/comparison';
import { shownLabels, type LoadedModel } from '../../evaluation/loaded-model';
import { HEADS, type EvaluationResult, type HeadName } from '../../evaluation/result';
import { hasCategories } from '../../folder/config-file';
import { printableLine } from '../../foundation/text';
import { factsOfKeypoints } from '../../models/saved-keypoints';
import { orUndefined } from '../registered-models';
import { harmless } from './changelog';
import type { Release, ReleaseComparison, ReleaseRecord } from './release-record';

/** What whoever uses a model relies on, besides its classes: a change of it is a major one. */
export interface Architecture {
  readonly model: string;
  /** What fixes its shape and what it computes. */
  readonly config: Readonly<Record<string, string | number | boolean | null>>;
  /** The shape of every tensor of its state_dict, by name. */
  readonly tensors: Readonly<Record<string, readonly number[]>>;
}

/** The names of classes; position = id. */
export interface ClassNames {
  readonly gloss: readonly string[];
  readonly category: readonly string[];
}

/** What a config says of the training alone: it changes nothing of what a trained model computes. */
const OF_THE_TRAINING: ReadonlySet<string> = new Set(['dropout', 'freeze_backbone']);

/** The architecture of a checkpoint. */
export function architectureOf({ name, model, keypoints, transforms }: LoadedModel): Architecture {
  const { keypoints: described } = factsOfKeypoints(keypoints);
  return {
    model: name,
    config: {
      ...Object.fromEntries(Object.entries(model.config).filter(([key]) => !OF_THE_TRAINING.has(key))),
      ...(transforms.length === 0 ? {} : { transforms: JSON.stringify(transforms) }),
      ...(described === undefined ? {} : { keypoints: JSON.stringify(described) }),
    },
    tensors: Object.fromEntries(model.parameters.map((parameter) => [parameter.name, parameter.shape])),
  };
}

/** The classes of a checkpoint, by names that it has or that are known otherwise. */
export function classesOf(loaded: LoadedModel, otherwise: LabelNames | undefined): ClassNames {
  const { gloss, category } = shownLabels(loaded, otherwise);
  return { gloss, category };
}

/** What differs between two architectures, in a few words each; nothing where they are the same. */
export function architectureChanges(before: Architecture, after: Architecture): string[] {
  if (before.model !== after.model) return [`model ${before.model} → ${after.model}`];
  const keys = new Set([...Object.keys(before.config), ...Object.keys(after.config)]);
  const settings = [...keys].flatMap((key) => {
    const [was, is] = [before.config[key], after.config[key]];
    return was === is ? [] : [`${key} ${shown(was)} → ${shown(is)}`];
  });
  return [...settings, ...tensorChanges(before.tensors, after.tensors)];
}

/** What differs between two lists of classes. */
export interface ClassChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** The same id under another name. */
  readonly renamed: readonly { readonly id: number; readonly before: string; readonly after: string }[];
  /** The same name under another id. */
  readonly moved: readonly { readonly label: string; readonly before: number; readonly after: number }[];
}

/** Sets two lists of classes against each other. */
export function compareClasses(before: readonly string[], after: readonly string[]): ClassChanges {
  const [old, current] = [new Set(before), new Set(after)];
  const renamed = before.flatMap((label, id) => {
    const now = after[id];
    return now === undefined || now === label || current.has(label) || old.has(now) ? [] : [{ id, before: label, after: now }];
  });
  const from = new Set(renamed.map((change) => change.before));
  const to = new Set(renamed.map((change) => change.after));
  return {
    added: after.filter((label) => !old.has(label) && !to.has(label)),
    removed: before.filter((label) => !current.has(label) && !from.has(label)),
    renamed,
    moved: before.flatMap((label, id) => {
      const now = after.indexOf(label);
      return now === -1 || now === id ? [] : [{ label, before: id, after: now }];
    }),
  };
}

/** What differs between the classes of two models, in a few words each. */
export function classChangeTexts(before: ClassNames, after: ClassNames): string[] {
  return (['gloss', 'category'] as const).flatMap((head) => {
    const { added, removed, renamed, moved } = compareClasses(before[head], after[head]);
    const plural = head === 'gloss' ? 'glosses' : 'categories';
    return [
      ...(added.length === 0 ? [] : [`${plural} added: ${some(added)}`]),
      ...(removed.length === 0 ? [] : [`${plural} removed: ${some(removed)}`]),
      ...(renamed.length === 0 ? [] : [`${plural} renamed: ${some(renamed.map((change) => `${change.before} → ${change.after}`))}`]),
      ...(moved.length === 0 ? [] : [`${plural} with another id: ${some(moved.map(({ label }) => label))}`]),
    ];
  });
}

const MOST_NAMED = 5;

function tensorChanges(before: Architecture['tensors'], after: Architecture['tensors']): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const gone = names.filter((name) => after[name] === undefined);
  const fresh = names.filter((name) => before[name] === undefined);
  const reshaped = names.flatMap((name) => {
    const [was, is] = [before[name], after[name]];
    if (was === undefined || is === undefined || String(was) === String(is)) return [];
    return [`${name} [${was.join(', ')}] → [${is.join(', ')}]`];
  });
  return [
    ...(gone.length === 0 ? [] : [`tensors gone: ${some(gone)}`]),
    ...(fresh.length === 0 ? [] : [`tensors new: ${some(fresh)}`]),
    ...(reshaped.length === 0 ? [] : [`shapes: ${some(reshaped)}`]),
  ];
}

function some(names: readonly string[]): string {
  const listed = names.slice(0, MOST_NAMED).map(printableLine).join(', ');
  return names.length > MOST_NAMED ? `${listed} and ${names.length - MOST_NAMED} more` : listed;
}

function shown(value: Architecture['config'][string] | undefined): string {
  return value === undefined ? 'absent' : printableLine(String(value));
}

/**
 * Sets a new release against the one before: by what both gave just now for the same clips, else by what is recorded of the one before where that was for the
 * same clips too.
 * @param evaluated what the one before gave just now; or why it was not asked.
 */
export function compareReleases(before: Release, evaluated: EvaluationResult | string, after: EvaluationResult): ReleaseComparison {
  const now = comparedFromResult('', after);
  if (typeof evaluated !== 'string') return comparisonOf('evaluated', comparedFromResult('', evaluated), now);
  const { record, folder } = before;
  if (record.evaluation.data.fingerprint !== after.data.fingerprint) {
    return { basis: 'none', reason: `${evaluated}, and its recorded figures are of other clips` };
  }
  const recorded = orUndefined(() => comparedFromFiles(folder));
  if (recorded !== undefined) return comparisonOf('recorded', recorded, now);
  const { data, gloss, category } = record.evaluation;
  const contrast = (head: 'gloss' | 'category', was: number): { before: number; after: number; mcnemar_p: null } => ({
    before: was,
    after: after[head].metrics.accuracy,
    mcnemar_p: null,
  });
  return {
    basis: 'recorded',
    clips: data.clips,
    gloss: contrast('gloss', gloss.accuracy),
    category: contrast('category', category.accuracy),
  };
}

/** The heads in which a release is less accurate than the one before, as `gloss 0.872 → 0.846 (−2.6 points; McNemar p = 0.5)`. */
export function worseHeads(comparison: ReleaseComparison): string[] {
  if (comparison.basis === 'none') return [];
  const rounding = 1e-9;
  return HEADS.filter((head) => comparison[head].after < comparison[head].before - rounding).map((head) =>
    changeText(head, comparison[head]),
  );
}

/** Both heads' changes in one line. */
function changesText(comparison: Exclude<ReleaseComparison, { basis: 'none' }>, heads: readonly HeadName[]): string {
  return heads.map((head) => changeText(head, comparison[head])).join(', ');
}

function changeText(
  head: string,
  { before, after, mcnemar_p: p }: { readonly before: number; readonly after: number; readonly mcnemar_p: number | null },
): string {
  const points = (100 * Math.abs(after - before)).toFixed(1);
  const sign = points === '0.0' ? '±' : after > before ? '+' : '−';
  const test = p === null ? '' : `; McNemar p ${p < 0.001 ? '< 0.001' : `= ${Number(p.toPrecision(2))}`}`;
  return `${head} ${before.toFixed(3)} → ${after.toFixed(3)} (${sign}${points} points${test})`;
}

function comparisonOf(basis: 'evaluated' | 'recorded', before: ComparedModel, after: ComparedModel): ReleaseComparison {
  // They are of the same clips: the caller made sure. Features of pictures differ with what encodes them, though.
  const [contrast] = compareModels(before, [after], true).contrasts;
  if (contrast === undefined) throw new Error('there is one model to compare');
  return { basis, clips: contrast.pairedClips, gloss: headOf('gloss', before, contrast), category: headOf('category', before, contrast) };
}

function headOf(
  head: 'gloss' | 'category',
  before: ComparedModel,
  { model, test, pairedClips }: Contrast,
): {
  before: number;
  after: number;
  mcnemar_p: number | null;
} {
  return {
    before: before.figures[head].accuracy,
    after: model.figures[head].accuracy,
    mcnemar_p: pairedClips === 0 ? null : test[head].p,
  };
}

/** The heads whose figures say something of a model with these classes. */
function headsOf({ category }: ClassNames): readonly HeadName[] {
  return hasCategories({ category: category.length }) ? HEADS : ['gloss'];
}

/** The bullets of a release in CHANGELOG.md: what it is, what its figures are and how they changed, then what its maker said of it. */
export function releaseLines(release: Omit<ReleaseRecord, 'changelog'>): string[] {
  const { model, notes, follows, previous } = release;
  return [
    `Folder: ${model}${follows !== null && previous?.model === follows ? `, which follows ${follows}` : ''}`,
    dataLine(release),
    validationLine(release),
    ...weightsLines(release),
    ...changeLines(release),
    ...notes,
  ];
}

function dataLine({ trained_with: data }: Omit<ReleaseRecord, 'changelog'>): string {
  if (data === null) return 'Data: what it was trained with is not known';
  const count = (clips: number): string => clips.toLocaleString('en');
  const made = data.synthetic ? ' (synthetic: figures say nothing about real signs)' : '';
  return `Data: ${count(data.train_clips)} training and ${count(data.validation_clips)} validation clips of ${harmless(path.basename(data.title))}${made}, fingerprint ${harmless(data.fingerprint.slice(0, 16))}`;
}

function validationLine({
  evaluation: { data, gloss, category },
  classes,
  checkpoint: { epoch },
  trained_with,
}: Omit<ReleaseRecord, 'changelog'>): string {
  const tells = headsOf(classes).includes('category');
  const at = epoch === null ? '' : ` at epoch ${epoch}`;
  const elsewhere =
    trained_with?.title === data.title ? '' : `, on ${data.clips.toLocaleString('en')} clips of ${harmless(path.basename(data.title))}`;
  return `Validation: gloss ${gloss.accuracy.toFixed(3)}${tells ? `, category ${category.accuracy.toFixed(3)}` : ''}${at}${elsewhere}`;
}

function weightsLines({
  checkpoint: { dtype, before, largest_logit_difference: difference },
  classes,
}: Omit<ReleaseRecord, 'changelog'>): string[] {
  if (dtype === 'float32') return [];
  const category = headsOf(classes).includes('category') ? `, category ${before.category.accuracy.toFixed(3)}` : '';
  return [
    `Weights: ${dtype}; in float32 gloss ${before.gloss.accuracy.toFixed(3)}${category}, and logits that differ by up to ${difference.toPrecision(2)}`,
  ];
}

function changeLines({ comparison, previous, changes, classes }: Omit<ReleaseRecord, 'changelog'>): string[] {
  if (comparison === null || previous === null) return [];
  const since = `v${previous.version}`;
  const incompatible = changes.length === 0 ? [] : [`Incompatible with ${since}: ${harmless(changes.join('; '))}`];
  if (comparison.basis === 'none') return [`Accuracy against ${since}: not comparable: ${harmless(comparison.reason)}`, ...incompatible];
  const basis = comparison.basis === 'recorded' ? ', as recorded' : '';
  const worse = worseHeads(comparison).length > 0 ? '; less accurate, and released on purpose' : '';
  return [`Accuracy from ${since}${basis}: ${changesText(comparison, headsOf(classes))}${worse}`, ...incompatible];
}
