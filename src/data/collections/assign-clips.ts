import { createHash } from 'node:crypto';
import { elementAt } from '../../foundation/required';
import type { Split } from './read-collection';

/** What of a clip decides where it goes. */
export interface ClipToAssign {
  readonly name: string;
  readonly gloss: number;
}

/** What makes up for products of decimal shares that miss a whole number by their last bit: 35 × 0.2 is 7. */
const ROUNDING = 1e-9;

/**
 * Divides clips into training and validation, stratified by gloss: every gloss validates with the same share as far as its clips allow, and one of two clips or more
 * has clips in both parts; a single clip trains. A function of names, glosses and seed: neither the order of the clips matters nor what other glosses there are, but
 * for one clip a gloss that rounding gives or takes.
 * @param trainRatio above 0 and below 1.
 * @returns the part of each clip, in their order.
 */
export function stratifiedSplit(clips: readonly ClipToAssign[], trainRatio: number, seed: number): Split[] {
  const parts = new Array<Split>(clips.length).fill('train');
  let seen = 0;
  let chosen = 0;
  for (const places of placesByGloss(clips, seed)) {
    const count = places.length;
    // What one gloss is rounded down by, the next is rounded up by, so that the ratio of the whole is met too.
    seen += count;
    const exact = count * (1 - trainRatio);
    const least = Math.max(Math.floor(exact + ROUNDING), Math.min(1, count - 1));
    const most = Math.max(least, Math.ceil(exact - ROUNDING));
    const wanted = Math.round(seen * (1 - trainRatio)) - chosen;
    const validating = Math.min(Math.max(wanted, least), most, count - 1);
    chosen += validating;
    for (const place of places.slice(0, validating)) parts[place] = 'validation';
  }
  return parts;
}

/**
 * Divides clips into folds, stratified by gloss: of every gloss, and of all clips, no fold has more than one clip more than another.
 * @returns the fold of each clip, from 0, in their order.
 */
export function stratifiedFolds(clips: readonly ClipToAssign[], folds: number, seed: number): number[] {
  const dealt = new Array<number>(clips.length).fill(0);
  const inOrder = placesByGloss(clips, seed).flat();
  for (const [turn, place] of inOrder.entries()) dealt[place] = turn % folds;
  return dealt;
}

/** The places of each gloss's clips in the list, the glosses by their ids, their clips in an order that the seed draws. */
function placesByGloss(clips: readonly ClipToAssign[], seed: number): number[][] {
  const drawn = clips.map(({ name }) => drawnOf(name, seed));
  const places = new Map<number, number[]>();
  for (const [place, { gloss }] of clips.entries()) {
    const ofGloss = places.get(gloss);
    if (ofGloss === undefined) places.set(gloss, [place]);
    else ofGloss.push(place);
  }
  return [...places]
    .sort(([one], [other]) => one - other)
    .map(([, ofGloss]) => ofGloss.sort((one, other) => (elementAt(drawn, one) < elementAt(drawn, other) ? -1 : 1)));
}

/** What a name draws: a number that looks like chance, the same wherever and among whatever others it is drawn. */
export function drawnOf(name: string, seed: number): string {
  return createHash('sha256').update(`${seed}\n${name}`).digest('hex');
}

/** The words of a split column. */
const SPLIT_WORDS: Readonly<Record<string, Split | undefined>> = {
  train: 'train',
  training: 'train',
  val: 'validation',
  valid: 'validation',
  validation: 'validation',
  dev: 'validation',
  test: 'test',
  testing: 'test',
};

/** The part that a cell of a split column names; undefined where it is none of `train`, `val`, `validation`, `dev` and `test`. */
export function splitOfWord(cell: string): Split | undefined {
  const word = cell.toLowerCase();
  return Object.hasOwn(SPLIT_WORDS, word) ? SPLIT_WORDS[word] : undefined;
}
