import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';

const project = path.resolve(__dirname, '../..');
const blocks = [...readFileSync(path.join(project, 'docs/captured-step.md'), 'utf8').matchAll(/^```ts\n([^]*?)^```$/gm)].map(
  ([, text = '']) => text,
);

describe.each([
  ['heat-equation', /^after 500 steps: 1\.59 in the middle, 99\d in all; recorded 1 time\n$/],
  ['logistic-regression', /^loss 0\.0\d+, (?:19[5-9]|200) of 200 points on the right side\n$/],
])('the program %s of docs/captured-step.md', (name, said) => {
  const file = path.join(__dirname, 'programs', `${name}.mts`);

  it('is the one that is checked here', () => {
    expect(blocks).toContain(readFileSync(file, 'utf8'));
  });

  it('computes, with the engine alone', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=kumpas-source', '--import', 'tsx', file], {
      cwd: project,
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(said);
  });
});
