import type { Options } from 'yargs';
import { flagOf } from '../config/layers';
import { factsOf, type SettingShape } from '../config/setting';
import type { CheckpointReading, PlainRecord } from '../checkpoint/training-checkpoint';
import type { LoadedModel } from '../evaluation/load-model';
import { UserError } from '../foundation/errors';
import type { Terminal } from './terminal';
import type { EvaluationDataRequest } from '../evaluation/evaluate';

/** Flags by name, as yargs takes them. */
export type FlagTable = Readonly<Record<string, Options>>;

/** Flags that every command has. */
export const commonFlags = {
  verbose: { type: 'boolean', group: 'General:', description: 'Show the native library’s own messages, and the stack of an error.' },
  help: { alias: 'h', type: 'boolean', group: 'General:', description: 'Show this help.' },
} as const satisfies FlagTable;

/** The flag of commands whose result can be read by a program. */
export const jsonFlag = {
  json: { type: 'boolean', group: 'General:', description: 'Print the result as one JSON document.' },
} as const satisfies FlagTable;

/**
 * A flag for each setting, with the first of its aliases (the resolver knows the others too). None fills in a default: the help only shows it, for the
 * resolver tells what was typed from what was not.
 * @param defaults the values that a setting has where nothing is typed, by key: the preset's.
 */
export function settingFlags(shape: SettingShape, defaults: Readonly<Record<string, unknown>>): FlagTable {
  const flags = Object.entries(shape).map(([key, schema]): [string, Options] => {
    const facts = factsOf(schema);
    return [
      nameOf(key),
      {
        alias: facts.aliases.slice(0, 1).map(nameOf),
        type: YARGS_TYPES[facts.kind],
        ...(facts.choices === undefined ? {} : { choices: facts.choices }),
        group: `${facts.group}:`,
        description: facts.description,
        defaultDescription: described(defaults[key] ?? facts.default ?? facts.noneMeans),
      },
    ];
  });
  return Object.fromEntries(flags);
}

/** Spells flags as the help does: `--batch-size=8` for `--batch_size=8`. Values, and what follows a bare `--`, stay as they are. */
export function withDashes(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.map((argument, position) => {
    if (!argument.startsWith('--') || (end !== -1 && position >= end)) return argument;
    const [name = '', ...value] = argument.split('=');
    return [name.replaceAll('_', '-'), ...value].join('=');
  });
}

const YARGS_TYPES = { number: 'number', text: 'string', switch: 'boolean' } as const;

/** The key of a flag: `batch_size` for `batch-size`. */
export function keyOf(flag: string): string {
  return flag.replaceAll('-', '_');
}

function described(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function nameOf(key: string): string {
  return flagOf(key).slice(2);
}

/** Flags that tell what a checkpoint does not say, and which of its weights are meant. */
export const checkpointFlags = {
  'num-heads': {
    string: true,
    alias: 'n-heads',
    group: 'Model:',
    description: 'Attention heads, where the checkpoint does not say (8 is taken).',
  },
  pooling: {
    string: true,
    alias: 'pooling-method',
    group: 'Model:',
    description: 'mean, max or cls, where the checkpoint does not say (mean is taken).',
  },
  'transform-input': {
    type: 'boolean',
    group: 'Model:',
    description: "Whether InceptionV3's weights want torchvision's transform_input, where the checkpoint does not say (true is taken).",
  },
  'max-len': {
    string: true,
    group: 'Model:',
    description: 'The longest clip in frames, where the checkpoint neither says nor holds positions (300 is taken).',
  },
  key: {
    string: true,
    group: 'Model:',
    description: 'Which weights are taken of a checkpoint that holds several, by their key: ema, or models.0.',
    defaultDescription: 'those that were trained, not an average of them',
  },
} as const satisfies FlagTable;

/** Flags of the commands that use a trained model. */
export const modelFlags = {
  'model-path': { string: true, group: 'Model:', description: 'A model folder (its _best.pt is used) or a .pt file.' },
  ...checkpointFlags,
} as const satisfies FlagTable;

/** The flag of commands that read an optimiser. */
export const optimizerFlag = {
  'optimizer-was': {
    string: true,
    group: 'Model:',
    description: 'adam or adamw: which of them the optimizer was, where an older file with weight decay leaves it open.',
  },
} as const satisfies FlagTable;

type TypedFlags = Readonly<Record<string, unknown>>;

/** @throws UserError where the flag was left out or empty. */
export function requiredText(typed: TypedFlags, flag: string, what: string): string {
  const value = optionalText(typed, flag);
  if (value === undefined) throw new UserError(`--${flag} is missing: give ${what}`);
  return value;
}

/** @throws UserError where the flag was given without a value. */
export function optionalText(typed: TypedFlags, flag: string): string | undefined {
  const value = typed[flag];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '') throw new UserError(`--${flag}: expected a value, found nothing`);
  return value;
}

/** @throws UserError where the flag was left out, or a value of it is empty. */
export function requiredTexts(typed: TypedFlags, flag: string, what: string): string[] {
  const values = typed[flag];
  if (values === undefined) throw new UserError(`--${flag} is missing: give ${what}`);
  const texts = Array.isArray(values) ? values.filter((value) => typeof value === 'string' && value !== '').map(String) : [];
  if (texts.length === 0) throw new UserError(`--${flag}: expected a value, found nothing`);
  return texts;
}

/** @throws UserError where the flag is not a whole number of at least `least`. */
export function wholeNumber(typed: TypedFlags, flag: string, least: number): number | undefined {
  const value = optionalText(typed, flag);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= least) return number;
  throw new UserError(`--${flag}: expected a whole number of at least ${least}, found "${value}"`);
}

/** What was typed about the model's shape, under the names of a checkpoint's config. */
export function shapeOf(typed: TypedFlags): PlainRecord {
  const heads = wholeNumber(typed, 'num-heads', 1);
  const pooling = optionalText(typed, 'pooling');
  if (pooling !== undefined && !['mean', 'max', 'cls'].includes(pooling)) {
    throw new UserError(`--pooling: expected mean, max or cls, found "${pooling}"`);
  }
  const transform = typed['transform-input'];
  const frames = wholeNumber(typed, 'max-len', 1);
  return {
    ...(frames === undefined ? {} : { max_len: frames }),
    ...(heads === undefined ? {} : { n_heads: heads }),
    ...(pooling === undefined ? {} : { pooling_method: pooling }),
    ...(typeof transform === 'boolean' ? { transform_input: transform } : {}),
  };
}

/** What was typed about what is read of a checkpoint. */
export function readingOf(typed: TypedFlags): CheckpointReading {
  const was = optionalText(typed, 'optimizer-was');
  if (was !== undefined && was !== 'adam' && was !== 'adamw')
    throw new UserError(`--optimizer-was: expected adam or adamw, found "${was}"; a file tells every other optimizer itself`);
  return { key: optionalText(typed, 'key'), optimizer: was };
}

/** Prints what of a checkpoint was not understood, and what was taken in its place. */
export function tellNotes({ file, notes }: Pick<LoadedModel, 'file' | 'notes'>, several: boolean, { errors }: Terminal): void {
  for (const note of notes) errors.write(`note: ${several ? `${file}: ` : ''}${note}\n`);
}

/** Flags that name labelled clips to evaluate on. */
export const dataFlags = {
  'keypoints-val': { string: true, alias: 'features-val', group: 'Data:', description: 'Folder with the clips, one .npz each.' },
  'labels-val-csv': { string: true, group: 'Data:', description: 'Their labels: file,gloss,cat[,occluded].' },
  'labels-reference': { string: true, group: 'Data:', description: 'Names of glosses and categories.' },
  'kp-key': {
    string: true,
    alias: 'feature-key',
    group: 'Data:',
    description: 'The array in each .npz that holds the key points or features.',
    defaultDescription: 'as in training',
  },
  'batch-size': { string: true, group: 'Data:', description: 'Clips in a batch.', defaultDescription: '32' },
} as const satisfies FlagTable;

/** What was typed of the clips to evaluate on, `--data` included. @throws UserError for a flag without its value. */
export function labelledDataOf(typed: Readonly<Record<string, unknown>>): EvaluationDataRequest & { readonly batchSize: number } {
  return {
    data: optionalText(typed, 'data'),
    keypointsVal: optionalText(typed, 'keypoints-val'),
    labelsValCsv: optionalText(typed, 'labels-val-csv'),
    labelsReference: optionalText(typed, 'labels-reference'),
    key: optionalText(typed, 'kp-key'),
    batchSize: wholeNumber(typed, 'batch-size', 1) ?? 32,
  };
}

/**
 * The one thing that an action of `convert` takes besides flags.
 * @throws UserError where there is none, or more.
 */
export function onlyPositional(positionals: readonly string[], what: string): string {
  const [only, more] = positionals;
  if (only === undefined) throw new UserError(`name ${what}`);
  if (more !== undefined) throw new UserError(`"${more}": expected one path alone, ${what}; quote a path that has spaces`);
  return only;
}
