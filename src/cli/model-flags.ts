import type { CheckpointReading, PlainRecord } from '../checkpoint/training-checkpoint';
import type { LoadedModel } from '../evaluation/load-model';
import { UserError } from '../foundation/errors';
import type { Terminal } from './command';
import type { FlagTable } from './options';

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
    description: 'adam: that is what the optimizer was, where an older file with weight decay leaves open whether Adam or AdamW.',
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
  if (was !== undefined && was !== 'adam')
    throw new UserError(`--optimizer-was: expected adam, found "${was}"; Kumpas goes on with no other`);
  return { key: optionalText(typed, 'key'), optimizer: was };
}

/** Prints what of a checkpoint was not understood, and what was taken in its place. */
export function tellNotes({ file, notes }: Pick<LoadedModel, 'file' | 'notes'>, several: boolean, { errors }: Terminal): void {
  for (const note of notes) errors.write(`note: ${several ? `${file}: ` : ''}${note}\n`);
}
