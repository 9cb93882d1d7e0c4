import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { messageOf, UserError } from './errors';
import { parseJson } from './json';

const project = path.resolve(__dirname, '../..');
const run = promisify(execFile);

/** What a build notes of itself: the source files that it was made of, each with its sha256. */
const madeOfSchema = z.record(z.string(), z.string());

/**
 * The folder of pages that Vite makes: the `page` of the app, or the `site` of an exported model. Of an installed package it is what was built with it, in a
 * checkout what is built of the source, by a process of its own, anew where that has changed.
 * @throws UserError where it cannot be built.
 */
export async function builtPage(name: 'page' | 'site'): Promise<string> {
  if (!__filename.endsWith('.ts')) return path.resolve(__dirname, '../app', name);
  const folder = path.join(project, 'node_modules/.cache/kumpas', name);
  if (isCurrent(folder)) return folder;
  try {
    await run(process.execPath, [path.join(project, `scripts/build-${name}.mjs`), folder], { cwd: project });
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : messageOf(error);
    throw new UserError(`the ${name} could not be built: ${said.trim()}; npm ci installs what builds it`, { cause: error });
  }
  return folder;
}

function isCurrent(folder: string): boolean {
  const record = path.join(folder, 'made-of.json');
  if (!existsSync(record)) return false;
  const madeOf = madeOfSchema.safeParse(parseJson(readFileSync(record, 'utf8')));
  return (
    madeOf.success &&
    Object.entries(madeOf.data).every(([name, digest]) => {
      const file = path.join(project, name);
      return existsSync(file) && createHash('sha256').update(readFileSync(file)).digest('hex') === digest;
    })
  );
}
