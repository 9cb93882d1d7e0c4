import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findProgram } from '../../src/engine/provision/command';
import {
  environmentKey,
  pipTags,
  planVideoEnvironment,
  PLATFORMS,
  prepareVideoEnvironment,
  PYTHONS,
  REQUIREMENTS,
} from '../../src/engine/provision/video-environment';
import { pinnedWheels } from '../../src/engine/provision/wheels';

const report = { line: () => undefined, progress: () => undefined };
const linux = { platform: 'linux', arch: 'x64', glibc: '2.36' };

let folder: string;
const before = { ...process.env };
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'kumpas-videos-'));
});
afterEach(() => {
  for (const name of ['PATH', 'PIP_NO_INDEX', 'PIP_FIND_LINKS']) {
    if (before[name] === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = before[name];
  }
  rmSync(folder, { recursive: true });
});

/** Puts programs in the place of all others that PATH leads to; each prints what a Python says of itself. */
function onlyPythons(pythons: Readonly<Record<string, string>>): string {
  const programs = path.join(folder, 'programs');
  mkdirSync(programs);
  for (const [name, says] of Object.entries(pythons)) {
    writeFileSync(path.join(programs, name), `#!/bin/sh\n${says === '' ? 'exit 127' : `echo ${says}`}\n`);
    chmodSync(path.join(programs, name), 0o755);
  }
  process.env['PATH'] = programs;
  return programs;
}

describe('the wheels of MediaPipe', () => {
  const machines = Object.keys(PLATFORMS).flatMap((machine) => PYTHONS.map((python) => [python, machine] as const));

  it.each(machines)('of Python %s on %s are each of one version and one sha256', (python, machine) => {
    const [platform = '', arch = ''] = machine.split('-');
    const wheels = pinnedWheels({ key: environmentKey(python, platform, arch) });
    expect(wheels.map(({ requirement }) => requirement)).toEqual(REQUIREMENTS);
    for (const { file, sha256 } of wheels) {
      expect(file).toMatch(/\.whl$/);
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    }
    const [mediapipe, , numpy] = wheels.map(({ file }) => file);
    const tag = `cp${python.replace('.', '')}`;
    expect(mediapipe).toContain(`-${tag}-${tag}-`);
    expect(numpy).toContain(`-${tag}-${tag}-`);
  });
});

describe('the Python that runs MediaPipe', () => {
  it('is the usual one where that will do, else a versioned one of PATH', async () => {
    const programs = onlyPythons({
      python3: 'cpython 3.13 64',
      'python3.12': '',
      'python3.10': 'cpython 3.10 64',
      'python3.9': 'cpython 3.9 64',
    });
    const plan = await planVideoEnvironment(folder, linux);
    expect(plan).toMatchObject({
      python: path.join(programs, 'python3.10'),
      folder: path.join(folder, 'mediapipe-0.10.14-cp310-linux-x64'),
      tags: pipTags('3.10', PLATFORMS['linux-x64'] ?? []),
    });
  });

  it('is asked for in a line that says which were found', async () => {
    const programs = onlyPythons({ python3: 'cpython 3.13 64', python: 'pypy 3.10 64' });
    await expect(planVideoEnvironment(folder, linux)).rejects.toThrow(
      `MediaPipe 0.10.14 needs Python 3.9 to 3.12, and PATH has none of them (${programs}/python3 is Python 3.13, ${programs}/python is pypy 3.10). Install Python 3.12`,
    );
    process.env['PATH'] = '/nowhere';
    await expect(planVideoEnvironment(folder, linux)).rejects.toThrow('and PATH has no Python 3. Install');
  });

  it('is not looked for where MediaPipe is not published', async () => {
    await expect(planVideoEnvironment(folder, { ...linux, arch: 'riscv64' })).rejects.toThrow('is not published for linux-riscv64');
    await expect(planVideoEnvironment(folder, { ...linux, glibc: undefined })).rejects.toThrow('musl');
  });
});

const python = findProgram('python3');
const hasPip =
  python !== undefined && spawnSync(python, ['-c', 'import pip, sys; sys.exit(not (3, 9) <= sys.version_info < (3, 13))']).status === 0;

(hasPip ? describe : describe.skip)('a preparation of MediaPipe', () => {
  it('that comes to nothing leaves nothing, says why in a line and is not tried again at once', async () => {
    Object.assign(process.env, { PIP_NO_INDEX: '1', PIP_FIND_LINKS: folder });
    const cache = path.join(folder, 'cache');
    const lines: string[] = [];
    const preparing = (): Promise<unknown> =>
      prepareVideoEnvironment({ cache, thorough: false, report: { ...report, line: (line) => lines.push(line) } });
    const said = /^pip could not download mediapipe==0\.10\.14: .* then run `npm run setup -- --videos`\.$/;
    await expect(preparing()).rejects.toThrow(said);
    expect(readdirSync(cache).sort()).toEqual(['failures', 'locks']);
    expect(lines).toHaveLength(1);
    await expect(preparing()).rejects.toThrow(said);
    expect(lines).toHaveLength(1);
  });

  it('refuses a cache that others can write', async () => {
    const cache = path.join(folder, 'cache');
    mkdirSync(cache);
    chmodSync(cache, 0o777);
    await expect(prepareVideoEnvironment({ cache, thorough: false, report })).rejects.toThrow('can be written by every user');
    expect(existsSync(path.join(cache, 'locks'))).toBe(false);
  });
});
