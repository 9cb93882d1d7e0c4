import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { validate } from 'dockerfile-utils';
import { parseJson } from '../../src/foundation/json';

const project = path.resolve(__dirname, '../..');
const dockerfile = readFileSync(path.join(project, 'Dockerfile'), 'utf8');

/** What instructions of one kind say: `COPY --from=build a b` as its words. */
function instructions(kind: string): string[][] {
  const lines = dockerfile.replaceAll(/\\\n/g, ' ').split('\n');
  return lines.filter((line) => line.startsWith(`${kind} `)).map((line) => line.split(/\s+/).slice(1));
}

/** What the build sees of the project: the entries that .dockerignore takes in again. */
const sent = readFileSync(path.join(project, '.dockerignore'), 'utf8')
  .split('\n')
  .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));

/** There is no Docker where the tests run: what can be told without building the image. */
describe('the Dockerfile', () => {
  it('is one, to a linter', () => {
    expect(validate(dockerfile)).toEqual([]);
  });

  it('is sent all that it copies, and no clips, models or history', () => {
    const copied = instructions('COPY').filter((words) => !words.some((word) => word.startsWith('--from=')));
    for (const source of copied.flatMap((words) => words.slice(0, -1)).filter((word) => word !== '.')) expect(sent).toContain(source);
    for (const entry of sent) expect(existsSync(path.join(project, entry))).toBe(true);
    expect(sent).toEqual(expect.arrayContaining(['package-lock.json', '.npmrc', 'tsconfig.build.json', 'src', 'scripts', 'configs']));
    for (const kept of ['.git', 'trained_models', 'demo_data', 'sweeps', 'node_modules']) expect(sent).not.toContain(kept);
  });

  it('keeps all files of the package that a command reads, and runs the README’s commands', () => {
    const { files } = parseJson(readFileSync(path.join(project, 'package.json'), 'utf8')) as { readonly files: readonly string[] };
    const kept = instructions('COPY')
      .filter(([from]) => from === '--from=build')
      .map(([, source = '']) => source.replace('/opt/kumpas/', ''));
    const isKept = (file: string): boolean => kept.some((source) => file === source || file.startsWith(`${source}/`));
    expect(files.filter((file) => !isKept(file))).toEqual(['docs', 'trained_models/TRAINED_MODEL_GUIDE.md', 'CHANGELOG.md']);
    const runs = instructions('RUN').map((words) => words.join(' '));
    expect(runs.slice(1, 4)).toEqual(['npm ci', 'npm run setup', 'npm run build']);
  });

  it('runs as nobody in particular, with an entry that takes a command', () => {
    expect(instructions('USER')).toEqual([['1000']]);
    expect(instructions('ENTRYPOINT').map((words) => words.join(' '))).toEqual(['["node", "/opt/kumpas/scripts/run.js"]']);
  });
});
