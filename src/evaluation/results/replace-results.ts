import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { flushFolder, replaceFile } from '../../foundation/atomic-file';
import { FileSystemProblem, whileWriting, unfinishedNameOf } from '../../foundation/file-system-problem';
import { RESULT_FILES } from '../../folder/contents';

/** Within a folder of results: new ones that are whole, and take the places of the old ones. */
const COMPLETE = '.complete_results';

/** The content of a file of results; undefined for one that this evaluation does not have. */
export type ResultContent = string | Uint8Array | undefined;

/**
 * Puts new results in the place of those in a folder. They are written beside them first, whole, so that whatever keeps that from being done leaves the old ones as
 * they are; only then does each file take its place, `evaluation.json` last. Other files of the folder stay.
 * @throws FileSystemProblem where one cannot be written.
 */
export function replaceResults(folder: string, contents: ReadonlyMap<string, ResultContent>): void {
  finishReplacing(folder);
  for (const name of contents.keys()) refuseFolder(path.join(folder, name));
  const unfinished = unfinishedNameOf(path.join(folder, 'results'));
  try {
    whileWriting(folder, () => {
      mkdirSync(unfinished);
    });
    for (const [name, content] of contents) {
      const write = (append: (bytes: string | Uint8Array) => void): void => {
        append(content ?? '');
      };
      replaceFile(path.join(unfinished, name), write, path.join(folder, name));
    }
    whileWriting(folder, () => {
      renameSync(unfinished, path.join(folder, COMPLETE));
    });
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    throw error;
  }
  finishReplacing(folder);
}

/** Whether a process was killed in the moment in which new results took the places of old ones: {@link finishReplacing} does the rest. */
export function isBeingReplaced(folder: string): boolean {
  return existsSync(path.join(folder, COMPLETE));
}

/** Lets whole new results take their places, as far as they have not. An empty file stands for one that is no longer there. */
export function finishReplacing(folder: string): void {
  const complete = path.join(folder, COMPLETE);
  if (!existsSync(complete)) return;
  whileWriting(folder, () => {
    const names = readdirSync(complete);
    const inOrder = [...names.filter((name) => name !== RESULT_FILES.document), ...names.filter((name) => name === RESULT_FILES.document)];
    if (names.includes(RESULT_FILES.document)) rmSync(path.join(folder, RESULT_FILES.document), { force: true });
    for (const name of inOrder) takePlace(path.join(complete, name), path.join(folder, name));
    rmdirSync(complete);
  });
  flushFolder(folder);
}

function takePlace(from: string, to: string): void {
  if (statSync(from).size > 0) {
    renameSync(from, to);
    return;
  }
  rmSync(to, { force: true });
  rmSync(from);
}

function refuseFolder(file: string): void {
  if (lstatSync(file, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  throw new FileSystemProblem(`${file}: a folder lies where a file is expected; move it away, or choose another place with --output-dir`);
}
