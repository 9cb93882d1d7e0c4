import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';

/** The files and folders of a model folder, besides its checkpoints. */
export const FOLDER_FILES = {
  /** The settings, and how they came to be used. */
  config: 'config.json',
  /** What it is, its figures, how to load it. */
  readme: 'README.md',
  /** A line an epoch. */
  log: 'training_log.txt',
  /** More of each epoch, a JSON object a line. */
  metrics: 'metrics.jsonl',
  /** Event files for TensorBoard, where a training was asked for them. */
  tensorboard: 'tensorboard',
  /** What changed from release to release. */
  changelog: 'CHANGELOG.md',
  /** A folder a release. */
  releases: 'releases',
  /** What an evaluation found. */
  results: 'evaluation_results',
} as const;

/** The log of the PyTorch pipeline, which may lie beside a checkpoint of it. */
export const PYTORCH_LOG_FILE = 'training_log.csv';
/** The file of a release that says everything about it. */
export const RELEASE_FILE = 'release.json';

/** What a checkpoint of a model folder is: of the best epoch, of the last state, or the weights alone for use. */
export type CheckpointRole = 'best' | 'last' | 'production';

/** How the name of a checkpoint ends that has a role. */
export function checkpointEnding(role: CheckpointRole): string {
  return `_${role}.pt`;
}

/**
 * A checkpoint's name, as `SignTransformer_best.pt`.
 * @param checkpointName the model's class name in PyTorch.
 */
export function checkpointFile(checkpointName: string, role: CheckpointRole): string {
  return checkpointName + checkpointEnding(role);
}

/** Whether a file's name or path is that of a checkpoint of a role. */
export function hasRole(file: string, role: CheckpointRole): boolean {
  return file.endsWith(checkpointEnding(role));
}

/** The files of `evaluation_results`, by what they are. */
export const RESULT_FILES = {
  report: 'report.html',
  summary: 'summary_metrics.csv',
  perClass: 'per_class_metrics.csv',
  perCategory: 'per_class_metrics_category.csv',
  predictions: 'predictions.csv',
  confusionTable: 'confusion_matrix.csv',
  confusionPicture: 'confusion_matrix.png',
  categoryConfusionTable: 'confusion_matrix_category.csv',
  confusionPairs: 'confusion_pairs.csv',
  categoryConfusionPairs: 'confusion_pairs_category.csv',
  categoryConfusionPicture: 'confusion_matrix_category.png',
  curves: 'training_curves.png',
  reliability: 'reliability.png',
  /** What a program reads, written last: where it is, all the others are of the same evaluation. */
  document: 'evaluation.json',
} as const;

/** What a file or folder of a model folder is, by its path from there; undefined for what the guide does not know. */
export function meaningOf(path: string): string | undefined {
  return MEANINGS.find(([pattern]) => pattern.test(path))?.[1];
}

const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/^[^/]+_best\.pt$/, 'weights of the best epoch: the one to use'],
  [/^[^/]+_last\.pt$/, 'the last state: the one to go on from'],
  [/^[^/]+_production\.pt$/, 'weights alone, for use: promote or release wrote it'],
  [/^production\.json$/, 'what was found of the production checkpoint'],
  [/^CHANGELOG\.md$/, 'what changed from release to release'],
  [/^releases\/$/, 'each release, as it was made'],
  [/^training_log\.txt$/, 'a line an epoch'],
  [/^metrics\.jsonl$/, 'more of each epoch'],
  [/^config\.json$/, 'settings, data, versions'],
  [/^README\.md$/, 'the card: what it is, its figures, how to load it'],
  [/^evaluation_results(_[^/]+)?\/$/, 'figures, predictions, pictures, report.html'],
  [/^performance_history\.csv$/, 'how it did on data that came later'],
  [/^performance_history\.png$/, 'the same as a picture'],
  [/^exports\/$/, 'the model in other forms'],
  [/^manifest\.json$/, 'of a pack: the size and sha256 of each file'],
  [/^examples\/$/, 'of a pack: how to load the model'],
];

/** Bytes that the files of a folder take on disk, as {@link filesBelow} has them: a file that has two names is counted once. */
export function bytesTakenBy(folder: string): number {
  const counted = new Set<string>();
  return filesBelow(folder).reduce((sum, { path: inner }) => {
    const { dev, ino, size } = statSync(path.join(folder, inner));
    const identity = `${dev}:${ino}`;
    if (counted.has(identity)) return sum;
    counted.add(identity);
    return sum + size;
  }, 0);
}

const DEEPEST = 16;

/** A file within a model folder. */
interface FolderFile {
  /** Its path from the folder, with slashes, as `evaluation_results/report.html`. */
  readonly path: string;
  readonly bytes: number;
}

/** The files of a folder and of those in it, by their paths. Hidden ones are left out, and links are not followed. */
export function filesBelow(folder: string): FolderFile[] {
  return below(folder, '', 0).sort((one, other) => (one.path < other.path ? -1 : 1));
}

function below(folder: string, prefix: string, depth: number): FolderFile[] {
  if (depth > DEEPEST) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry): FolderFile[] => {
    if (entry.name.startsWith('.')) return [];
    const inner = path.join(folder, entry.name);
    if (entry.isDirectory()) return below(inner, `${prefix}${entry.name}/`, depth + 1);
    return entry.isFile() ? [{ path: prefix + entry.name, bytes: statSync(inner).size }] : [];
  });
}
