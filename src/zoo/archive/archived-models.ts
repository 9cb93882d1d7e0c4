import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../foundation/json';
import { STAGES } from '../../folder/config-file';
import { isSafeName } from '../../folder/folder-name';
import { firstIssue, messageOf, UserError } from '../../foundation/errors';
import { FileSystemProblem } from '../../foundation/file-system-problem';
import { readRegularText } from '../../foundation/regular-file';
import { ARCHIVE_FOLDER, type ModelSummary } from '../registered-models';
import { pathProblem } from '../tar/read-tar';

/** The file that an archived model is in, and the one beside it that tells what it is. */
export interface ArchiveFiles {
  readonly name: string;
  readonly archive: string;
  readonly sidecar: string;
}

/** Where a model is archived. */
export function archiveFilesOf(root: string, name: string): ArchiveFiles {
  const stem = path.join(root, ARCHIVE_FOLDER, name);
  return { name, archive: `${stem}.tar.gz`, sidecar: `${stem}.json` };
}

/** A file with its checksum, by its path within a model folder. */
export const checkedFileSchema = z.object({
  path: z.string().refine((inner) => pathProblem(inner, { hidden: true }) === undefined, 'expected a path within a model folder'),
  bytes: z.number().int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type CheckedFile = z.infer<typeof checkedFileSchema>;

const figure = z.number().nullable();
const summarySchema = z.object({
  name: z.string(),
  folder: z.string(),
  type: z.string(),
  version: z.string().nullable(),
  stage: z.enum(STAGES),
  epoch: figure,
  gloss_acc: figure,
  cat_acc: figure,
  f1: figure,
  bytes: z.number(),
  created: z.string(),
  fingerprint: z.string().nullable(),
  /** Absent from what earlier versions archived. */
  measured_on: z.string().nullable().default(null),
  synthetic: z.boolean(),
}) satisfies z.ZodType<ModelSummary>;

const sidecarSchema = z.object({
  format: z.literal('kumpas-archive'),
  format_version: z.literal(1),
  name: z.string().refine(isSafeName, 'expected the name of a model'),
  /** Where it lay, from the registry: `transformer/transformer_baseline_09-20`. */
  folder: z
    .string()
    .refine((folder) => folder.split('/').every(isSafeName) && folder.split('/').length <= 2, 'expected a folder of the registry'),
  archived: z.string(),
  kumpas: z.string(),
  /** Of the archive. */
  bytes: z.number().int().positive(),
  sha256: z.string(),
  /** As it was; its stage is the one that a restored model has again. */
  summary: summarySchema,
  files: z.array(checkedFileSchema),
});
/** What lies beside an archived model and tells what it is. */
export type Sidecar = z.infer<typeof sidecarSchema>;

const LARGEST_SIDECAR = 32_000_000;

/**
 * Reads what lies beside an archived model.
 * @throws UserError where it is not there, or is none.
 */
export function readSidecar(file: string): Sidecar {
  const checked = sidecarSchema.safeParse(parse(file));
  if (checked.success) return checked.data;
  throw new UserError(`${file}: ${firstIssue(checked.error)}; it does not tell of an archived model`);
}

function parse(file: string): unknown {
  try {
    return parseJson(readRegularText(file, LARGEST_SIDECAR));
  } catch (error) {
    throw new UserError(`${file}: it cannot be read (${messageOf(error).replace(`${file}: `, '')})`, { cause: error });
  }
}

/** A sum-up of each archived model that can be listed. */
export function archivedModels(root: string): ModelSummary[] {
  return archivedNames(root).flatMap((name): ModelSummary[] => {
    const files = archiveFilesOf(root, name);
    const sidecar = existsSync(files.archive) ? sidecarOrUndefined(files.sidecar) : undefined;
    if (sidecar === undefined) return [];
    return [{ ...sidecar.summary, name, folder: files.archive, stage: 'archived', bytes: sidecar.bytes }];
  });
}

/** What is told of an archived model, and where it is. */
export type ArchivedRecord = Sidecar & { readonly archive: string };

/** An archived model of which no folder is there; undefined where there is none. */
export function archivedModel(root: string, name: string): ArchivedRecord | undefined {
  if (!isSafeName(name)) return undefined;
  const files = archiveFilesOf(root, name);
  const sidecar = existsSync(files.archive) ? sidecarOrUndefined(files.sidecar) : undefined;
  if (sidecar === undefined || existsSync(path.join(root, ...sidecar.folder.split('/')))) return undefined;
  return { ...sidecar, archive: files.archive };
}

/** The names under which anything is archived, whole or not. */
export function archivedNames(root: string): string[] {
  const folder = path.join(root, ARCHIVE_FOLDER);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).flatMap((name) => /^([^.].*?)(?:\.tar\.gz|\.json)$/.exec(name)?.[1] ?? []);
  return [...new Set(names)].filter(isSafeName).sort();
}

/** Undefined where it cannot be read. */
export function sidecarOrUndefined(file: string): Sidecar | undefined {
  try {
    return readSidecar(file);
  } catch (error) {
    if (error instanceof UserError && !(error instanceof FileSystemProblem)) return undefined;
    throw error;
  }
}
