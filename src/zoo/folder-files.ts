import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';

const DEEPEST = 16;

/** A file within a model folder. */
export interface FolderFile {
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
