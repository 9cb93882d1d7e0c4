import { stateDictProblems } from '../checkpoint/state-dict';
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
 * where the rest fits a model whole. Tensors without that beginning, as a loss's, are left aside.
 * @param recognise the model that some names and shapes are of.
 * @returns undefined where they are of none.
 */
export function fitNames(shapes: Shapes, recognise: (shapes: Shapes) => Recognised | undefined): FittedNames | undefined {
  const plain = fitBehind('', [...shapes.keys()], shapes, recognise);
  if (plain !== undefined) return plain;
  let nearest: FittedNames | undefined;
  for (const [prefix, names] of namesByPrefix(shapes.keys())) {
    const fit = fitBehind(prefix, names, shapes, recognise);
    if (fit === undefined) continue;
    if (problemsOf(fit) === 0) return fit;
    nearest ??= fit;
  }
  return nearest;
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
