import { existsSync } from 'node:fs';
import { z } from 'zod';
import { readSettingsFile } from '../config/settings-file';
import { replaceText } from '../foundation/atomic-file';
import { firstIssue, UserError } from '../foundation/errors';
import { FileSystemProblem } from '../foundation/file-system-problem';
import { counted } from '../foundation/text';

/** Where a model is in its life. */
export const STAGES = ['development', 'production', 'archived'] as const;
export type Stage = (typeof STAGES)[number];

const registryFactsSchema = z.object({
  /** Of the last release, as `1.1.0`. */
  version: z.string().optional(),
  /** `development` where absent. */
  stage: z.enum(STAGES).optional(),
  /** The name of the model whose releases this one's go on from. */
  follows: z.string().optional(),
  /** The sweep that it is a trial of, and which. */
  sweep: z.object({ name: z.string(), trial: z.string() }).optional(),
});

/** What the registry keeps in a model's `config.json`, under `run`; a training leaves it as it is. */
export type RegistryFacts = Readonly<z.infer<typeof registryFactsSchema>>;

const versionsSchema = z.looseObject({ kumpas: z.string(), node: z.string().optional(), tensorflow: z.string().optional() });
const dataSchema = z.object({
  title: z.string(),
  synthetic: z.boolean(),
  train_clips: z.number(),
  validation_clips: z.number(),
  fingerprint: z.string(),
  /** Of the validation clips alone: figures of two epochs can be compared where it is the same. */
  validation_fingerprint: z.string().optional(),
  /** Clips that could not be used and were left out when the training began; absent where there were none. */
  clips_left_out: z.number().optional(),
});
const trainingClipsSchema = z.object({
  /** Position = gloss id. */
  of_gloss: z.array(z.number()).readonly(),
  shortest_frames: z.number(),
  median_frames: z.number(),
  longest_frames: z.number(),
});
const labels = z.array(z.string()).readonly();

/** What every `config.json` has under `run`, whoever wrote it; what else is there is kept. */
const runSchema = z.looseObject({
  /** The model folder's name. */
  name: z.string(),
  created: z.string(),
  versions: versionsSchema,
  parameters: z.number().optional(),
  /** As `CPU, 2 threads`. */
  device: z.string().optional(),
  git_commit: z.string().nullish(),
  /** The file that the model was imported from. */
  imported_from: z.string().optional(),
  /** Of the imported checkpoint: the epoch that it is of, and the best gloss accuracy that it names. */
  epoch: z.number().optional().catch(undefined),
  best_metric: z.number().optional().catch(undefined),
  classes: z.object({ gloss: z.number(), category: z.number() }),
  data: dataSchema.optional(),
  training_clips: trainingClipsSchema.optional(),
  /** What fixes the model's shape. */
  model: z.record(z.string(), z.unknown()),
  /** Of a model of one's own: the start of its checkpoints' names, and the file that defined it. It is told, never looked into. */
  checkpoint_name: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9]{0,63}$/)
    .optional(),
  model_file: z.string().optional(),
  gloss_labels: labels.optional(),
  category_labels: labels.optional(),
  ...registryFactsSchema.shape,
});

/** The name of a model, which is a setting. */
const modelName = z.string().regex(/^[a-z][a-z0-9_]*$/);
const configSchema = z.looseObject({ model: modelName, run: runSchema });

/** A model folder's `config.json`: the settings, and under `run` how they came to be used and what the registry keeps. */
export type ModelRecord = z.infer<typeof configSchema>;

/** What its clips go through before a model sees them; absent where that is nothing. */
const transforms = z
  .array(z.object({ name: z.string() }).catchall(z.union([z.string(), z.number(), z.boolean()])))
  .readonly()
  .optional();

/** Which key points its clips are, as `src/config/layout-description.ts` reads it; absent of the usual 78, and where they are none. */
const keypoints = z.record(z.string(), z.unknown()).optional();

const trainedRunSchema = runSchema.extend({
  folder: z.string(),
  versions: versionsSchema.required(),
  device: z.string(),
  /** Of the project's checkout, where it is one. */
  git_commit: z.string().nullable(),
  parameters: z.number(),
  data: dataSchema.required({ validation_fingerprint: true }).extend({
    /** Where a share of the training clips validates: which. */
    validation_names: z.array(z.string()).readonly().optional(),
  }),
  training_clips: trainingClipsSchema,
  transforms,
  keypoints,
  /** Of a training with `amp`: what was asked for, the kinds of matrix products that are computed in bfloat16, why, and how many times as fast they were measured to be so. */
  amp: z
    .object({
      asked: z.union([z.boolean(), z.literal('force')]),
      bfloat16_products: z.array(z.string()).readonly(),
      because: z.string(),
      bfloat16_gains: z.record(z.string(), z.number()).optional(),
    })
    .optional(),
  /** Trained models whose word it learnt beside its labels. */
  teachers: z
    .array(z.object({ file: z.string(), sha256: z.string() }))
    .readonly()
    .optional(),
  gloss_labels: labels,
  category_labels: labels,
});

const importedRunSchema = runSchema.extend({
  folder: z.string(),
  parameters: z.number(),
  imported_from: z.string(),
  /** What is to be known of the import, a sentence each. */
  notes: z.array(z.string()).readonly(),
  epoch: z.number(),
  best_metric: z.number().optional(),
  transforms,
  keypoints,
});

type Settings = Readonly<Record<string, unknown>>;

/** What a training writes into `config.json`: the resolved settings, which a later `--config` takes up again, and under `run` how they came to be used. */
export interface RunRecord {
  readonly settings: Settings;
  readonly run: Readonly<z.infer<typeof trainedRunSchema>>;
}

/** What a run is made on. */
export interface MachineFacts {
  readonly versions: RunRecord['run']['versions'];
  readonly device: string;
  readonly gitCommit: string | undefined;
}

/** How many classes a model tells apart. */
interface ClassCounts {
  readonly gloss: number;
  readonly category: number;
}

/** Whether categories say anything of a model: where all clips are of one, every figure of it is perfect and means nothing. */
export function hasCategories({ category }: Pick<ClassCounts, 'category'>): boolean {
  return category > 1;
}

/** `13 glosses in 4 categories`, or the glosses alone where categories say nothing. */
export function classesText(classes: ClassCounts): string {
  const glosses = counted(classes.gloss, 'gloss', 'glosses');
  return hasCategories(classes) ? `${glosses} in ${counted(classes.category, 'category', 'categories')}` : glosses;
}

/** What an import writes into `config.json`. */
export interface ImportRecord {
  readonly settings: Settings;
  readonly run: Readonly<z.infer<typeof importedRunSchema>>;
}

const writtenSchema = z.looseObject({ model: modelName, run: z.union([trainedRunSchema, importedRunSchema]) });

/** The text of a `config.json`, its keys in the order that they have. */
export function configText({ settings, run }: RunRecord | ImportRecord): string {
  const config = { ...settings, run };
  writtenSchema.parse(config);
  return textOf(config);
}

/**
 * Reads a `config.json`.
 * @throws UserError where it is not there, or is none that a training or an import wrote.
 */
export function readConfig(file: string): ModelRecord {
  if (!existsSync(file)) throw new UserError(`${file}: no such file; the folder holds no model that Kumpas made`);
  const checked = configSchema.safeParse(readSettingsFile(file).values);
  if (checked.success) return checked.data;
  throw new UserError(`${file}: ${firstIssue(checked.error)}`);
}

/** What the registry keeps in a `config.json`; nothing where there is none, or it cannot be read. */
export function registryFactsIn(file: string): RegistryFacts {
  const parsed = z.object({ run: registryFactsSchema }).safeParse(valuesIn(file));
  return parsed.success ? parsed.data.run : {};
}

/**
 * Changes what a `config.json` has under `run`; all else in it stays, in its order. What is set to undefined goes.
 * @throws UserError as {@link readConfig}.
 */
export function changeRun(file: string, changes: Partial<Pick<RunRecord['run'], 'name' | 'folder' | keyof RegistryFacts>>): void {
  readConfig(file);
  const config = readSettingsFile(file).values as { run: Record<string, unknown> };
  const changed = { ...config, run: { ...config.run, ...changes } };
  configSchema.parse(changed);
  replaceText(file, textOf(changed));
}

function textOf(config: object): string {
  return `${JSON.stringify(config, null, 2)}\n`;
}

function valuesIn(file: string): unknown {
  try {
    return readSettingsFile(file).values;
  } catch (error) {
    if (error instanceof UserError && !(error instanceof FileSystemProblem)) return undefined;
    throw error;
  }
}
