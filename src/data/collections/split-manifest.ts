import path from 'node:path';
import { z } from 'zod';
import { firstIssue, messageOf, UserError } from '../../foundation/errors';
import { readRegularText } from '../../foundation/regular-file';

/** The manifest of a set: how it was divided, and where every clip came from. */
export const MANIFEST = 'split.json';
/** What a move keeps until it is done: the manifest with the tables that come last. */
export const JOURNAL = 'split.unfinished.json';
const MOST_BYTES = 256 * 1024 * 1024;

const settings = z.object({
  train_ratio: z.number().optional(),
  seed: z.number(),
  group: z.string().optional(),
  by_column: z.string().optional(),
  folds: z.number().optional(),
  glosses: z.array(z.string()).optional(),
  categories: z.array(z.string()).optional(),
  how: z.enum(['copy', 'link', 'move']),
});

const manifest = z.object({
  /** The collection that was divided, from the set's folder. */
  source: z.string(),
  settings,
  /** Which of the folds it is, from 1. */
  fold: z.number().optional(),
  counts: z.object({ train: z.number(), validation: z.number(), test: z.number(), glosses: z.number(), categories: z.number() }),
  /** Where ids were counted anew: position = id, the id in the collection. */
  ids_before: z.object({ gloss: z.array(z.number()), category: z.array(z.number()) }).optional(),
  clips: z.array(
    z.object({
      /** Its file in the set. */
      file: z.string(),
      /** Its file in the collection. */
      from: z.string(),
      split: z.enum(['train', 'validation', 'test']),
      sha256: z.string(),
    }),
  ),
});

/** What a split was asked for. */
export type SplitSettings = z.output<typeof settings>;
export type SplitManifest = z.output<typeof manifest>;

const journal = z.object({ manifest, tables: z.record(z.string(), z.string()) });

/** A move that was begun: what it does, and the tables that the set gets when its clips are there. */
export type SplitJournal = z.output<typeof journal>;

/** A manifest as it is kept: the same split gives the same text, a line a clip. */
export function manifestText({ clips, ...rest }: SplitManifest): string {
  const lines = clips.map((clip) => `    ${JSON.stringify(clip)}`);
  const head = JSON.stringify(rest, null, 2).slice(0, -2);
  return `${head},\n  "clips": [\n${lines.join(',\n')}\n  ]\n}\n`;
}

/** @throws UserError where it is none. */
export function readJournal(folder: string): SplitJournal {
  return readAs(journal, path.join(folder, JOURNAL));
}

/** @throws UserError where it is none. */
export function readManifest(folder: string): SplitManifest {
  return readAs(manifest, path.join(folder, MANIFEST));
}

function readAs<Schema extends z.ZodType>(schema: Schema, file: string): z.output<Schema> {
  let read: unknown;
  try {
    read = JSON.parse(readRegularText(file, MOST_BYTES));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${file}: no JSON (${messageOf(error)})`, { cause: error });
  }
  const checked = schema.safeParse(read);
  if (checked.success) return checked.data;
  throw new UserError(`${file}: not as Kumpas writes it: ${firstIssue(checked.error)}`);
}

/** The settings in which two splits differ, as a flag each: `--seed 7 in place of 42`. */
export function differencesOf(asked: SplitSettings, there: SplitSettings): string[] {
  const keys = [...new Set([...Object.keys(asked), ...Object.keys(there)])] as (keyof SplitSettings)[];
  const shown = (value: SplitSettings[keyof SplitSettings]): string => (value === undefined ? 'nothing' : [value].flat().join(','));
  return keys
    .filter((key) => shown(asked[key]) !== shown(there[key]))
    .map((key) => `--${key.replaceAll('_', '-')} ${shown(asked[key])} in place of ${shown(there[key])}`);
}
