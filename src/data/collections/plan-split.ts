import { UserError } from '../../foundation/errors';
import { elementAt, required } from '../../foundation/required';
import { counted, excerpt, listed, nearestName } from '../../foundation/text';
import { DataError, ProblemList } from '../data-error';
import { splitOfWord, stratifiedFolds, stratifiedSplit } from './assign-clips';
import { assignGroups } from './assign-groups';
import type { ChosenClasses, ChosenClip } from './choose-classes';
import type { CheckedSplitOptions } from './options';
import type { Collection, Split } from './read-collection';

/** How much of the clips trains where nothing else is said: the usual four fifths. */
export const USUAL_TRAIN_RATIO = 0.8;

/** A set that is to be written: the clips of the plan with the part that each is in. */
export interface PlannedSet {
  /** Which of the folds it is, from 1; undefined where there are none. */
  readonly fold: number | undefined;
  readonly parts: readonly Split[];
}

export interface SplitPlan {
  readonly sets: readonly PlannedSet[];
  /** What is odd about it, a line each: glosses that are in one part alone. */
  readonly warnings: readonly string[];
}

/**
 * Decides which clips train and which validate.
 * @throws UserError where that cannot be done; DataError with the lines that do not say their group or part.
 */
export function planSplit(collection: Collection, chosen: ChosenClasses, options: CheckedSplitOptions): SplitPlan {
  const { by_column: column, folds } = options;
  if (column !== undefined) {
    refuseBeside('--by-column', options, ['train_ratio', 'group', 'folds']);
    return judged(collection, chosen, [{ fold: undefined, parts: partsOfColumn(collection, chosen.clips, column) }]);
  }
  if (folds === undefined) {
    const trainRatio = options.train_ratio ?? USUAL_TRAIN_RATIO;
    return judged(collection, chosen, [{ fold: undefined, parts: drawnParts(collection, chosen.clips, trainRatio, options) }]);
  }
  refuseBeside('--folds', options, ['train_ratio']);
  if (options.how === 'move')
    throw new UserError('--folds: every fold has all clips, so they cannot be moved; give --how copy or --how link');
  const dealt = dealtFolds(collection, chosen.clips, folds, options);
  const sets = Array.from({ length: folds }, (_, fold): PlannedSet => {
    const parts = dealt.map((ofClip): Split => (ofClip === 'test' ? 'test' : ofClip === fold ? 'validation' : 'train'));
    return { fold: fold + 1, parts };
  });
  return judged(collection, chosen, sets);
}

function refuseBeside(flag: string, options: CheckedSplitOptions, keys: readonly ('train_ratio' | 'group' | 'folds')[]): void {
  const given = keys.filter((key) => options[key] !== undefined).map((key) => `--${key.replace('_', '-')}`);
  if (given.length === 0) return;
  throw new UserError(`${given.join(', ')}: ${flag} says already which clips validate; leave one of them out`);
}

/** Clips that a set has put aside as its test part stay there: who divides it anew does not train on them. */
function isToDivide({ clip }: ChosenClip): boolean {
  return clip.split !== 'test';
}

function drawnParts(
  collection: Collection,
  clips: readonly ChosenClip[],
  trainRatio: number,
  { seed, group }: CheckedSplitOptions,
): Split[] {
  const divided = clips.filter(isToDivide);
  const toAssign = divided.map(({ clip, gloss }) => ({ name: clip.label.name, gloss }));
  if (group === undefined) return withTestPart(clips, stratifiedSplit(toAssign, trainRatio, seed));
  const groups = groupsOf(collection, divided, group, 2);
  const grouped = toAssign.map((clip, place) => ({ ...clip, group: elementAt(groups, place) }));
  const parts = assignGroups(grouped, [trainRatio, 1 - trainRatio], seed);
  return withTestPart(
    clips,
    parts.map((part) => (part === 0 ? 'train' : 'validation')),
  );
}

/** @returns of each clip the fold in which it validates, from 0. */
function dealtFolds(
  collection: Collection,
  clips: readonly ChosenClip[],
  folds: number,
  { seed, group }: CheckedSplitOptions,
): (number | 'test')[] {
  const divided = clips.filter(isToDivide);
  const toAssign = divided.map(({ clip, gloss }) => ({ name: clip.label.name, gloss }));
  if (divided.length < folds)
    throw new UserError(`--folds ${folds}: there are ${counted(divided.length, 'clip')}; give no more folds than clips`);
  if (group === undefined) return withTestPart(clips, stratifiedFolds(toAssign, folds, seed));
  const groups = groupsOf(collection, divided, group, folds);
  const grouped = toAssign.map((clip, place) => ({ ...clip, group: elementAt(groups, place) }));
  return withTestPart(clips, assignGroups(grouped, new Array<number>(folds).fill(1 / folds), seed));
}

/** What becomes of all clips, given what becomes of those that are divided, in their order. */
function withTestPart<Part>(clips: readonly ChosenClip[], ofDivided: readonly Part[]): (Part | 'test')[] {
  let next = 0;
  return clips.map((clip) => (isToDivide(clip) ? required(ofDivided[next++], `the part of ${clip.clip.label.name}`) : 'test'));
}

/** Of each clip its group: what it has in a column. */
function groupsOf({ folder, furtherColumns }: Collection, clips: readonly ChosenClip[], column: string, atLeast: number): string[] {
  requireColumn(folder, furtherColumns, '--group', column);
  const groups = cellsOf(
    clips,
    column,
    (cell) => (cell === '' ? undefined : cell),
    `no ${column}, so it cannot be told which clips belong together; fill it in`,
  );
  const found = new Set(groups).size;
  if (found >= atLeast) return groups;
  throw new UserError(
    `--group ${column}: ${folder} has ${counted(found, column)}, and each stays in one part: at least ${atLeast} are needed`,
  );
}

function partsOfColumn({ folder, furtherColumns }: Collection, clips: readonly ChosenClip[], column: string): Split[] {
  requireColumn(folder, furtherColumns, '--by-column', column);
  return cellsOf(clips, column, splitOfWord, 'expected train, val (or validation, dev) or test');
}

function requireColumn(folder: string, columns: readonly string[], flag: string, column: string): void {
  if (columns.includes(column.toLowerCase())) return;
  const near = nearestName(column, columns);
  const there =
    columns.length === 0 ? 'they have file, gloss and cat alone' : `beside file, gloss and cat they have ${listed(columns, 10)}`;
  throw new UserError(
    `${flag} ${column}: the labels of ${folder} have no such column; ${near === undefined ? there : `did you mean ${near}?`}`,
  );
}

/** What each clip's cell of a column means; a line whose cell means nothing is a problem. */
function cellsOf<Meaning>(
  clips: readonly ChosenClip[],
  column: string,
  meaning: (cell: string) => Meaning | undefined,
  expected: string,
): Meaning[] {
  const problems = new Map<string, ProblemList>();
  const meanings = clips.flatMap(({ clip }) => {
    const cell = (clip.cell(column.toLowerCase()) ?? '').normalize('NFC');
    const meant = meaning(cell);
    if (meant !== undefined) return [meant];
    const list = problems.get(clip.labelsFile) ?? new ProblemList(clip.labelsFile);
    problems.set(clip.labelsFile, list);
    list.add(`line ${clip.label.line}: ${column} "${excerpt(cell)}": ${expected}`);
    return [];
  });
  if (problems.size > 0) throw new DataError([...problems.values()].flatMap((list) => list.list()));
  return meanings;
}

const NAMED = 8;

/** Adds what is odd about a plan, and refuses one that nothing could be trained or validated with. */
function judged({ folder }: Collection, { clips, names }: ChosenClasses, sets: readonly PlannedSet[]): SplitPlan {
  const nameOf = (gloss: number): string => excerpt(elementAt(names.gloss, gloss));
  const warnings: string[] = [];
  const counts = clips.reduce((found, { gloss }) => found.set(gloss, (found.get(gloss) ?? 0) + 1), new Map<number, number>());
  for (const { fold, parts } of sets) {
    const glossesIn = (part: Split): Set<number> => new Set(clips.filter((_, place) => parts[place] === part).map(({ gloss }) => gloss));
    const [train, validation] = [glossesIn('train'), glossesIn('validation')];
    const where = fold === undefined ? '' : ` of fold ${fold}`;
    if (train.size === 0) throw new UserError(`${folder}: no clip would train${where}`);
    if (validation.size === 0) throw new UserError(`${folder}: no clip would validate${where}: ${whyNone(counts)}`);
    const untrained = [...validation].filter((gloss) => !train.has(gloss));
    if (untrained.length > 0)
      warnings.push(
        `${counted(untrained.length, 'gloss has', 'glosses have')} no training clip${where}, only others: ${listed(untrained.map(nameOf), NAMED)}; no model can learn ${untrained.length === 1 ? 'it' : 'them'}`,
      );
    if (fold !== undefined) continue;
    const unvalidated = [...train].filter((gloss) => !validation.has(gloss));
    if (unvalidated.length > 0)
      warnings.push(
        `${counted(unvalidated.length, 'gloss has', 'glosses have')} no validation clip: ${listed(unvalidated.map(nameOf), NAMED)}; figures say nothing of ${unvalidated.length === 1 ? 'it' : 'them'}`,
      );
  }
  const folds = sets.length;
  const few = folds === 1 ? [] : [...counts].filter(([, count]) => count < folds).map(([gloss]) => gloss);
  if (few.length > 0)
    warnings.push(
      `${counted(few.length, 'gloss has', 'glosses have')} fewer than ${folds} clips: in some folds none of them validates (${listed(few.map(nameOf), NAMED)})`,
    );
  return { sets, warnings };
}

function whyNone(counts: ReadonlyMap<number, number>): string {
  return Math.max(...counts.values()) === 1
    ? 'every gloss has one clip alone, which trains; two or more of a gloss can be divided'
    : 'nothing says that one does';
}
