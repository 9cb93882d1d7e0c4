// Builds the app's pages with Vite: `node scripts/build-page.mjs FOLDER`. The folder appears whole, with a note of the source files that it was made of.
// A page is an .html beside pages.json, which lists what the header of each leads to.
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
const modules = new Set([import.meta.filename, path.join(source, 'pages.json')]);
const documents = readdirSync(source)
  .filter((name) => name.endsWith('.html'))
  .map((name) => path.join(source, name));
for (const document of documents) modules.add(document);
/** @type {{ readonly address: string; readonly title: string }[]} */
const pages = JSON.parse(readFileSync(path.join(source, 'pages.json'), 'utf8'));

/**
 * The bar at the top of a page, with where one can go.
 * @param {string} document the page's file
 */
function headerOf(document) {
  const here = `/${path.basename(document, '.html').replace(/^index$/, '')}`;
  const links = pages.map(({ address, title }) => `<a href="${address}"${address === here ? ' aria-current="page"' : ''}>${title}</a>`);
  return `<header class="bar"><p class="brand"><span aria-hidden="true" class="mark"></span>Kumpas</p><nav aria-label="Pages">${links.join('')}</nav></header>`;
}

await build({
  root: source,
  configFile: false,
  logLevel: 'error',
  build: {
    outDir: unfinished,
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: documents },
  },
  plugins: [
    {
      name: 'header',
      transformIndexHtml: {
        order: 'pre',
        handler: (html, { filename }) => html.replace('<!-- header -->', headerOf(filename)),
      },
    },
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
