import { readdirSync } from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { weightTensors } from '../checkpoint/state-dict';
import { readTorchFile } from '../checkpoint/torch-file';
import { UserError } from '../foundation/errors';
import { importCheckpoint } from './import-checkpoint';
import type { ImportedModel, ImportOptions, ImportSource } from './read-import';
import { readLegacyLog } from './legacy-log';

/** A file of a tree that could not be imported, or was passed over. */
export interface FailedImport {
  readonly file: string;
  readonly reason: string;
}

export interface TreeImport {
  readonly imported: readonly ImportedModel[];
  readonly failed: readonly FailedImport[];
  /** Files that are called as checkpoints sometimes are and hold no weights, each with what it is. */
  readonly passedOver: readonly FailedImport[];
}

/** The checkpoints below a folder, and what was passed over. */
export interface FoundCheckpoints extends Pick<TreeImport, 'passedOver'> {
  readonly sources: readonly FoundSource[];
}

/** What becomes one model folder, found in a tree. */
export interface FoundSource extends ImportSource {
  /** A word for its place in the tree, as `exp1-lr3e-4`; empty where there is none. */
  readonly place: string;
}

/** Who watches an import of many. */
export interface TreeWatch {
  /** Is told of each file that is begun with, of how many. */
  readonly onImport?: (done: number, total: number, file: string) => void;
  /** Ends it after the file that is being imported. */
  readonly signal?: AbortSignal;
}

/**
 * Imports every checkpoint below a folder; one that cannot be imported does not stop the others.
 * @throws UserError where there is no checkpoint.
 */
export async function importTree(folder: string, options: ImportOptions, { onImport, signal }: TreeWatch = {}): Promise<TreeImport> {
  const { sources, passedOver } = findCheckpoints(folder);
  if (sources.length === 0) {
    const said = `${folder}: the folder holds no checkpoint (${[...EXTENSIONS, ...DOUBTFUL].join(', ')}), nor does any folder in it`;
    throw new UserError([said, ...passedOver.map(({ reason }) => `passed over: ${reason}`)].join('\n'));
  }
  const imported: ImportedModel[] = [];
  const failed: FailedImport[] = [];
  for (const [index, source] of sources.entries()) {
    await setImmediate(); // Lets a Ctrl-C in.
    if (signal?.aborted === true) break;
    onImport?.(index, sources.length, source.best);
    const description = describe(options.description, source.place);
    try {
      imported.push(await importCheckpoint(source, { ...options, description }));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failed.push({ file: source.best, reason: error.message });
    }
  }
  return { imported, failed, passedOver };
}

/**
 * The checkpoints below a folder, by their paths; what ends in another way than theirs, as `.bin`, is looked into. `X_best.pt` and `X_last.pt` of one folder are one model; a file beside them that is the log of a training is its
 * log, where there is exactly one. Links are not followed, hidden folders not entered.
 */
export function findCheckpoints(root: string): FoundCheckpoints {
  const passedOver: FailedImport[] = [];
  const sources = foldersBelow(root).flatMap(({ folder, files }) => {
    const checkpoints = files.filter((name) => {
      const extension = path.extname(name).toLowerCase();
      if (!DOUBTFUL.includes(extension)) return EXTENSIONS.includes(extension);
      const file = path.join(folder, name);
      const reason = whyNoCheckpoint(file);
      if (reason !== undefined) passedOver.push({ file, reason });
      return reason === undefined;
    });
    if (checkpoints.length === 0) return [];
    const logs = files
      .filter((name) => LOG_EXTENSIONS.includes(path.extname(name).toLowerCase()))
      .filter((name) => isLog(path.join(folder, name)));
    const log = logs.length === 1 && logs[0] !== undefined ? path.join(folder, logs[0]) : undefined;
    const place = path.relative(root, folder);
    return checkpoints.flatMap((name): FoundSource[] => {
      const last = name.replace(BEST, '_last$1');
      if (LAST.test(name) && checkpoints.includes(name.replace(LAST, '_best$1'))) return [];
      return [
        {
          best: path.join(folder, name),
          last: last !== name && checkpoints.includes(last) ? path.join(folder, last) : undefined,
          log,
          place: wordOf(path.join(place, path.parse(name.replace(/\.tar$/i, '')).name.replace(/_(best|last)$/, ''))),
        },
      ];
    });
  });
  return { sources, passedOver };
}

/** Why a file that may be a checkpoint is none; undefined where it holds weights. */
function whyNoCheckpoint(file: string): string | undefined {
  try {
    readTorchFile(file, (value) => weightTensors(value));
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

const EXTENSIONS: readonly string[] = ['.pt', '.pth', '.ckpt', '.safetensors'];
/** How checkpoints are called sometimes, and other files too: `model_best.pth.tar`, `pytorch_model.bin`. */
const DOUBTFUL: readonly string[] = ['.tar', '.bin', '.pkl', '.pickle', '.zip'];
const LOG_EXTENSIONS: readonly string[] = ['.csv', '.txt', '.log'];
const BEST = /_best((?:\.\w+)+)$/;
const LAST = /_last((?:\.\w+)+)$/;
const DEEPEST = 32;
const LONGEST_DESCRIPTION = 64;

function foldersBelow(folder: string, depth = 0): { folder: string; files: string[] }[] {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((one, other) => (one.name < other.name ? -1 : 1));
  const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.')).map(({ name }) => name);
  const inner = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && depth < DEEPEST);
  return [{ folder, files }, ...inner.flatMap(({ name }) => foldersBelow(path.join(folder, name), depth + 1))];
}

function isLog(file: string): boolean {
  try {
    return readLegacyLog(file).rows.length > 0;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

function wordOf(place: string): string {
  return place
    .split(path.sep)
    .map((part) => part.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replaceAll(/^[^A-Za-z0-9]+|[-.]+$/g, ''))
    .filter((part) => part !== '')
    .join('-');
}

/** Shortened at the front, where names of one tree are alike. */
function describe(description: string, place: string): string {
  if (place === '') return description;
  const room = Math.max(1, LONGEST_DESCRIPTION - description.length - 1);
  return `${description}-${place.slice(-room)}`;
}
