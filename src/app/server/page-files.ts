import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { OpenAPIHono } from '@hono/zod-openapi';
import { html } from '../../evaluation/report/markup';
import { builtPage } from '../../foundation/built-page';

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

/** The pages. @throws UserError where they cannot be built. */
export async function pageFiles(): Promise<PageFiles> {
  const folder = await builtPage('page');
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
