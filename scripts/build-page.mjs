// Builds the app's page with Vite: `node scripts/build-page.mjs FOLDER`. The folder appears whole, with a note of the source files that it was made of.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'vite';

const project = path.resolve(import.meta.dirname, '..');
const source = path.join(project, 'src/app/page');
const target = path.resolve(process.argv[2] ?? path.join(project, 'dist/app/page'));

mkdirSync(path.dirname(target), { recursive: true });
const unfinished = mkdtempSync(`${target}-`);
/** @type {Set<string>} */
const modules = new Set([import.meta.filename, path.join(source, 'index.html')]);
await build({
  root: source,
  configFile: false,
  logLevel: 'error',
  build: { outDir: unfinished, emptyOutDir: true, target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  plugins: [
    {
      name: 'made-of',
      buildEnd() {
        for (const id of this.getModuleIds()) {
          const file = id.split('?')[0] ?? id;
          if (path.isAbsolute(file) && !file.includes('node_modules')) modules.add(file);
        }
      },
    },
  ],
});
const files = [...modules, ...readdirSync(path.join(source, 'public/assets')).map((name) => path.join(source, 'public/assets', name))];
const madeOf = Object.fromEntries(
  files.map((file) => [path.relative(project, file), createHash('sha256').update(readFileSync(file)).digest('hex')]),
);
writeFileSync(path.join(unfinished, 'made-of.json'), JSON.stringify(madeOf, null, 2));
rmSync(target, { recursive: true, force: true });
renameSync(unfinished, target);
