// Builds the page that recognises signs by itself, which `convert export --format web` puts beside a model: `node scripts/build-site.mjs FOLDER`.
// It runs the very source that Node runs, with three differences: TensorFlow.js is that of a browser, what only reads and writes files falls away, and nothing is
// left that would need Node.
import { rmSync } from 'node:fs';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { buildFolder, project } from './vite-build.mjs';

const source = path.join(project, 'src/app/page/site');
const page = path.join(source, 'index.html');
const browserEngine = path.join(project, 'src/engine/browser');

const ofNode = new Set([...builtinModules, 'yauzl', 'sharp', '@napi-rs/canvas']);
/** @param {string} name */
const needsNode = (name) => name.startsWith('node:') || ofNode.has(name);

/** Modules of Kumpas do nothing by being loaded, but those that are made for the browser: what nobody asks of them can go. @param {string} id */
const actsWhenLoaded = (id) => !id.startsWith(path.join(project, 'src/')) || id.startsWith(source) || id.startsWith(browserEngine);

await buildFolder(
  path.resolve(process.argv[2] ?? path.join(project, 'dist/app/site')),
  {
    root: source,
    base: './', // It can lie anywhere, also below an address.
    publicDir: path.join(project, 'src/app/page/public'),
    build: {
      rolldownOptions: {
        treeshake: { moduleSideEffects: actsWhenLoaded },
        output: {
          codeSplitting: { groups: [{ name: 'tensorflow', test: /node_modules[\\/](@tensorflow|long|seedrandom)[\\/]/ }] },
        },
      },
    },
    plugins: [
      {
        name: 'for-a-browser',
        enforce: 'pre',
        async resolveId(name, importer, options) {
          if (needsNode(name)) return { id: name, external: true, moduleSideEffects: false };
          if (!/\/tfjs$/.test(name)) return undefined;
          const found = await this.resolve(name, importer, { ...options, skipSelf: true });
          return found?.id === path.join(project, 'src/engine/tfjs.js') ? path.join(browserEngine, 'tfjs.ts') : found;
        },
        writeBundle({ dir = '' }) {
          rmSync(path.join(dir, 'assets/reference.css')); // Of the page of the app's API.
        },
        generateBundle(_options, bundle) {
          for (const part of Object.values(bundle)) {
            const [, needed] = part.type === 'chunk' ? (/\b(?:from|import)\s*["'](node:[\w/]+|yauzl|sharp)["']/.exec(part.code) ?? []) : [];
            if (needed !== undefined) this.error(`the page would need ${needed}, which a browser has not: see what it imports`);
          }
        },
      },
    ],
  },
  [import.meta.filename, page],
);
