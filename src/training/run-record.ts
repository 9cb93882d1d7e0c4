import path from 'node:path';
import { z } from 'zod';
import { readSettingsFile } from '../config/settings-file';
import type { ClipEntry, Dataset } from '../data/clip-set';
import { sizeOfShape } from '../engine/named-tensors';
import { UserError } from '../foundation/errors';
import { FileSystemProblem } from '../foundation/file-system-problem';
import type { Model } from '../models/model';

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
  const parsed = registryFacts.safeParse(readRecord(file));
  return parsed.success ? parsed.data.run : {};
}

const registryFacts = z.object({
  run: z.object({ version: z.string().optional(), stage: z.enum(STAGES).optional(), follows: z.string().optional() }),
});

function readRecord(file: string): unknown {
  try {
    return readSettingsFile(file).values;
  } catch (error) {
    if (error instanceof UserError && !(error instanceof FileSystemProblem)) return undefined;
    throw error;
  }
}

/** Describes a run that is about to start. */
export function describeRun(facts: {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly dataset: Dataset;
  readonly model: Model;
  readonly machine: MachineFacts;
  readonly folder: string;
  readonly created: Date;
  /** Of a folder that a training goes on in. */
  readonly registry: RegistryFacts;
}): RunRecord {
  const { settings, dataset, model, machine, folder, created, registry } = facts;
  const counts = { gloss: model.numGloss, category: model.numCategory };
  return {
    settings: { ...settings, num_gloss: counts.gloss, num_cat: counts.category },
    run: {
      name: path.basename(folder),
      folder,
      created: created.toISOString(),
      versions: machine.versions,
      device: machine.device,
      git_commit: machine.gitCommit ?? null,
      parameters: model.parameters.filter(({ trainable }) => trainable).reduce((sum, { shape }) => sum + sizeOfShape(shape), 0),
      classes: counts,
      data: {
        title: dataset.title,
        synthetic: dataset.synthetic,
        train_clips: dataset.train?.entries.length ?? 0,
        validation_clips: dataset.validation.entries.length,
        fingerprint: dataset.fingerprint,
        validation_fingerprint: dataset.validationFingerprint,
      },
      training_clips: describeClips(dataset.train?.entries ?? [], counts.gloss),
      model: model.config,
      gloss_labels: dataset.labels.gloss,
      category_labels: dataset.labels.category,
      ...registry,
    },
  };
}

function describeClips(clips: readonly ClipEntry[], glosses: number): RunRecord['run']['training_clips'] {
  const frames = clips.map((clip) => clip.frames).sort((one, other) => one - other);
  return {
    of_gloss: Array.from({ length: glosses }, (_, id) => clips.filter(({ gloss }) => gloss === id).length),
    shortest_frames: frames[0] ?? 0,
    median_frames: frames[Math.floor(frames.length / 2)] ?? 0,
    longest_frames: frames.at(-1) ?? 0,
  };
}
