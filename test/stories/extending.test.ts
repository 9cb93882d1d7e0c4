import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { inTemporaryFolder } from '../support/clip-files';
import { writeSmallData } from '../support/small-training';

const root = path.resolve(__dirname, '../..');

/** An example of docs/extending.md: a new file, or changes to one that is there. */
interface Example {
  readonly file: string;
  readonly kind: 'ts' | 'diff';
  readonly text: string;
}

function examplesOf(page: string): Example[] {
  return [...page.matchAll(/`(src\/[\w/.-]+\.ts)`:\n\n```(ts|diff)\n([^]*?)```/g)].map(([, file = '', kind, text = '']) => ({
    file,
    kind: kind === 'ts' ? 'ts' : 'diff',
    text,
  }));
}

/** Applies a diff: a line with + comes after the line before it, in the place of one with −. Each line that it finds must be there once. */
function changed(source: string, diff: string): string {
  const lines = source.split('\n');
  let at: number | undefined;
  for (const line of diff.trimEnd().split('\n')) {
    const [sign, text] = [line.charAt(0), line.slice(1)];
    if (sign === '+') {
      at = at === undefined ? 0 : at + 1;
      lines.splice(at, 0, text);
      continue;
    }
    const found = lines.flatMap((other, index) => (other === text ? [index] : []));
    const next = at === undefined || found.length === 1 ? found : found.filter((index) => index === Number(at) + 1);
    if (next.length !== 1 || next[0] === undefined) throw new Error(`expected once, found ${found.length} times: ${text}`);
    at = next[0];
    if (sign === '-') lines.splice(at--, 1);
  }
  return lines.join('\n');
}

/** A copy of the sources with every example of the page applied. */
function extendedCopy(folder: string): string {
  const copy = path.join(folder, 'kumpas');
  mkdirSync(copy);
  for (const part of ['src', 'configs', 'package.json', 'tsconfig.json'])
    cpSync(path.join(root, part), path.join(copy, part), { recursive: true });
  symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
  for (const { file, kind, text } of examplesOf(readFileSync(path.join(root, 'docs/extending.md'), 'utf8'))) {
    const place = path.join(copy, file);
    if (existsSync(place) !== (kind === 'diff'))
      throw new Error(`${file}: ${kind === 'ts' ? 'it is there already' : 'there is no such file'}`);
    writeFileSync(place, kind === 'ts' ? text : changed(readFileSync(place, 'utf8'), text));
  }
  return copy;
}

function run(copy: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', path.join(copy, 'src/cli/main.ts'), ...args], {
    cwd: copy,
    encoding: 'utf8',
  });
  expect({ args, status, stderr }).toEqual({ args, status: 0, stderr: '' });
  return stdout;
}

describe('docs/extending.md', () => {
  it('has an example of each kind of addition, with which types hold and a training runs, resumes and is evaluated', async () => {
    await inTemporaryFolder((folder) => {
      const data = writeSmallData(folder);
      const copy = extendedCopy(folder);
      const types = spawnSync(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '--noEmit', '-p', tsconfigOf(copy)], {
        cwd: copy,
        encoding: 'utf8',
      });
      expect(types).toMatchObject({ stdout: '', status: 0 });

      expect(run(copy, 'clips', '--data', data)).toBe('22 clips of 3 glosses\n');
      const models = path.join(folder, 'models');
      const shape = ['--emb-dim', '16', '--num-heads', '2', '--num-layers', '1', '--max-len', '12', '--batch-size', '8'];
      const added = ['--loss', 'poly', '--scheduler', 'exponential', '--optimizer', 'sign_sgd', '--jitter', '0.01'];
      run(copy, 'train', '--data', data, '--save-dir', models, '--epochs', '1', '--lr', '1e-3', ...shape, ...added);
      expect(run(copy, 'train', '--resume', '--save-dir', models, '--epochs', '2')).toContain('2 epochs done');
    });
  });
});

/** A tsconfig of the copy's sources alone. */
function tsconfigOf(copy: string): string {
  const file = path.join(copy, 'tsconfig.sources.json');
  writeFileSync(file, JSON.stringify({ extends: './tsconfig.json', include: ['src'] }));
  return file;
}
