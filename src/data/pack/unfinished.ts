import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { nameOfUnfinished } from '../../foundation/file-system-problem';

/** Removes what a writer of a file or folder that was killed left beside its place. Whoever is writing the same place meanwhile ends with an error. */
export function removeUnfinished(place: string): void {
  const folder = path.dirname(path.resolve(place));
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder))
    if (nameOfUnfinished(name) === path.basename(place)) rmSync(path.join(folder, name), { recursive: true, force: true });
}
