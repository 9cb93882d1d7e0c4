import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { z, type OpenAPIHono } from '@hono/zod-openapi';
import { html } from '../../evaluation/report/markup';
import { messageOf, UserError } from '../../foundation/errors';
import { parseJson } from '../../foundation/json';

/** A file of the page, in memory: no address can lead to another one. */
interface PageFile {
  readonly type: string;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Whether its name changes with what is in it. */
  readonly isHashed: boolean;
}

/** The files of the pages by their addresses: `index.html` is at `/`, `live.html` at `/live`. */
export type PageFiles = ReadonlyMap<string, PageFile>;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * The page: of an installed package what was built with it, in a checkout what is built of the source, anew where that has changed.
 * @throws UserError where it cannot be built.
 */
export async function pageFiles(): Promise<PageFiles> {
  const folder = __filename.endsWith('.ts') ? await builtPage() : path.resolve(__dirname, '../page');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.flatMap((entry): [string, PageFile][] => {
      const file = path.join(entry.parentPath, entry.name);
      const type = TYPES[path.extname(file)];
      const address = `/${path.relative(folder, file).split(path.sep).join('/')}`;
      if (type === undefined) return [];
      const isHashed = /-[\w-]{8}\.\w+$/.test(entry.name);
      return [[address.replace(/(index)?\.html$/, ''), { type, body: new Uint8Array(readFileSync(file)), isHashed }]];
    }),
  );
}

const project = path.resolve(__dirname, '../../..');
const run = promisify(execFile);

/** What a build notes of itself: the source files that it was made of, each with its sha256. */
const madeOfSchema = z.record(z.string(), z.string());

/** The folder of the page, built by Vite in a process of its own unless it is there and as new as its source. */
async function builtPage(): Promise<string> {
  const folder = path.join(project, 'node_modules/.cache/kumpas/page');
  if (isCurrent(folder)) return folder;
  try {
    await run(process.execPath, [path.join(project, 'scripts/build-page.mjs'), folder], { cwd: project });
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : messageOf(error);
    throw new UserError(`the app's page could not be built: ${said.trim()}; npm ci installs what builds it`, { cause: error });
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

/** Adds the page's addresses. */
export function addPage(app: OpenAPIHono, files: PageFiles): void {
  for (const [address, { type, body, isHashed }] of files) {
    const caching = isHashed ? 'public, max-age=31536000, immutable' : 'no-cache';
    app.get(address, (context) => context.body(body, 200, { 'content-type': type, 'cache-control': caching }));
  }
}

/** What a browser is shown that does not know the token. */
export const tokenPage = html`<!doctype html>
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <title>Token · Kumpas</title>
    </head>
    <body>
      <main>
        <h1>Kumpas</h1>
        <p>This app asks for a token: it was printed where the app was started, at the end of its address.</p>
        <form method="get" action="/">
          <label>Token <input name="token" type="password" autocomplete="current-password" required /></label>
          <button>Open</button>
        </form>
      </main>
    </body>
  </html> `.text;
