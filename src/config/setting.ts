import { z } from 'zod';

/** The headings under which help and documentation list settings. */
export type SettingGroup =
  | 'Model'
  | 'Data'
  | 'Augmentation'
  | 'Training'
  | 'Output'
  | 'Comparison'
  | 'Import'
  | 'Export'
  | 'Features'
  | 'Demo data'
  | 'Pack'
  | 'Picture'
  | 'Scheduler'
  | 'App';

/** What help, documentation and error messages say of a setting, beside what its schema checks. */
export interface SettingFacts {
  readonly group: SettingGroup;
  /** One or two sentences, with the unit. */
  readonly description: string;
  /** Other spellings that people bring along; accepted wherever the key itself is. */
  readonly aliases: readonly string[];
  /** What a valid value is, as the end of "expected …". */
  readonly expected: string;
  /** How text from the command line is read; a switch needs none, `texts` are one or several. */
  readonly kind: 'number' | 'text' | 'texts' | 'switch';
  /** The words to choose from; undefined where the value is none of a few words. */
  readonly choices: readonly string[] | undefined;
  /** What null stands for ("off", "from the labels"); undefined where null is refused. */
  readonly noneMeans: string | undefined;
  readonly default: string | number | boolean | null;
  /** What it means where it is left out; undefined for a setting, which has a default. */
  readonly otherwise?: string | undefined;
}

/** Something wrong with the value of a setting. */
export interface SettingProblem {
  readonly key: string;
  readonly text: string;
  /** The same, said of another setting that takes part in it: it is told of the one that was given last. */
  readonly or?: Omit<SettingProblem, 'or'>;
}

/** The fixed set of keys of an object of settings, each with its schema. */
export type SettingShape = Readonly<Record<string, z.ZodType>>;

/** A kind of value: what is checked, and how that is said. */
export interface ValueKind<Schema extends z.ZodType> {
  readonly schema: Schema;
  readonly expected: string;
  readonly kind: SettingFacts['kind'];
  readonly choices?: readonly string[];
}

interface Wording {
  /** `Model` where it is left out. */
  readonly group?: SettingGroup;
  readonly description: string;
  readonly aliases?: readonly string[];
}

const registry = z.registry<SettingFacts>();

/** A setting with a default. */
export function setting<Schema extends z.ZodType<string | number | boolean>>(
  value: ValueKind<Schema>,
  defaultValue: z.core.util.NoUndefined<z.output<Schema>>,
  wording: Wording,
): z.ZodDefault<Schema> {
  return describe(value.schema.default(defaultValue), value, wording, defaultValue, undefined);
}

/** A setting that may be null ("none" on the command line), and is so by default. */
export function settingOrNone<Schema extends z.ZodType<string | number>>(
  value: ValueKind<Schema>,
  noneMeans: string,
  wording: Wording,
): z.ZodDefault<z.ZodNullable<Schema>> {
  return describe(z.nullable(value.schema).default(null), value, wording, null, noneMeans);
}

/** An option that may be left out. @param otherwise what that means, where there is something to say. */
export function option<Schema extends z.ZodType>(value: ValueKind<Schema>, wording: Wording, otherwise?: string): z.ZodOptional<Schema> {
  return describe(value.schema.optional(), value, wording, null, undefined, otherwise);
}

/** An option without which nothing can be done. */
export function requiredOption<Schema extends z.ZodType>(value: ValueKind<Schema>, wording: Wording): Schema {
  return describe(value.schema.clone(), value, wording, null, undefined);
}

/**
 * What is known of a setting.
 * @throws Error for a schema that was not made by {@link setting} or {@link settingOrNone}.
 */
export function factsOf(schema: z.ZodType): SettingFacts {
  const facts = registry.get(schema);
  if (facts === undefined) throw new Error('This schema describes no setting.');
  return facts;
}

/** Whether a value was made by {@link setting} or {@link settingOrNone}. */
export function isSetting(schema: z.ZodType): boolean {
  return registry.has(schema);
}

/** Whole numbers from `least` to `most`. */
export function wholeNumber(least: number, most: number): ValueKind<z.ZodInt> {
  return { schema: z.int().min(least).max(most), expected: `a whole number from ${least} to ${most}`, kind: 'number' };
}

/** Numbers of at least `least`, or between it and `most`, both included. */
export function numberFrom(least: number, most?: number): ValueKind<z.ZodNumber> {
  return most === undefined
    ? { schema: z.number().min(least), expected: `a number of at least ${least}`, kind: 'number' }
    : { schema: z.number().min(least).max(most), expected: `a number from ${least} to ${most}`, kind: 'number' };
}

/** Numbers of at least `least` and below `bound`. */
export function numberBelow(least: number, bound: number): ValueKind<z.ZodNumber> {
  return { schema: z.number().min(least).lt(bound), expected: `a number of at least ${least} and below ${bound}`, kind: 'number' };
}

/** Numbers above 0, and below `bound` where one is given. */
export function positiveNumber(bound?: number): ValueKind<z.ZodNumber> {
  return bound === undefined
    ? { schema: z.number().positive(), expected: 'a number above 0', kind: 'number' }
    : { schema: z.number().positive().lt(bound), expected: `a number above 0 and below ${bound}`, kind: 'number' };
}

/** One of a few words. */
export function choice<const Words extends readonly [string, ...string[]]>(
  words: Words,
): ValueKind<z.ZodEnum<z.core.util.ToEnum<Words[number]>>> {
  return { schema: z.enum(words), expected: words.length === 1 ? words[0] : `one of ${words.join(', ')}`, kind: 'text', choices: words };
}

/** On or off: `--amp`, `--no-amp`; true or false in a file. */
export function onOrOff(): ValueKind<z.ZodBoolean> {
  return { schema: z.boolean(), expected: 'true or false', kind: 'switch' };
}

/** On or off, or one of a few words: `--amp`, `--amp force`, `--no-amp`; true, false or the word in a file. */
export function onOrOffOr<const Words extends readonly [string, ...string[]]>(
  words: Words,
): ValueKind<z.ZodUnion<readonly [z.ZodBoolean, z.ZodEnum<z.core.util.ToEnum<Words[number]>>]>> {
  return { schema: z.union([z.boolean(), z.enum(words)]), expected: `true, false or ${words.join(', ')}`, kind: 'switch', choices: words };
}

/** Text that is not empty; `what` it is, as "the path of a folder". */
export function text(what: string): ValueKind<z.ZodString> {
  return { schema: z.string().min(1), expected: what, kind: 'text' };
}

/** One text or several; `what` they are, as "clips". */
export function texts(what: string): ValueKind<z.ZodUnion<readonly [z.ZodString, z.ZodReadonly<z.ZodArray<z.ZodString>>]>> {
  const one = z.string().min(1);
  return { schema: z.union([one, z.array(one).min(1).readonly()]), expected: what, kind: 'texts' };
}

/** A word that may be part of a file's name. */
export function fileNamePart(): ValueKind<z.ZodString> {
  return {
    schema: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
    expected: 'up to 64 letters, digits, dots, dashes and underscores, starting with a letter or digit',
    kind: 'text',
  };
}

function describe<Schema extends z.ZodType>(
  schema: Schema,
  value: ValueKind<z.ZodType>,
  wording: Wording,
  defaultValue: string | number | boolean | null,
  noneMeans: string | undefined,
  otherwise?: string,
): Schema {
  const described = schema.meta({ description: wording.description });
  registry.add(described, {
    group: wording.group ?? 'Model',
    description: wording.description,
    aliases: wording.aliases ?? [],
    expected: noneMeans === undefined ? value.expected : `${value.expected}, or none (${noneMeans})`,
    kind: value.kind,
    choices: value.choices,
    noneMeans,
    default: defaultValue,
    otherwise,
  });
  return described;
}
