import { z } from 'zod';
import { UserError } from '../foundation/errors';
import { nearestName } from '../foundation/text';
import { factsOf, type SettingFacts, type SettingShape } from './setting';

/** One place that settings come from; later layers win over earlier ones. */
export interface SettingsLayer {
  /** How messages name it: a file, or {@link commandLineSource}. */
  readonly source: string;
  /** Values by key or alias, unchecked. On the command line they are texts, true or false. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Further flags that the command line has there; only for "did you mean". */
  readonly otherFlags?: readonly string[];
}

/** A layer's checked values by key, and one line for each thing that is wrong with it. */
export interface CheckedLayer {
  readonly source: string;
  readonly values: ReadonlyMap<string, unknown>;
  readonly problems: readonly string[];
}

/** What a run's config.json holds beside its settings; with it, that file can be given to `--config` as it is. */
const RUN_RECORD = 'run';
/** Unknown keys that are named one by one; of more, the number is told. */
const MOST_UNKNOWN = 20;
const LONGEST_NAME = 80;

/** The source of what was typed. */
export const commandLineSource = 'command line';

/**
 * Checks a layer key by key against a model's settings.
 * @param shape the model's settings.
 * @param ownerOf the other model that an unknown key belongs to, if any.
 */
export function checkLayer(layer: SettingsLayer, shape: SettingShape, ownerOf: (key: string) => string | undefined): CheckedLayer {
  const keys = keysByName(shape);
  const values = new Map<string, unknown>();
  const problems: string[] = [];
  const complain = (name: string, text: string): void => {
    problems.push(`${locate(layer.source, name)}: ${text}`);
  };
  let unknown = 0;
  const typed = layer.source === commandLineSource;
  for (const [name, given] of Object.entries(layer.values)) {
    if (name === '$schema' || (name === RUN_RECORD && !typed)) continue;
    const key = keys.get(name);
    const schema = key === undefined ? undefined : shape[key];
    if (key === undefined || schema === undefined) {
      if (++unknown <= MOST_UNKNOWN) complain(name, unknownName(name, layer, keys.keys(), ownerOf(name)));
      continue;
    }
    if (values.has(key)) {
      complain(name, `is given twice: ${name} and ${key} are one setting`);
      continue;
    }
    const value = typed ? valueFromText(factsOf(schema), given) : given;
    const checked = schema.safeParse(value);
    if (checked.success) values.set(key, checked.data);
    else complain(name, `expected ${factsOf(schema).expected}, found ${typed && given === true ? shown('') : shown(given)}`);
  }
  if (unknown > MOST_UNKNOWN)
    problems.push(`${layer.source}: and ${unknown - MOST_UNKNOWN} more ${typed ? 'flags' : 'keys'} that are unknown`);
  return { source: layer.source, values, problems };
}

/** The names under which a model's settings are accepted: their keys and aliases. */
export function settingNames(shape: SettingShape): ReadonlySet<string> {
  return new Set(keysByName(shape).keys());
}

/** How a message names a setting: `--batch-size` on the command line, `file: batch_size` in a file. */
export function locate(source: string, name: string): string {
  const short = name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name;
  return source === commandLineSource ? flagOf(short) : `${source}: ${short}`;
}

/** The flag of a key: `--batch-size` for `batch_size`. */
export function flagOf(key: string): string {
  return `--${key.replaceAll('_', '-')}`;
}

/** A value as messages show it: as JSON, cut where it is long. */
export function shown(value: unknown): string {
  if (value === '') return 'nothing';
  const json = JSON.stringify(value);
  return json.length > 80 ? `${json.slice(0, 77)}…` : json;
}

function keysByName(shape: SettingShape): Map<string, string> {
  return new Map(Object.entries(shape).flatMap(([key, schema]) => [key, ...factsOf(schema).aliases].map((name) => [name, key] as const)));
}

function unknownName(name: string, layer: SettingsLayer, names: Iterable<string>, owner: string | undefined): string {
  const onCommandLine = layer.source === commandLineSource;
  const what = onCommandLine ? 'flag' : 'key';
  if (owner !== undefined) return `a ${what} of model ${owner}, not of this one`;
  const nearest = nearestName(name, [...names, ...(layer.otherFlags ?? [])]);
  return nearest === undefined ? `unknown ${what}` : `unknown ${what}; did you mean ${onCommandLine ? flagOf(nearest) : nearest}?`;
}

const NONE_WORDS: ReadonlySet<string> = new Set(['none', 'null', 'off']);
const SWITCH_WORDS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
]);
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * What a flag's text stands for: a number where a number is wanted, null for `none`, `null` and `off` (and for `--no-grad-clip`) where the setting may be
 * none. Anything else is left as it is, for the schema to judge and the message to show.
 */
export function valueFromText(facts: Pick<SettingFacts, 'kind' | 'noneMeans'>, given: unknown): unknown {
  if (given === false && facts.noneMeans !== undefined) return null;
  if (typeof given !== 'string') return given;
  const text = given.trim();
  if (facts.noneMeans !== undefined && NONE_WORDS.has(text.toLowerCase())) return null;
  if (facts.kind === 'switch' && SWITCH_WORDS.has(text.toLowerCase())) return SWITCH_WORDS.get(text.toLowerCase());
  return facts.kind === 'number' && NUMBER.test(text) ? Number(text) : given;
}

/** What may be given for options of some shape: those that must be, and any of the others. */
export type OptionsInput<Shape extends SettingShape> = z.input<z.ZodObject<Shape>>;

/** Options that were checked, with their defaults. */
export type Options<Shape extends SettingShape> = z.output<z.ZodObject<Shape>>;

/**
 * Checks the options of a verb: those that a program gives are values, those that were typed are texts.
 * @throws UserError that lists everything that is wrong, a line each.
 */
export function checkOptions<Shape extends SettingShape>(shape: Shape, layer: SettingsLayer): Options<Shape> {
  const given = Object.fromEntries(Object.entries(layer.values).filter(([, value]) => value !== undefined));
  const { values, problems } = checkLayer({ ...layer, values: given }, shape, () => undefined);
  const missing = Object.entries(shape)
    .filter(([key, schema]) => !Object.hasOwn(given, key) && !schema.safeParse(undefined).success)
    .map(([key, schema]) => `${locate(layer.source, key)} is missing: give ${factsOf(schema).expected}`);
  const wrong = problems.length > 0 ? problems : missing;
  if (wrong.length > 0) throw new UserError(wrong.join('\n'));
  return z.object(shape).parse(Object.fromEntries(values));
}
