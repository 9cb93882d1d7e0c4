import { elementAt, required } from '../../foundation/required';
import { drawnOf, type ClipToAssign } from './assign-clips';

/** A clip of which a group is known, as its signer: the clips of a group stay together. */
export interface GroupedClip extends ClipToAssign {
  readonly group: string;
}

/** Groups up to which every pair is tried for an exchange: of more, moving one by one meets the shares well enough. */
const MOST_EXCHANGED = 200;
const MOST_ROUNDS = 20;
/** What a gloss of several clips that a part lacks costs: at least 1, and this share of its clips. The ratio of the whole gives way to that, up to a point. */
const LACKING = 0.25;
/** What a part without any clip costs. */
const EMPTY = 1e9;
/** Below this a change is rounding. */
const LEAST_GAIN = 1e-6;

/**
 * Divides clips so that no group is divided, each part as near to its share as can be, of every gloss and of all clips. Large groups are placed first where they
 * cost least, then moved and exchanged as long as that helps (as scikit-learn's StratifiedGroupKFold begins).
 * @param shares of the parts, of at most as many as there are groups; their sum is 1.
 * @returns the part of each clip, in their order: a function of names, glosses, groups and seed.
 */
export function assignGroups(clips: readonly GroupedClip[], shares: readonly number[], seed: number): number[] {
  const groups = groupsOf(clips, seed);
  const parts = new Parts(clips, shares);
  for (const group of groups) parts.place(group);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    let improved = false;
    for (const group of groups) improved = parts.moveIfBetter(group) || improved;
    if (groups.length <= MOST_EXCHANGED) {
      for (const [place, one] of groups.entries())
        for (const other of groups.slice(place + 1)) improved = parts.exchangeIfBetter(one, other) || improved;
    }
    if (!improved) break;
  }
  const partOf = new Map(groups.map(({ name, part }) => [name, part]));
  return clips.map(({ group }) => required(partOf.get(group), `the part of ${group}`));
}

interface Group {
  readonly name: string;
  readonly size: number;
  /** Clips a gloss. */
  readonly counts: ReadonlyMap<number, number>;
  part: number;
}

/** The largest first, equal ones in an order that the seed draws. */
function groupsOf(clips: readonly GroupedClip[], seed: number): Group[] {
  const counts = new Map<string, Map<number, number>>();
  for (const { group, gloss } of clips) {
    const ofGroup = counts.get(group) ?? new Map<number, number>();
    counts.set(group, ofGroup.set(gloss, (ofGroup.get(gloss) ?? 0) + 1));
  }
  return [...counts]
    .map(([name, ofGroup]) => ({
      name,
      size: [...ofGroup.values()].reduce((sum, count) => sum + count, 0),
      counts: ofGroup,
      part: 0,
      drawn: drawnOf(name, seed),
    }))
    .sort((one, other) => other.size - one.size || (one.drawn < other.drawn ? -1 : 1));
}

/** How many clips of each gloss the parts have so far, and what a change of that costs. */
class Parts {
  private readonly total = new Map<number, number>();
  private readonly counts: readonly Map<number, number>[];
  private readonly sizes: number[];

  constructor(
    private readonly clips: readonly ClipToAssign[],
    private readonly shares: readonly number[],
  ) {
    for (const { gloss } of clips) this.total.set(gloss, (this.total.get(gloss) ?? 0) + 1);
    this.counts = shares.map(() => new Map<number, number>());
    this.sizes = shares.map(() => 0);
  }

  /** Adds a group to the part where it costs least. */
  place(group: Group): void {
    const { part } = this.cheapest(group);
    this.change(group, part, 1);
    group.part = part;
  }

  moveIfBetter(group: Group): boolean {
    const saved = this.change(group, group.part, -1);
    const { part, cost } = this.cheapest(group);
    const isBetter = saved + cost < -LEAST_GAIN;
    if (isBetter) group.part = part;
    this.change(group, group.part, 1);
    return isBetter;
  }

  exchangeIfBetter(one: Group, other: Group): boolean {
    if (one.part === other.part) return false;
    if (this.exchange(one, other) < -LEAST_GAIN) return true;
    this.exchange(one, other);
    return false;
  }

  /** @returns by how much the cost rises. */
  private exchange(one: Group, other: Group): number {
    const taken = this.change(one, one.part, -1) + this.change(other, other.part, -1);
    [one.part, other.part] = [other.part, one.part];
    return taken + this.change(one, one.part, 1) + this.change(other, other.part, 1);
  }

  private cheapest(group: Group): { readonly part: number; readonly cost: number } {
    const costs = this.shares.map((_, part) => {
      const rise = this.change(group, part, 1);
      this.change(group, part, -1);
      return rise;
    });
    const cost = Math.min(...costs);
    return { part: costs.indexOf(cost), cost };
  }

  /** Adds a group to a part, or takes it away. @returns by how much the cost rises. */
  private change(group: Group, part: number, sign: 1 | -1): number {
    const share = elementAt(this.shares, part);
    const counts = elementAt(this.counts, part);
    const size = elementAt(this.sizes, part);
    const changed = size + sign * group.size;
    let rise = offBy(changed, share, this.clips.length, EMPTY) - offBy(size, share, this.clips.length, EMPTY);
    for (const [gloss, count] of group.counts) {
      const total = required(this.total.get(gloss), `the clips of gloss ${gloss}`);
      const ofNone = total === 1 ? 0 : Math.max(1, LACKING * total);
      const before = counts.get(gloss) ?? 0;
      const after = before + sign * count;
      rise += offBy(after, share, total, ofNone) - offBy(before, share, total, ofNone);
      counts.set(gloss, after);
    }
    this.sizes[part] = changed;
    return rise;
  }
}

/** What a part's count of clips costs: its squared distance from the share, and more where it has none. */
function offBy(count: number, share: number, total: number, ofNone: number): number {
  return (count - share * total) ** 2 / total + (count === 0 ? ofNone : 0);
}
