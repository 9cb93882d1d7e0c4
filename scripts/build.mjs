// Builds dist/: the source as CommonJS with declarations, and beside it the files that it reads. `npm run types` checks the types; here they are only written.
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';

const project = path.resolve(import.meta.dirname, '..');
const [source, built] = ['src', 'dist'].map((folder) => path.join(project, folder));

rmSync(built, { recursive: true, force: true });
const compiler = path.join(project, 'node_modules/typescript/bin/tsc');
execFileSync(process.execPath, [compiler, '--project', path.join(project, 'tsconfig.build.json'), '--noCheck'], { stdio: 'inherit' });

for (const file of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
  if (file.startsWith(path.join('app', 'page'))) continue;
  const isRead = /\.(css|csv)$/.test(file) || file === path.join('evaluation', 'report', 'interaction.js');
  const hasDeclaration = /\/tfjs\.(js|d\.ts)$/.test(file);
  if (isRead || hasDeclaration) cpSync(path.join(source, file), path.join(built, file));
}

for (const page of ['page', 'site'])
  execFileSync(process.execPath, [path.join(project, `scripts/build-${page}.mjs`), path.join(built, 'app', page)], { stdio: 'inherit' });
