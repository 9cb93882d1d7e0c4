import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { differingPackages, missingPackages, npmProgram, packagesAreCurrent } from '../../src/engine/provision/npm-packages';

type LockedPackages = Parameters<typeof differingPackages>[0];

const locked: LockedPackages = {
  '': { version: '0.1.0' },
  'node_modules/zod': { version: '4.6.7', integrity: 'sha512-a' },
  'node_modules/jest': { version: '30.5.2', integrity: 'sha512-b', dev: true },
  'node_modules/fsevents': { version: '2.3.3', integrity: 'sha512-c', optional: true },
};

describe('differingPackages', () => {
  const without = (packages: LockedPackages, name: string): LockedPackages =>
    Object.fromEntries(Object.entries(packages).filter(([key]) => key !== name));
  const usual = without(locked, 'node_modules/fsevents');

  it('finds nothing where only optional packages are absent', () => {
    expect(differingPackages(locked, usual, true)).toEqual([]);
  });

  it('misses development packages only where they are needed', () => {
    const production = without(usual, 'node_modules/jest');
    expect(differingPackages(locked, production, false)).toEqual([]);
    expect(differingPackages(locked, production, true)).toEqual(['node_modules/jest']);
  });

  it('finds another version and another content', () => {
    expect(differingPackages(locked, { ...usual, 'node_modules/zod': { version: '4.6.6', integrity: 'sha512-a' } }, true)).toEqual([
      'node_modules/zod',
    ]);
    expect(differingPackages(locked, { ...usual, 'node_modules/zod': { version: '4.6.7', integrity: 'sha512-x' } }, true)).toEqual([
      'node_modules/zod',
    ]);
  });
});

describe('packagesAreCurrent', () => {
  let project: string;
  const write = (file: string, content: unknown): void => {
    mkdirSync(path.dirname(path.join(project, file)), { recursive: true });
    writeFileSync(path.join(project, file), JSON.stringify(content));
  };

  beforeEach(() => {
    project = mkdtempSync(path.join(os.tmpdir(), 'kumpas-packages-'));
    write('package.json', { dependencies: { zod: '4.6.7' }, devDependencies: { jest: '30.5.2' } });
    write('package-lock.json', { packages: locked });
  });
  afterEach(() => {
    rmSync(project, { recursive: true });
  });

  const installByHand = (): void => {
    write('node_modules/.package-lock.json', { packages: locked });
    write('node_modules/zod/package.json', { version: '4.6.7' });
    write('node_modules/jest/package.json', { version: '30.5.2' });
  };

  it('is false in a fresh clone and after an installation that was broken off', () => {
    expect(packagesAreCurrent(project, true)).toBe(false);
    write('node_modules/zod/package.json', { version: '4.6.7' });
    expect(packagesAreCurrent(project, true)).toBe(false);
  });

  it('takes what the user installed with npm, and remembers it', () => {
    installByHand();
    expect(packagesAreCurrent(project, true)).toBe(true);
    expect(existsSync(path.join(project, 'node_modules/.kumpas-packages'))).toBe(true);
    rmSync(path.join(project, 'node_modules/.package-lock.json'));
    expect(packagesAreCurrent(project, true)).toBe(true);
  });

  it('notices a new package-lock.json and a package that was deleted', () => {
    installByHand();
    expect(packagesAreCurrent(project, true)).toBe(true);
    rmSync(path.join(project, 'node_modules/jest'), { recursive: true });
    expect(missingPackages(project, true)).toEqual(['node_modules/jest']);
    expect(packagesAreCurrent(project, false)).toBe(true);
    write('package-lock.json', { packages: { ...locked, 'node_modules/zod': { version: '4.7.0', integrity: 'sha512-d' } } });
    expect(missingPackages(project, false)).toEqual(['node_modules/zod']);
  });
});

describe('npmProgram', () => {
  it('is the npm that runs the script, else the one on PATH', () => {
    expect(npmProgram({ npm_execpath: '/opt/npm/bin/npm-cli.js' })).toEqual([process.execPath, '/opt/npm/bin/npm-cli.js']);
    expect(npmProgram({ npm_execpath: '/opt/yarn/yarn.js' })).toEqual(['npm']);
    expect(npmProgram({})).toEqual(['npm']);
  });
});
