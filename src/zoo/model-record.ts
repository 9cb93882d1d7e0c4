import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { modelNames, type ModelName } from '../config/settings';
import { readSettingsFile } from '../config/settings-file';
import { replaceText } from '../foundation/atomic-file';
import { UserError } from '../foundation/errors';
import { STAGES, type RegistryFacts } from '../training/run-record';

/** The file of a model folder that says what the model is. */
export const RECORD_FILE = 'config.json';

const labels = z.array(z.string()).optional();
const recordSchema = z.looseObject({
  model: z.enum(modelNames() as [ModelName, ...ModelName[]]),
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
