import path from 'node:path';
import { elementAt, required } from '../foundation/required';
import { counted, excerpt } from '../foundation/text';
import type { LabelReference } from './class-ids';
import type { FingerprintedClip, LabelNames } from './clip-set';
import { byCause, type DataProblem } from './data-error';
import type { LocatedClip } from './locate-clips';

/**
 * Ids in the labels that have no class.
 * @param known the names that the data gives its classes.
 * @param advice what to do about ids of a column; `wanted` classes would make room for them.
 */
export function idProblems(
  clips: readonly LocatedClip[],
  names: LabelNames,
  known: Partial<LabelNames>,
  advice = ({ flag }: IdKind, wanted: number): string => `correct it, or give ${flag} ${wanted}`,
): DataProblem[] {
  const enough = ({ idOf, names: kind }: (typeof KINDS)[number]): number =>
    clips.reduce((most, clip) => Math.max(most, idOf(clip) + 1), known[kind]?.length ?? 0);
  const checks = KINDS.map((kind) => ({ ...kind, classes: names[kind.names].length, wanted: enough(kind) }));
  return clips.flatMap((clip) =>
    checks.flatMap((kind): DataProblem[] => {
      const { column, idOf, classes, wanted } = kind;
      const id = idOf(clip);
      if (id < classes) return [];
      const range = `there ${classes === 1 ? 'is' : 'are'} ${counted(classes, 'class', 'classes')} (0–${classes - 1})`;
      const problem = `line ${clip.label.line}: ${column} ${id} is out of range, ${range}; ${advice(kind, wanted)}`;
      return [{ file: clip.labelsFile, problem }];
    }),
  );
}

/** Clips that are in both splits. */
export function overlapProblems(train: readonly LocatedClip[], validation: readonly LocatedClip[]): DataProblem[] {
  const validated = new Set(validation.flatMap(({ label, file }) => [label.name, file]));
  const trained = new Map<string, LocatedClip>();
  for (const clip of train) for (const key of [clip.label.name, clip.file]) if (validated.has(key)) trained.set(key, clip);
  return validation.flatMap(({ label, labelsFile, file }) => {
    const other = trained.get(label.name) ?? trained.get(file);
    if (other === undefined) return [];
    const place = `${path.basename(other.labelsFile)} (line ${other.label.line})`;
    const problem = `line ${label.line}: clip "${excerpt(label.name)}" is in ${place} too; a clip is for training or for validation`;
    return [{ file: labelsFile, problem }];
  });
}

/** The files of clips that can be used and are odd. */
export interface OddClips {
  /** Numbers outside [0, 1]. */
  readonly outsideUnit: readonly string[];
  /** Nothing but zeros: no key point in any frame. */
  readonly allZero: readonly string[];
  /** The same in every frame. */
  readonly constant: readonly string[];
  /** What is odd about the arrays beside the values. */
  readonly remarks: readonly DataProblem[];
}

/** What is odd in a set that can be used all the same, a line each: most often a slip in its making. */
export function dataWarnings(
  labelled: readonly LocatedClip[],
  reference: LabelReference | undefined,
  fingerprinted: readonly FingerprintedClip[],
  { outsideUnit, allZero, constant, remarks }: OddClips,
): string[] {
  const warnings: string[] = [];
  const otherCase = labelled.filter((clip) => clip.otherCase);
  if (otherCase[0]) {
    const { label, labelsFile, file } = otherCase[0];
    const pair = `${labelsFile} line ${label.line} has "${excerpt(label.name)}", the file is ${path.basename(file)}`;
    warnings.push(`${otherCase.length} of ${labelled.length} clips are named in another case than their files (the first: ${pair})`);
  }
  if (allZero[0] !== undefined) {
    const advice = 'no key point in any frame; remove them or make them again';
    warnings.push(`${allZero.length} of ${labelled.length} clips hold nothing but zeros (the first: ${allZero[0]}): ${advice}`);
  }
  if (outsideUnit[0] !== undefined) {
    warnings.push(`${outsideUnit.length} of ${labelled.length} clips hold numbers outside [0, 1] (the first: ${outsideUnit[0]})`);
  }
  if (constant[0] !== undefined) {
    const advice = 'nothing moves in them; are they stills, or one frame written many times?';
    warnings.push(`${constant.length} of ${labelled.length} clips are the same in every frame (the first: ${constant[0]}): ${advice}`);
  }
  for (const [first, ...others] of byCause(remarks)) {
    warnings.push(
      `${1 + others.length} of ${labelled.length} clips hold an array that is not read (the first: ${first.file}): ${first.problem}`,
    );
  }
  const otherCategory = labelled.filter(({ label }) => (reference?.categoryOfGloss[label.gloss] ?? label.category) !== label.category);
  if (otherCategory[0]) {
    const { label, labelsFile } = otherCategory[0];
    const said = `${labelsFile} line ${label.line}: gloss ${label.gloss} with category ${label.category}`;
    warnings.push(
      `${otherCategory.length} of ${labelled.length} clips have a category other than labels_reference.csv gives their gloss (the first: ${said})`,
    );
  }
  const differing = differentlyLabelled(fingerprinted);
  if (differing[0] !== undefined) {
    const { one, other } = differing[0];
    warnings.push(
      `${counted(differing.length, 'clip has', 'clips have')} exactly the values of a clip of another gloss (the first: "${excerpt(other.name)}", gloss ${other.gloss}, and "${excerpt(one.name)}", gloss ${one.gloss}): one of the two labels must be wrong`,
    );
  }
  const validation = fingerprinted.filter(({ split }) => split === 'validation');
  const validated = new Set(validation.map(({ digest }) => digest));
  const trained = new Map<string, string>();
  for (const { split, digest, name } of fingerprinted) if (split === 'train' && validated.has(digest)) trained.set(digest, name);
  const leaked = validation.filter(({ digest }) => trained.has(digest));
  if (leaked[0]) {
    const pair = `the first: "${leaked[0].name}" and "${required(trained.get(leaked[0].digest), 'the training clip of the same values')}"`;
    warnings.push(
      `validation clips with exactly the values of a training clip: ${leaked.length} (${pair}); the figures will look too good`,
    );
  }
  return warnings;
}

/** Clips of the same values under different glosses: each with the first of its values. */
function differentlyLabelled(
  clips: readonly FingerprintedClip[],
): { readonly one: FingerprintedClip; readonly other: FingerprintedClip }[] {
  const firstOf = new Map<string, FingerprintedClip>();
  const differing: { readonly one: FingerprintedClip; readonly other: FingerprintedClip }[] = [];
  for (const other of clips) {
    const one = firstOf.get(other.digest);
    if (one === undefined) firstOf.set(other.digest, other);
    else if (one.gloss !== other.gloss) differing.push({ one, other });
  }
  return differing;
}

/** The labelled clips of a training. */
interface LabelledSplits {
  readonly train: readonly LocatedClip[];
  readonly validation: readonly LocatedClip[];
}

/** What is wrong, and what is odd, about how the ids of a training's clips are spread. */
export interface ClassUse {
  readonly problems: readonly DataProblem[];
  readonly warnings: readonly string[];
}

/** One of the two kinds of ids. */
export interface IdKind {
  readonly column: 'gloss' | 'cat';
  readonly one: string;
  readonly many: string;
  readonly flag: string;
  readonly idOf: (clip: LocatedClip) => number;
}

const KINDS: readonly (IdKind & { readonly names: keyof LabelNames })[] = [
  { column: 'gloss', one: 'gloss', many: 'glosses', flag: '--num-gloss', names: 'gloss', idOf: ({ label }) => label.gloss },
  { column: 'cat', one: 'category', many: 'categories', flag: '--num-cat', names: 'category', idOf: ({ label }) => label.category },
];

const LISTED = 8;

/**
 * Judges the ids of a training's clips. Where a reference or a setting says how many classes there are, only classes that are validated and never trained are
 * odd. Where the largest id says it, a slip makes classes without a clip: many of them are refused, a few are a warning.
 * @param countsAreGiven whether something else than the ids says how many classes there are.
 */
export function judgeClassUse(
  clips: LabelledSplits,
  names: LabelNames,
  countsAreGiven: Readonly<Record<keyof LabelNames, boolean>>,
): ClassUse {
  const judged = KINDS.map((kind) => judgeKind(clips, kind, names[kind.names], countsAreGiven[kind.names]));
  return { problems: judged.flatMap(({ problems }) => problems), warnings: judged.flatMap(({ warnings }) => warnings) };
}

function judgeKind({ train, validation }: LabelledSplits, kind: IdKind, names: readonly string[], countIsGiven: boolean): ClassUse {
  const trained = idsOf(train, kind);
  const used = idsOf([...train, ...validation], kind);
  if (!countIsGiven && 2 * trained.length < names.length && trained.length > 0)
    return { problems: [gapProblem([...train, ...validation], kind, used, trained)], warnings: [] };
  const warnings: string[] = [];
  const isTrained = new Set(trained);
  const validatedAlone = used.filter((id) => !isTrained.has(id));
  if (validatedAlone.length > 0 && trained.length > 0) {
    const listed = list(validatedAlone.map((id) => named(names, id, kind)));
    warnings.push(`${kind.many} without a training clip, though validation clips have them: ${listed}; the model cannot learn them`);
  }
  if (!countIsGiven && used.length < names.length) warnings.push(`${gapText(kind, used)}; such a class stays empty`);
  return { problems: [], warnings };
}

/** In ascending order, each once. */
function idsOf(clips: readonly LocatedClip[], { idOf }: IdKind): number[] {
  return [...new Set(clips.map(idOf))].sort((a, b) => a - b);
}

/** What is said where most classes have no training clip. */
function gapProblem(clips: readonly LocatedClip[], kind: IdKind, used: readonly number[], trained: readonly number[]): DataProblem {
  const largest = required(used.at(-1), `a ${kind.one} in use`);
  const clip = clips.find((other) => kind.idOf(other) === largest);
  if (clip === undefined) throw new Error(`no clip has the ${kind.one} ${largest} that was found among the clips`);
  const classes = `${largest + 1} ${kind.many}, ${largest + 1 - trained.length} of them without a training clip`;
  const mend = `or give ${kind.flag} ${largest + 1} if there are so many`;
  const file = clip.labelsFile;
  const below = used.filter((id) => id < largest);
  const isAlone = below.length > 0 && 2 * below.length >= required(below.at(-1), 'the largest of the other ids') + 1;
  if (isAlone) {
    const others = `the other ids are ${rangesText(below)}`;
    return { file, problem: `line ${clip.label.line}: ${kind.column} ${largest} would make ${classes}; ${others}: correct it, ${mend}` };
  }
  const numbering = `number them 0, 1, 2 … without a gap, name them in labels_reference.csv, ${mend}`;
  return { file, problem: `line ${clip.label.line}: ${gapText(kind, used)}: ids to ${largest} would make ${classes}; ${numbering}` };
}

/** Which ids are in use and which are not: `glosses 1 to 13 are used, 0 is not: are the ids 1-based?`. */
function gapText(kind: IdKind, used: readonly number[]): string {
  const first = elementAt(used, 0);
  const last = required(used.at(-1), `a ${kind.one} in use`);
  const isUsed = new Set(used);
  const unused: number[] = [];
  for (let id = 0; id < last; id++) if (!isUsed.has(id)) unused.push(id);
  const question = first === 1 && unused.length === 1 ? ': are the ids 1-based? They count from 0' : '';
  const usedText = used.length === 1 ? `${kind.one} ${first} is` : `${kind.many} ${rangesText(used)} are`;
  return `${usedText} used, ${rangesText(unused)} ${unused.length === 1 ? 'is' : 'are'} not${question}`;
}

/** Ascending ids in few words: `0 to 12, 99999`. */
function rangesText(ids: readonly number[]): string {
  const ranges: { first: number; last: number }[] = [];
  for (const id of ids) {
    const open = ranges.at(-1);
    if (open?.last === id - 1) open.last = id;
    else ranges.push({ first: id, last: id });
  }
  return list(ranges.map(({ first, last }) => (first === last ? `${first}` : `${first} ${last === first + 1 ? 'and' : 'to'} ${last}`)));
}

function named(names: readonly string[], id: number, { one }: IdKind): string {
  const name = names[id];
  return name === undefined || name === `${one} ${id}` ? `${id}` : `${name} (${id})`;
}

function list(words: readonly string[]): string {
  return words.length <= LISTED
    ? words.join(', ')
    : `${words.slice(0, LISTED - 1).join(', ')} … ${required(words.at(-1), 'the last word')}`;
}
