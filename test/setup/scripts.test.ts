import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const project = path.resolve(__dirname, '../..');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'kumpas-scripts-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function runNode(
  cwd: string,
  programArguments: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, programArguments, { cwd, encoding: 'utf8', env: { ...process.env, ...environment } });
}

describe('with all in place', () => {
  it('prepares without a word', () => {
    expect(runNode(project, ['scripts/prepare.js'], { KUMPAS_BACKEND: 'js' })).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });

  it('runs a command in the same process and gives its exit code', () => {
    const help = runNode(project, ['scripts/run.js', '--help'], { KUMPAS_BACKEND: 'js' });
    expect(help).toMatchObject({ status: 0, stderr: '' });
    expect(help.stdout).toContain('train');
    expect(runNode(project, ['scripts/run.js', 'train', '--help'], { KUMPAS_BACKEND: 'js' })).toMatchObject({ status: 0, stderr: '' });
    const unknown = runNode(project, ['scripts/run.js', 'trian'], { KUMPAS_BACKEND: 'js' });
    expect(unknown.status).toBe(1);
    expect(unknown.stderr).toContain('train');
  });

  it.each([24, 34, 60])('says in a line that too few files may be open, where it would wait forever (%d)', (limit) => {
    const limited = spawnSync('bash', ['-c', `ulimit -n ${limit}; exec "$0" scripts/run.js --help`, process.execPath], {
      cwd: project,
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(limited).toMatchObject({ status: 1, stdout: '' });
    expect(limited.stderr).toMatch(
      /^Error: Too few files may be open at once \(EMFILE\): [^\n]* Raise the limit \(`ulimit -n 1024`\)[^\n]*\n$/,
    );
  });

  it('prepares TensorFlow for commands that compute alone', () => {
    const cache = path.join(folder, 'empty-cache');
    const environment = { KUMPAS_CACHE: cache, KUMPAS_BACKEND: 'cpu' };
    for (const words of [
      ['train', '--help'],
      ['models', 'list'],
      ['convert', 'inspect', '/nothing.pt'],
      ['--version'],
      ['predict', '--help'],
    ])
      expect(runNode(project, ['scripts/run.js', ...words], environment).stderr).not.toMatch(/TensorFlow|download/i);
    expect(readdirSync(cache)).toEqual(['starts']); // What commands start from, and nothing of TensorFlow.
    const unknown = runNode(project, ['scripts/run.js', 'train', '--epochs', '1'], { KUMPAS_BACKEND: 'cuda' });
    expect(unknown.status).toBe(1);
    expect(unknown.stderr).toContain('KUMPAS_BACKEND is "cuda"');
  });

  it('refuses a backend that it does not know', () => {
    const { status, stderr } = runNode(project, ['scripts/prepare.js'], { KUMPAS_BACKEND: 'cuda' });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: 'Error: KUMPAS_BACKEND is "cuda". Set it to cpu, gpu or js, or leave it unset.\n',
    });
  });
});

describe('flags of the scripts', () => {
  it.each(['setup', 'doctor'])('%s shows its help and does nothing else', (script) => {
    const { status, stdout, stderr } = runNode(project, [`scripts/${script}.js`, '--help'], { KUMPAS_BACKEND: 'cuda' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(`Usage: npm run ${script} -- [flags]`);
  });

  it.each(['setup', 'doctor'])('%s refuses a flag that it does not have', (script) => {
    const { status, stdout, stderr } = runNode(project, ['scripts/run.js', script, '--gpu']);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain(`${script}: "--gpu" is none of its flags`);
  });
});

it('the doctor works before anything is installed', () => {
  for (const part of [
    'scripts',
    'src/engine/hardware.js',
    'src/engine/native',
    'src/engine/provision',
    'package.json',
    'package-lock.json',
  ]) {
    mkdirSync(path.dirname(path.join(folder, part)), { recursive: true });
    cpSync(path.join(project, part), path.join(folder, part), { recursive: true });
  }
  const cache = path.join(folder, 'cache');
  const { status, stdout, stderr } = runNode(folder, ['scripts/doctor.js', '--json'], { KUMPAS_CACHE: cache, KUMPAS_BACKEND: 'cpu' });
  expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
  const inspection = JSON.parse(stdout) as Record<string, unknown>;
  expect(inspection).toMatchObject({
    node: { version: process.versions.node },
    tensorflow: { native: false },
    machine: { threads: os.availableParallelism() },
    cache: { folder: cache, bytes: 0, holds: [] },
  });
  expect(inspection['missing']).toEqual([
    expect.stringMatching(/^\d+ npm packages are missing/),
    expect.stringContaining('is not installed'),
  ]);
});

describe('a command in a clone in which nothing is installed yet', () => {
  /** @param installing what stands in for npm, as JavaScript */
  function runInClone(name: string, installing: string): ReturnType<typeof runNode> {
    const clone = path.join(folder, name);
    for (const part of ['scripts', 'src', 'configs', 'package.json', 'package-lock.json', 'tsconfig.json'])
      cpSync(path.join(project, part), path.join(clone, part), { recursive: true });
    const npm = path.join(clone, 'npm-cli.js');
    writeFileSync(npm, installing);
    const environment = { npm_execpath: npm, KUMPAS_CACHE: path.join(folder, 'clone-cache'), KUMPAS_BACKEND: 'js' };
    return runNode(clone, ['scripts/run.js', '--version'], environment);
  }

  it('has its packages installed, and runs', () => {
    const packages = path.join(project, 'node_modules');
    const { status, stdout, stderr } = runInClone('clone', `require('node:fs').symlinkSync(${JSON.stringify(packages)}, 'node_modules')`);
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^kumpas \d/) });
    expect(stderr).toContain('Installing the npm packages');
  });

  it('says in a line what npm could not do', () => {
    const { status, stderr } = runInClone('offline', "console.error('npm error no network'); process.exitCode = 1");
    expect({ status, lines: stderr.trim().split('\n') }).toEqual({
      status: 1,
      lines: [expect.stringContaining('Installing the npm packages'), expect.stringMatching(/^Error: npm ci failed: no network\./)],
    });
  });
});
