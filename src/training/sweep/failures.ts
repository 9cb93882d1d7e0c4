import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { replaceText } from '../../foundation/atomic-file';
import { makeFolders } from '../../foundation/folders';
import { readTextIfThere } from '../../foundation/regular-file';

/** In a sweep's folder: of each trial that failed a file that says why, until it is trained again. */
const FAILURES = 'failed';
const ENDING = '.txt';
const LARGEST_FAILURE = 1_000_000;

/** Keeps why a trial failed: whoever collects the sweep may be another process. */
export function keepFailure(folder: string, trial: string, message: string): void {
  makeFolders(path.join(folder, FAILURES));
  replaceText(fileOf(folder, trial), `${message}\n`);
}

/** Forgets that a trial failed. */
export function forgetFailure(folder: string, trial: string): void {
  rmSync(fileOf(folder, trial), { force: true });
}

/** Why the trials of a sweep failed, by their ids. */
export function failuresIn(folder: string, trials: readonly { readonly id: string }[]): ReadonlyMap<string, string> {
  if (!existsSync(path.join(folder, FAILURES))) return new Map();
  return new Map(
    trials.flatMap(({ id }) => {
      const text = readTextIfThere(fileOf(folder, id), LARGEST_FAILURE);
      return text === undefined ? [] : [[id, text.trimEnd()] as const];
    }),
  );
}

function fileOf(folder: string, trial: string): string {
  return path.join(folder, FAILURES, `${trial}${ENDING}`);
}
