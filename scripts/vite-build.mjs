// A folder that Vite makes of some of the source: it appears whole, with a note of the files that it was made of, by which a checkout knows when to build it anew.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'vite';

export const project = path.resolve(import.meta.dirname, '..');

/**
 * @param {string} target the folder
 * @param {import('vite').InlineConfig & { root: string, publicDir: string }} config
 * @param {readonly string[]} read files beside those that Vite finds by their imports
 */
export async function buildFolder(target, { plugins = [], ...config }, read) {
  mkdirSync(path.dirname(target), { recursive: true });
  const unfinished = mkdtempSync(`${target}-`);
  const files = new Set([import.meta.filename, ...read]);
  await build({
    configFile: false,
    logLevel: 'error',
    ...config,
    build: {
      outDir: unfinished,
      emptyOutDir: true,
      target: 'es2022',
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      chunkSizeWarningLimit: 2_000,
      ...config.build,
    },
    plugins: [
      ...plugins,
      {
        name: 'made-of',
        buildEnd() {
          for (const id of this.getModuleIds()) {
            const file = id.split('?')[0] ?? id;
            if (path.isAbsolute(file) && !file.includes('node_modules')) files.add(file);
          }
        },
      },
    ],
  });
  for (const name of readdirSync(config.publicDir, { recursive: true, encoding: 'utf8' })) {
    const file = path.join(config.publicDir, name);
    if (path.extname(name) !== '') files.add(file);
  }
  const madeOf = [...files].map((file) => [path.relative(project, file), createHash('sha256').update(readFileSync(file)).digest('hex')]);
  writeFileSync(path.join(unfinished, 'made-of.json'), JSON.stringify(Object.fromEntries(madeOf), null, 2));
  rmSync(target, { recursive: true, force: true });
  renameSync(unfinished, target);
}
