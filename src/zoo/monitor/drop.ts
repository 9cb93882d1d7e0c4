import type { ComparedModel } from '../../evaluation/compare/compared-model';
import { compareModels } from '../../evaluation/compare/comparison';
import { HEADS, type HeadName } from '../../evaluation/result';
import type { HistoryRow } from './history';

/** How a head does on new data, beside the model's own evaluation. */
export interface HeadChange {
  readonly now: number;
  readonly before: number;
  /** Accuracy now less before. */
  readonly difference: number;
  /** Its 95 % interval; undefined where the clips are the same, and paired. */
  readonly interval: { readonly low: number; readonly high: number } | undefined;
  /** Of McNemar's exact test, where the clips are the same. */
  readonly p: number | undefined;
  /** Whether it is lower by more than chance would explain. */
  readonly drop: boolean;
}

/** What an evaluation on new data means. */
export interface DropJudgement {
  readonly verdict: HistoryRow['verdict'];
  readonly basis: HistoryRow['basis'];
  /** Undefined where the model has no evaluation of its own. */
  readonly heads: Readonly<Record<HeadName, HeadChange>> | undefined;
}

/**
 * Sets an evaluation on new data against the model's own. Of the same clips the predictions are paired (McNemar's exact test); else the difference of the two
 * accuracies has an interval made of both their Wilson intervals (Newcombe 1998, method 10), and a drop is one whose whole interval is below 0.
 * @param own undefined where the model has none.
 */
export function judgeDrop(own: ComparedModel | undefined, now: ComparedModel): DropJudgement {
  if (own === undefined) return { verdict: 'no_reference', basis: 'none', heads: undefined };
  const paired = own.data.fingerprint === now.data.fingerprint;
  const change = paired ? pairedChanges(own, now) : (head: HeadName): HeadChange => changeOf(own, now, head);
  const heads = { gloss: change('gloss'), category: change('category') };
  const same = paired && HEADS.every((head) => heads[head].difference === 0);
  return { verdict: dropOf(heads) ?? (same ? 'unchanged' : 'within_interval'), basis: paired ? 'paired' : 'intervals', heads };
}

function dropOf({ gloss, category }: Readonly<Record<HeadName, HeadChange>>): DropJudgement['verdict'] | undefined {
  if (gloss.drop && category.drop) return 'drop_both';
  return gloss.drop ? 'drop_gloss' : category.drop ? 'drop_category' : undefined;
}

/** Whether a head dropped. */
export function isDrop(verdict: DropJudgement['verdict'], head: HeadName): boolean {
  return verdict === 'drop_both' || verdict === `drop_${head}`;
}

function changeOf(own: ComparedModel, now: ComparedModel, head: HeadName): HeadChange {
  const [first, second] = [own.figures[head].accuracy, now.figures[head].accuracy];
  const [before, after] = [wilson(first, own.clips.size), wilson(second, now.clips.size)];
  const difference = second - first;
  const low = difference - Math.hypot(second - after.low, before.high - first);
  const high = difference + Math.hypot(after.high - second, first - before.low);
  return { now: second, before: first, difference, interval: { low, high }, p: undefined, drop: high < 0 };
}

function pairedChanges(own: ComparedModel, now: ComparedModel): (head: HeadName) => HeadChange {
  const [contrast] = compareModels(own, [now], false).contrasts;
  return (head) => {
    const change = changeOf(own, now, head);
    const p = contrast?.test[head].p ?? 1;
    return { ...change, interval: undefined, p, drop: change.difference < 0 && p < 0.05 };
  };
}

const Z = 1.959964;

/** Wilson's 95 % interval of a share of so many clips. */
export function wilson(share: number, clips: number): { readonly low: number; readonly high: number } {
  if (clips === 0) return { low: 0, high: 1 };
  const centre = share + (Z * Z) / (2 * clips);
  const half = Z * Math.sqrt((share * (1 - share)) / clips + (Z * Z) / (4 * clips * clips));
  const scale = 1 + (Z * Z) / clips;
  return { low: Math.max(0, (centre - half) / scale), high: Math.min(1, (centre + half) / scale) };
}
