import { isAveraged } from '../checkpoint/find-weights';
import { stateDictProblems, withoutWrapper } from '../checkpoint/state-dict';
import type { ModelName } from '../config/settings';
import type { RecognisedModel } from '../models/model-entry';

type Shapes = ReadonlyMap<string, readonly number[]>;
type Recognised = RecognisedModel & { readonly name: ModelName };

/** How a file's names become those of a model. */
export interface FittedNames {
  readonly recognised: Recognised;
  /** What stood before every name that was taken. */
  readonly prefix: string;
  /** The file's own names by those of the model; more or fewer than the model's where they do not fit. */
  readonly names: ReadonlyMap<string, string>;
  /** By the model's names, with those that are computed. */
  readonly shapes: Shapes;
  /** Buffers that are not there and whose values are known. */
  readonly computed: readonly string[];
  /** What was left aside or is computed; a line each. */
  readonly notes: readonly string[];
}

/**
 * Finds the model that names and shapes are of. The names as they are come first; then those behind a common beginning (`model.`, `net.`, `encoder.backbone.`),
 * where the rest fits a model whole, averaged ones (`ema.`) last; then without what wrappers put before some of them. Tensors without that beginning, as a
 * loss's, are left aside.
 * @param recognise the model that some names and shapes are of.
 * @returns undefined where they are of none.
 */
export function fitNames(shapes: Shapes, recognise: (shapes: Shapes) => Recognised | undefined): FittedNames | undefined {
  const plain = fitBehind('', [...shapes.keys()], shapes, recognise);
  if (plain !== undefined && problemsOf(plain) === 0) return plain;
  const behind =
    plain === undefined ? namesByPrefix(shapes.keys()).flatMap(([prefix, names]) => fitBehind(prefix, names, shapes, recognise) ?? []) : [];
  const whole = behind.filter((fit) => problemsOf(fit) === 0);
  const [first, ...others] = [...whole].sort((one, other) => Number(isAveraged(beginning(one))) - Number(isAveraged(beginning(other))));
  if (first !== undefined) return withOthers(first, others);
  return fitUnwrapped(shapes, recognise) ?? plain ?? behind[0];
}

/** What is before the last dot of a prefix. */
function beginning({ prefix }: FittedNames): string {
  return prefix.replace(/\.$/, '');
}

/** Of several whole models in one state_dict, the others are told as such. */
function withOthers(fit: FittedNames, others: readonly FittedNames[]): FittedNames {
  const averaged = others.find((other) => isAveraged(beginning(other))) ?? others[0];
  if (averaged === undefined) return fit;
  const list = others.slice(0, MOST_LISTED).map(({ prefix }) => prefix);
  const told = `it holds ${isAveraged(beginning(averaged)) ? 'averaged' : 'further'} weights too, behind ${list.join(', ')}: those behind ${fit.prefix} were taken; --key ${beginning(averaged)} takes the others`;
  return { ...fit, notes: [told, ...fit.notes] };
}

/** Where a wrapper's `module.` stands before some of the names alone, as where weights of two files were put together. */
function fitUnwrapped(shapes: Shapes, recognise: (shapes: Shapes) => Recognised | undefined): FittedNames | undefined {
  const names = new Map([...shapes.keys()].map((name) => [withoutWrapper(name), name]));
  const renamed = [...names].filter(([name, own]) => name !== own);
  if (renamed.length === 0 || names.size < shapes.size) return undefined;
  const fit = fitBehind('', [...names.keys()], new Map([...shapes].map(([name, shape]) => [withoutWrapper(name), shape])), recognise);
  if (fit === undefined || problemsOf(fit) > 0) return undefined;
  return {
    ...fit,
    names,
    notes: [`some of its names have a wrapper's beginning, which was taken off: ${listed(renamed.map(([, own]) => own))}`, ...fit.notes],
  };
}

const MOST_PREFIXES = 64;
const DEEPEST_PREFIX = 4;
const MOST_LISTED = 5;

/** The names by what they begin with, up to a dot; shorter beginnings first. */
function namesByPrefix(names: Iterable<string>): [prefix: string, names: readonly string[]][] {
  const byPrefix = new Map<string, string[]>();
  for (const name of names) {
    let end = name.indexOf('.');
    for (let depth = 0; depth < DEEPEST_PREFIX && end !== -1; depth++) {
      const prefix = name.slice(0, end + 1);
      const group = byPrefix.get(prefix);
      if (group !== undefined) group.push(name);
      else if (byPrefix.size < MOST_PREFIXES) byPrefix.set(prefix, [name]);
      end = name.indexOf('.', end + 1);
    }
  }
  return [...byPrefix].sort(([one], [other]) => one.length - other.length);
}

/** @param taken the names that begin with the prefix. */
function fitBehind(
  prefix: string,
  taken: readonly string[],
  all: Shapes,
  recognise: (shapes: Shapes) => Recognised | undefined,
): FittedNames | undefined {
  const found = new Map(
    taken.flatMap((name) => {
      const shape = all.get(name);
      return shape === undefined ? [] : [[name.slice(prefix.length), shape] as const];
    }),
  );
  const recognised = recognise(found);
  if (recognised === undefined) return undefined;
  const missing = recognised.model.parameters.filter(({ name, computed }) => computed === true && !found.has(name));
  const computed = missing.map(({ name }) => name);
  const aside = [...all.keys()].filter((name) => !name.startsWith(prefix));
  return {
    recognised,
    prefix,
    names: new Map(taken.map((name) => [name.slice(prefix.length), name])),
    shapes: new Map([...found, ...missing.map(({ name, shape }) => [name, shape] as const)]),
    computed,
    notes: [
      ...(aside.length === 0 ? [] : [`left aside, for they do not begin with ${prefix}: ${listed(aside)}`]),
      ...(computed.length === 0 ? [] : [`it lacks ${listed(computed)}: ${computed.length === 1 ? 'it was' : 'they were'} computed`]),
    ],
  };
}

function problemsOf({ recognised, shapes }: FittedNames): number {
  return stateDictProblems(shapes, new Map(recognised.model.parameters.map(({ name, shape }) => [name, shape]))).length;
}

function listed(names: readonly string[]): string {
  return names.slice(0, MOST_LISTED).join(', ') + (names.length > MOST_LISTED ? ` and ${names.length - MOST_LISTED} more` : '');
}
