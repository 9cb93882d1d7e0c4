import type { LabelNames } from './clip-set';
import type { DataProblem } from './data-error';
import type { LocatedClip } from './locate-clips';

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
interface IdKind {
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
 * @param told whether something else than the ids says how many classes there are.
 */
export function judgeClassUse(clips: LabelledSplits, names: LabelNames, told: Readonly<Record<keyof LabelNames, boolean>>): ClassUse {
  const judged = KINDS.map((kind) => judgeKind(clips, kind, names[kind.names], told[kind.names]));
  return { problems: judged.flatMap(({ problems }) => problems), warnings: judged.flatMap(({ warnings }) => warnings) };
}

function judgeKind({ train, validation }: LabelledSplits, kind: IdKind, names: readonly string[], told: boolean): ClassUse {
  const trained = idsOf(train, kind);
  const used = idsOf([...train, ...validation], kind);
  if (!told && 2 * trained.length < names.length && trained.length > 0)
    return { problems: [gapProblem([...train, ...validation], kind, used, trained)], warnings: [] };
  const warnings: string[] = [];
  const isTrained = new Set(trained);
  const validatedAlone = used.filter((id) => !isTrained.has(id));
  if (validatedAlone.length > 0 && trained.length > 0) {
    const listed = list(validatedAlone.map((id) => named(names, id, kind)));
    warnings.push(`${kind.many} without a training clip, though validation clips have them: ${listed}; the model cannot learn them`);
  }
  if (!told && used.length < names.length) warnings.push(`${gapText(kind, used)}; such a class stays empty`);
  return { problems: [], warnings };
}

/** In ascending order, each once. */
function idsOf(clips: readonly LocatedClip[], { idOf }: IdKind): number[] {
  return [...new Set(clips.map(idOf))].sort((a, b) => a - b);
}

/** What is said where most classes have no training clip. */
function gapProblem(clips: readonly LocatedClip[], kind: IdKind, used: readonly number[], trained: readonly number[]): DataProblem {
  const largest = used.at(-1) ?? 0;
  const clip = clips.find((other) => kind.idOf(other) === largest);
  if (clip === undefined) throw new Error(`no clip has the ${kind.one} ${largest} that was found among the clips`);
  const classes = `${largest + 1} ${kind.many}, ${largest + 1 - trained.length} of them without a training clip`;
  const mend = `or give ${kind.flag} ${largest + 1} if there are so many`;
  const file = clip.labelsFile;
  const below = used.filter((id) => id < largest);
  const isAlone = below.length > 0 && 2 * below.length >= (below.at(-1) ?? 0) + 1;
  if (isAlone) {
    const others = `the other ids are ${rangesText(below)}`;
    return { file, problem: `line ${clip.label.line}: ${kind.column} ${largest} would make ${classes}; ${others}: correct it, ${mend}` };
  }
  const numbering = `number them 0, 1, 2 … without a gap, name them in labels_reference.csv, ${mend}`;
  return { file, problem: `line ${clip.label.line}: ${gapText(kind, used)}: ids to ${largest} would make ${classes}; ${numbering}` };
}

/** Which ids are in use and which are not: `glosses 1 to 13 are used, 0 is not: are the ids 1-based?`. */
function gapText(kind: IdKind, used: readonly number[]): string {
  const [first = 0] = used;
  const last = used.at(-1) ?? 0;
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
  return words.length <= LISTED ? words.join(', ') : `${words.slice(0, LISTED - 1).join(', ')} … ${words.at(-1) ?? ''}`;
}
