import type { Hooks } from '../../foundation/hooks';
import { elementAt } from '../../foundation/required';
import type { Split } from '../collections/read-collection';
import type { CheckedClip } from './examined-clip';
import { percentileOf } from './robust-figures';
import type { SetClip, SetUnderCheck } from './set-under-check';
import { examineSet, type SetOptions } from './validate';

/** A part of a set: its training, validation or test clips, or `all` of a collection or a folder that is not split. */
export type SplitName = Split | 'all';

/** Figures of the clips of one split. */
export interface SplitStatistics {
  readonly split: SplitName;
  readonly clips: number;
  /** Clips whose values cannot be used; they count in nothing below. */
  readonly unusable: number;
  readonly frames: number;
  /** Of the clips whose frame rate is known. */
  readonly seconds: number;
  /** Frames a second, over the clips that tell them; undefined where none does. */
  readonly frameRate: Percentiles | undefined;
  /** Frames a clip. */
  readonly lengths: Percentiles | undefined;
  readonly glosses: number;
  /** Undefined where the labels name no signers. */
  readonly signers: number | undefined;
  /** Share of the clips that the labels call occluded; undefined where they do not say. */
  readonly occluded: number | undefined;
  /** Of each part of the body the share of its points that are missing. */
  readonly missing: Readonly<Record<string, number>>;
  readonly values: { readonly least: number; readonly most: number } | undefined;
}

/** How some figures are spread, as numpy.percentile has it. */
export interface Percentiles {
  readonly least: number;
  readonly p5: number;
  readonly p25: number;
  readonly median: number;
  readonly p75: number;
  readonly p95: number;
  readonly most: number;
  readonly mean: number;
}

/** The clips of a gloss or a category, by split. */
export interface ClassStatistics {
  readonly id: number;
  readonly name: string;
  readonly clips: Readonly<Partial<Record<SplitName, number>>>;
}

/** What {@link setStatistics} tells of a set. */
export interface SetStatistics {
  readonly data: string;
  readonly kind: SetUnderCheck['kind'];
  /** In the order training, validation, test; one, `all`, of what is not split. */
  readonly splits: readonly SplitStatistics[];
  /** In the order of their ids. */
  readonly glosses: readonly ClassStatistics[];
  readonly categories: readonly ClassStatistics[];
}

/**
 * Counts and measures a set, a collection or a folder of clips: clips, frames, lengths, classes, signers, missing points, split by split.
 * @throws UserError where there is no such folder, or nothing in it that could be counted.
 */
export async function setStatistics(options: SetOptions, hooks: Hooks = {}): Promise<SetStatistics> {
  const { set, clips } = await examineSet(options, hooks);
  const names = (['train', 'validation', 'test', 'all'] as const).filter((name) => set.clips.some((clip) => splitName(clip) === name));
  return {
    data: set.folder,
    kind: set.kind,
    splits: names.map((name) => splitStatistics(name, set.clips, clips)),
    glosses: classStatistics(set, 'gloss', names),
    categories: classStatistics(set, 'category', names),
  };
}

function splitName({ split }: SetClip): SplitName {
  return split ?? 'all';
}

function splitStatistics(name: SplitName, all: readonly SetClip[], checked: readonly CheckedClip[]): SplitStatistics {
  const there = all.filter((clip) => splitName(clip) === name);
  const used = checked.filter(({ clip }) => splitName(clip) === name);
  const rates = used.flatMap(({ content: { framesPerSecond } }) => framesPerSecond ?? []);
  const signers = new Set(there.flatMap(({ signer }) => signer ?? []));
  const labels = there.flatMap(({ label }) => label ?? []);
  const saysOccluded = labels.filter(({ occluded }) => occluded !== undefined);
  return {
    split: name,
    clips: there.length,
    unusable: there.length - used.length,
    frames: sumOf(used.map(({ content: { frames } }) => frames)),
    seconds: sumOf(used.map(({ content: { frames, framesPerSecond } }) => (framesPerSecond === undefined ? 0 : frames / framesPerSecond))),
    frameRate: percentilesOf(rates),
    lengths: percentilesOf(used.map(({ content: { frames } }) => frames)),
    glosses: new Set(labels.map(({ gloss }) => gloss)).size,
    signers: signers.size === 0 ? undefined : signers.size,
    occluded: saysOccluded.length === 0 ? undefined : saysOccluded.filter(({ occluded }) => occluded === true).length / saysOccluded.length,
    missing: missingShares(used),
    values: used.length === 0 ? undefined : rangeOf(used),
  };
}

function sumOf(figures: readonly number[]): number {
  return figures.reduce((sum, figure) => sum + figure, 0);
}

/** Over all frames: a long clip counts for more. */
function missingShares(clips: readonly CheckedClip[]): Record<string, number> {
  const parts = Object.keys(clips[0]?.content.movement?.missing ?? {});
  const frames = sumOf(clips.map(({ content }) => content.frames));
  return Object.fromEntries(
    parts.map((part) => [part, sumOf(clips.map(({ content }) => content.frames * (content.movement?.missing[part] ?? 0))) / frames]),
  );
}

function rangeOf(clips: readonly CheckedClip[]): { least: number; most: number } {
  return clips.reduce(
    (range, { content: { least, most } }) => ({ least: Math.min(range.least, least), most: Math.max(range.most, most) }),
    { least: Infinity, most: -Infinity },
  );
}

function percentilesOf(figures: readonly number[]): Percentiles | undefined {
  if (figures.length === 0) return undefined;
  const ascending = Float64Array.from(figures).sort();
  const at = (share: number): number => percentileOf(ascending, share);
  return {
    least: at(0),
    p5: at(0.05),
    p25: at(0.25),
    median: at(0.5),
    p75: at(0.75),
    p95: at(0.95),
    most: at(1),
    mean: sumOf(figures) / figures.length,
  };
}

function classStatistics({ clips, names }: SetUnderCheck, kind: 'gloss' | 'category', splits: readonly SplitName[]): ClassStatistics[] {
  const counts = names[kind].map(() => Object.fromEntries(splits.map((split) => [split, 0])) as Partial<Record<SplitName, number>>);
  for (const clip of clips) {
    const count = clip.label === undefined ? undefined : counts[clip.label[kind]];
    if (count !== undefined) count[splitName(clip)] = (count[splitName(clip)] ?? 0) + 1;
  }
  return names[kind].map((name, id) => ({ id, name, clips: elementAt(counts, id) }));
}
