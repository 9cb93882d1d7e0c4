import { UserError } from '../../foundation/errors';
import { elementAt } from '../../foundation/required';

/** Nodes of a list at most: what is longer was not written by Slurm. */
const MOST_NODES = 100_000;

/**
 * The nodes of one of Slurm's lists: `node[01-03,07],gpu5` is node01, node02, node03, node07 and gpu5.
 * @throws UserError where it is none.
 */
export function slurmNodes(list: string): string[] {
  const nodes = outsideBrackets(list).flatMap((pattern) => expanded(pattern.trim(), list));
  if (nodes.length === 0 || nodes.includes('')) throw noNodes(list);
  return nodes;
}

/** The parts of a list between commas, those within brackets aside. */
function outsideBrackets(list: string): string[] {
  return list.split(/,(?![^[]*\])/);
}

/** A pattern with every range of numbers written out, from left to right. */
function expanded(pattern: string, list: string): string[] {
  const bracket = /^([^[\]]*)\[([^[\]]*)\](.*)$/.exec(pattern);
  if (bracket === null) {
    if (/[[\]]/.test(pattern)) throw noNodes(list);
    return [pattern];
  }
  const [, before = '', ranges = '', after = ''] = bracket;
  const ends = expanded(after, list);
  const numbers = ranges.split(',').flatMap((range) => numbersOf(range, list));
  if (numbers.length * ends.length > MOST_NODES) throw noNodes(list);
  const nodes = numbers.flatMap((number) => ends.map((end) => before + number + end));
  return nodes;
}

/** The numbers of a range like `08-11`, as wide as its first. */
function numbersOf(range: string, list: string): string[] {
  const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(range);
  if (match === null) throw noNodes(list);
  const first = elementAt(match, 1);
  const last = match[2] ?? first;
  const count = Number(last) - Number(first) + 1;
  if (count < 1 || count > MOST_NODES) throw noNodes(list);
  return Array.from({ length: count }, (_, place) => String(Number(first) + place).padStart(first.length, '0'));
}

function noNodes(list: string): UserError {
  return new UserError(`SLURM_STEP_NODELIST: expected nodes as Slurm lists them, as node[01-04], found "${list}"`);
}
