import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { TransformDescription } from '../config/data-settings';
import { readSettingsFile } from '../config/settings-file';
import { replaceText } from '../foundation/atomic-file';
import { UserError } from '../foundation/errors';
import { FileSystemProblem } from '../foundation/file-system-problem';

/** What a run was made on. */
export interface MachineFacts {
  readonly versions: { readonly kumpas: string; readonly node: string; readonly tensorflow: string };
  /** As `CPU, 2 threads`. */
  readonly device: string;
  /** Of the project's checkout, where it is one. */
  readonly gitCommit: string | undefined;
}

/** Where a model is in its life. */
export const STAGES = ['development', 'production', 'archived'] as const;
export type Stage = (typeof STAGES)[number];

/** What the registry keeps in a model's `config.json`, under `run`; a training leaves it as it is. */
export interface RegistryFacts {
  /** Of the last release, as `1.1.0`. */
  readonly version?: string | undefined;
  /** `development` where absent. */
  readonly stage?: Stage | undefined;
  /** The name of the model whose releases this one's go on from. */
  readonly follows?: string | undefined;
}

/** What `config.json` holds: the resolved settings, which a later `--config` takes up again, and under `run` how they came to be used. */
export interface RunRecord {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly run: {
    readonly name: string;
    readonly folder: string;
    readonly created: string;
    readonly versions: MachineFacts['versions'];
    readonly device: string;
    readonly git_commit: string | null;
    readonly parameters: number;
    readonly classes: { readonly gloss: number; readonly category: number };
    readonly data: {
      readonly title: string;
      readonly synthetic: boolean;
      readonly train_clips: number;
      readonly validation_clips: number;
      readonly fingerprint: string;
      /** Of the validation clips alone: figures of two epochs can be compared where it is the same. */
      readonly validation_fingerprint: string;
    };
    readonly training_clips: {
      /** Position = gloss id. */
      readonly of_gloss: readonly number[];
      readonly shortest_frames: number;
      readonly median_frames: number;
      readonly longest_frames: number;
    };
    readonly model: Readonly<Record<string, unknown>>;
    /** Of a model of one's own: the start of its checkpoints' names, and the file that defined it. It is told, never looked into. */
    readonly checkpoint_name?: string;
    readonly model_file?: string;
    /** What its clips go through before it sees them; absent where that is nothing. */
    readonly transforms?: readonly TransformDescription[];
    readonly gloss_labels: readonly string[];
    readonly category_labels: readonly string[];
  } & RegistryFacts;
}

/** The text of `config.json`. */
export function runRecordText({ settings, run }: { readonly settings: RunRecord['settings']; readonly run: object }): string {
  return `${JSON.stringify({ ...settings, run }, null, 2)}\n`;
}

/** What the registry keeps in a folder's `config.json`; nothing where there is none, or it cannot be read. */
export function registryFactsIn(file: string): RegistryFacts {
  const parsed = registryFacts.safeParse(valuesIn(file));
  return parsed.success ? parsed.data.run : {};
}

const registryFacts = z.object({
  run: z.object({ version: z.string().optional(), stage: z.enum(STAGES).optional(), follows: z.string().optional() }),
});

function valuesIn(file: string): unknown {
  try {
    return readSettingsFile(file).values;
  } catch (error) {
    if (error instanceof UserError && !(error instanceof FileSystemProblem)) return undefined;
    throw error;
  }
}

/** The file of a model folder that says what the model is. */
export const RECORD_FILE = 'config.json';

const labels = z.array(z.string()).optional();
const recordSchema = z.looseObject({
  model: z.string().regex(/^[a-z][a-z0-9_]*$/),
  run: z.looseObject({
    name: z.string(),
    created: z.string(),
    versions: z.looseObject({ kumpas: z.string(), node: z.string().optional(), tensorflow: z.string().optional() }),
    parameters: z.number().optional(),
    device: z.string().optional(),
    git_commit: z.string().nullish(),
    imported_from: z.string().optional(),
    classes: z.object({ gloss: z.number(), category: z.number() }),
    data: z
      .object({
        title: z.string(),
        synthetic: z.boolean(),
        train_clips: z.number(),
        validation_clips: z.number(),
        fingerprint: z.string(),
      })
      .optional(),
    training_clips: z
      .object({ of_gloss: z.array(z.number()), shortest_frames: z.number(), median_frames: z.number(), longest_frames: z.number() })
      .optional(),
    model: z.record(z.string(), z.unknown()),
    checkpoint_name: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9]{0,63}$/)
      .optional(),
    model_file: z.string().optional(),
    gloss_labels: labels,
    category_labels: labels,
    version: z.string().optional(),
    stage: z.enum(STAGES).optional(),
    follows: z.string().optional(),
  }),
});

/** A model folder's `config.json`: the settings, and under `run` how they came to be used and what the registry keeps. */
export type ModelRecord = z.infer<typeof recordSchema>;

/**
 * Reads a model folder's `config.json`.
 * @throws UserError where it is not there, or is none that a training or an import wrote.
 */
export function readRecord(folder: string): ModelRecord {
  const file = path.join(folder, RECORD_FILE);
  if (!existsSync(file)) throw new UserError(`${file}: no such file; the folder holds no model that Kumpas made`);
  const checked = recordSchema.safeParse(readSettingsFile(file).values);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw new UserError(`${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it is no config.json of a model folder'}`);
}

/**
 * Changes what the registry keeps in a model folder's `config.json`; all else in it stays. A fact that is set to undefined goes.
 * @throws UserError as {@link readRecord}.
 */
export function updateRecord(folder: string, facts: RegistryFacts): void {
  changeRun(folder, facts);
}

/**
 * Writes another name, and another place where there is one, into a model folder's `config.json`; all else in it stays.
 * @throws UserError as {@link readRecord}.
 */
export function renameRecord(folder: string, name: string, place: string): void {
  changeRun(folder, { name, folder: place });
}

function changeRun(folder: string, changes: object): void {
  readRecord(folder);
  const file = path.join(folder, RECORD_FILE);
  const record = readSettingsFile(file).values as { run: Record<string, unknown> };
  const changed = { ...record, run: { ...record.run, ...changes } };
  replaceText(file, `${JSON.stringify(changed, null, 2)}\n`);
}
