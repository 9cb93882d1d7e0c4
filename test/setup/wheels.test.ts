import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { prepareNativeLibrary } from '../../src/engine/provision/native-library';
import { pinnedWheels, fetchWheels } from '../../src/engine/provision/wheels';
import { chooseTarget } from '../../src/engine/provision/target';

const project = path.resolve(__dirname, '../..');
const hasPip = spawnSync('python3', ['-c', 'import pip']).status === 0;
const onLinux = process.platform === 'linux' && process.arch === 'x64' ? it : it.skip;
const report = { line: () => undefined, progress: () => undefined };
const target = chooseTarget({ platform: 'linux', arch: 'x64', backend: 'cpu' });
const FILE = 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl';

/** What a forged wheel says in its METADATA, and a library that is none. */
const FORGED = [
  ['tensorflow/libtensorflow_cc.so.2', 'forged'],
  ['tensorflow/libtensorflow_framework.so.2', 'forged'],
  ['tensorflow_cpu-2.21.0.dist-info/METADATA', 'Metadata-Version: 2.1\nName: tensorflow-cpu\nVersion: 2.21.0\n'],
  ['tensorflow_cpu-2.21.0.dist-info/WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-manylinux_2_27_x86_64\n'],
  ['tensorflow_cpu-2.21.0.dist-info/RECORD', ''],
] as const;

let folder: string;
const before = { ...process.env };
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'kumpas-wheels-'));
  const index = path.join(folder, 'index');
  mkdirSync(index);
  Object.assign(process.env, { PIP_NO_INDEX: '1', PIP_FIND_LINKS: index });
  const program =
    'import sys, json, zipfile\nwith zipfile.ZipFile(sys.argv[1], "w") as z:\n  for n, t in json.loads(sys.argv[2]): z.writestr(n, t)';
  if (hasPip) spawnSync('python3', ['-c', program, path.join(index, FILE), JSON.stringify(FORGED)]);
});
afterEach(() => {
  for (const name of ['PIP_NO_INDEX', 'PIP_FIND_LINKS', 'CXX']) {
    if (before[name] === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = before[name];
  }
  rmSync(folder, { recursive: true });
});

describe('the pinned wheels', () => {
  it.each([
    ['linux', 'x64', 'cpu', 1],
    ['linux', 'x64', 'gpu', 13],
    ['linux', 'arm64', 'cpu', 1],
    ['darwin', 'arm64', 'cpu', 1],
  ] as const)('of %s-%s on the %s are each of one version and one sha256', (platform, arch, backend, count) => {
    const machine = chooseTarget({ platform, arch, backend });
    const wheels = pinnedWheels(machine);
    expect(wheels).toHaveLength(count);
    expect(wheels[0]?.requirement).toBe(machine.requirement);
    expect(wheels.slice(1).filter(({ requirement }) => !/^nvidia-[a-z-]+-cu12==[\d.]+$/.test(requirement))).toEqual([]);
    for (const { requirement, file, sha256 } of wheels) {
      const [name = '', version = ''] = requirement.split('==');
      expect(file.startsWith(`${name.replaceAll('-', '_')}-${version}-`)).toBe(true);
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    }
    expect(new Set(wheels.map(({ sha256 }) => sha256)).size).toBe(count);
  });
});

(hasPip ? describe : describe.skip)('a wheel', () => {
  it('that is not the one that was published is removed before anything of it is unpacked', async () => {
    const into = path.join(folder, 'library');
    mkdirSync(into);
    const bytes = readFileSync(path.join(folder, 'index', FILE));
    const found = createHash('sha256').update(bytes).digest('hex');
    const expected = pinnedWheels(target)[0]?.sha256 ?? '';
    await expect(fetchWheels({ ...target, diskBytes: 0 }, into, report)).rejects.toThrow(
      new RegExp(`^${FILE} has the sha256 ${found}, expected ${expected}: it is not the wheel that was published, and was removed`),
    );
    expect(existsSync(path.join(into, 'tensorflow'))).toBe(false);
    expect(readdirSync(into, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.whl'))).toEqual([]);
  });

  onLinux('that is not the one that was published leaves nothing in the cache, and is not asked for again at once', async () => {
    const copy = path.join(folder, 'project');
    for (const part of ['package.json', 'src/engine/native', 'node_modules/@tensorflow/tfjs-node-gpu/package.json'])
      cpSync(path.join(project, part), path.join(copy, part), { recursive: true });
    const cache = path.join(folder, 'cache');
    process.env['CXX'] = process.execPath; // It comes to no compiling.
    const lines: string[] = [];
    const preparing = (): Promise<void> =>
      prepareNativeLibrary({
        project: copy,
        cache,
        backend: 'cpu',
        thorough: false,
        report: { ...report, line: (line) => lines.push(line) },
      });
    await expect(preparing()).rejects.toThrow(/is not the wheel that was published/);
    expect(readdirSync(cache).sort()).toEqual(['failures', 'locks']);
    expect(existsSync(path.join(copy, 'node_modules/@tensorflow/tfjs-node-gpu/lib'))).toBe(false);
    expect(lines.filter((line) => line.startsWith('Downloading'))).toHaveLength(1);
    await expect(preparing()).rejects.toThrow(/is not the wheel that was published/);
    expect(lines.filter((line) => line.startsWith('Downloading'))).toHaveLength(1);
  });

  it('that is the one that is pinned is unpacked', async () => {
    const into = path.join(folder, 'library');
    mkdirSync(into);
    const sha256 = createHash('sha256')
      .update(readFileSync(path.join(folder, 'index', FILE)))
      .digest('hex');
    await fetchWheels({ ...target, diskBytes: 0 }, into, report, [{ requirement: target.requirement, file: FILE, sha256 }]);
    expect(readFileSync(path.join(into, 'tensorflow/libtensorflow_cc.so.2'), 'utf8')).toBe('forged');
    expect(existsSync(path.join(into, '.downloads'))).toBe(false);
  });
});
