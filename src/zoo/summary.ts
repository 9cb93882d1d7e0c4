import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { RESULTS_FOLDER } from '../folder/model-folder';
import { readEvaluation, type ReadEvaluation } from '../evaluation/results/document';
import { RESULT_FILES, filesBelow } from '../folder/contents';
import { curvesBeside } from '../evaluation/training-curves';
import { UserError } from '../foundation/errors';
import { type Stage, readRecord, RECORD_FILE, type ModelRecord } from '../folder/config-file';
import { parseFolderName } from '../folder/folder-name';
import type { RegisteredModel } from './registry';
import { ownModels } from '../models/model-table';

/** A model in a few words and figures. What its folder does not tell is null. */
export interface ModelSummary {
  readonly name: string;
  /** The folder, or of an archived model the file that holds it. */
  readonly folder: string;
  readonly type: string;
  readonly version: string | null;
  readonly stage: Stage;
  /** Of the checkpoint that was evaluated, else the best in the log. */
  readonly epoch: number | null;
  readonly gloss_acc: number | null;
  readonly cat_acc: number | null;
  /** Weighted F1 of the glosses. */
  readonly f1: number | null;
  readonly bytes: number;
  /** When its training began, or it was imported: an ISO date. */
  readonly created: string;
  /** Of the clips that it was trained with. */
  readonly fingerprint: string | null;
  readonly synthetic: boolean;
}

/** Sums up a model folder, however little of it there is. */
export function summariseModel({ name, folder }: RegisteredModel): ModelSummary {
  const record = orUndefined(() => readRecord(folder));
  return {
    name,
    folder,
    type: record?.model ?? parseFolderName(name, ownModels.names)?.type ?? 'unknown',
    version: record?.run.version ?? null,
    stage: record?.run.stage ?? 'development',
    ...figuresOf(folder),
    bytes: filesBelow(folder).reduce((sum, { bytes }) => sum + bytes, 0),
    created: createdOf(folder, record),
    fingerprint: record?.run.data?.fingerprint ?? null,
    synthetic: record?.run.data?.synthetic ?? false,
  };
}

/** The evaluation that lies in a model folder; undefined where there is none that can be read. */
export function evaluationIn(folder: string): ReadEvaluation | undefined {
  const file = path.join(folder, RESULTS_FOLDER, RESULT_FILES.document);
  return existsSync(file) ? orUndefined(() => readEvaluation(file)) : undefined;
}

/** Those of the evaluation, else of the log's best epoch. */
function figuresOf(folder: string): Pick<ModelSummary, 'epoch' | 'gloss_acc' | 'cat_acc' | 'f1'> {
  const evaluation = evaluationIn(folder);
  if (evaluation !== undefined) {
    const { epoch = null, gloss, category } = evaluation;
    return { epoch, gloss_acc: gloss.accuracy, cat_acc: category.accuracy, f1: gloss.f1_weighted };
  }
  const rows = curvesBeside(path.join(folder, RECORD_FILE));
  const best = rows.toSorted((one, other) => other.gloss_acc - one.gloss_acc || one.epoch - other.epoch)[0];
  return { epoch: best?.epoch ?? null, gloss_acc: best?.gloss_acc ?? null, cat_acc: best?.cat_acc ?? null, f1: null };
}

function createdOf(folder: string, record: ModelRecord | undefined): string {
  return record?.run.created ?? statSync(folder).mtime.toISOString();
}

/** What a file says; undefined where a user's mistake keeps it from being read. */
export function orUndefined<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
