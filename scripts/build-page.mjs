// Builds the app's pages with Vite: `node scripts/build-page.mjs FOLDER`. A page is an .html beside pages.json, which lists what the header of each leads to.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { buildFolder, project } from './vite-build.mjs';

const source = path.join(project, 'src/app/page');
const documents = readdirSync(source)
  .filter((name) => name.endsWith('.html'))
  .map((name) => path.join(source, name));
const list = path.join(source, 'pages.json');
/** @type {{ readonly address: string; readonly title: string }[]} */
const pages = JSON.parse(readFileSync(list, 'utf8'));

/**
 * The bar at the top of a page, with where one can go.
 * @param {string} document the page's file
 */
function headerOf(document) {
  const here = `/${path.basename(document, '.html').replace(/^index$/, '')}`;
  const links = pages.map(({ address, title }) => `<a href="${address}"${address === here ? ' aria-current="page"' : ''}>${title}</a>`);
  return `<header class="bar"><p class="brand"><span aria-hidden="true" class="mark"></span>Kumpas</p><nav aria-label="Pages">${links.join('')}</nav></header>`;
}

await buildFolder(
  path.resolve(process.argv[2] ?? path.join(project, 'dist/app/page')),
  {
    root: source,
    publicDir: path.join(source, 'public'),
    build: { rollupOptions: { input: documents } },
    plugins: [
      {
        name: 'header',
        transformIndexHtml: {
          order: 'pre',
          handler: (html, { filename }) => html.replace('<!-- header -->', headerOf(filename)),
        },
      },
    ],
  },
  [import.meta.filename, list, ...documents],
);
