import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { damagedFiles, filesAsStamped, stamp } from '../../src/engine/provision/library-files';
import { tryLoading } from '../../src/engine/provision/binding';
import { bindingLink, installedVersion, whyUnsafe } from '../../src/engine/provision/locations';
import { examine, planFor, prepareNativeLibrary, type Plan } from '../../src/engine/provision/native-library';
import { SetUpProblem } from '../../src/engine/provision/set-up-problem';

const project = path.resolve(__dirname, '../..');
const LIBRARY = 'tensorflow/libtensorflow_cc.so.2';
const onLinux = process.platform === 'linux' && process.arch === 'x64' ? it : it.skip;
const asRoot = process.getuid?.() === 0 ? it : it.skip;
/** The folder of this machine's own binding, where kernels lie beside it. */
const realBinding = existsSync(bindingLink(project)) ? path.dirname(realpathSync(bindingLink(project))) : '';
const withKernels = existsSync(path.join(realBinding, 'kernels.node')) ? onLinux : it.skip;

let folder: string;
let cache: string;
let copy: string;
const before = { ...process.env };
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'kumpas-prepared-'));
  [cache, copy] = [path.join(folder, 'cache'), path.join(folder, 'project')];
  mkdirSync(cache, { mode: 0o755 });
  for (const part of ['package.json', 'node_modules/@tensorflow/tfjs-node-gpu/package.json'])
    cpSync(path.join(project, part), path.join(copy, part), { recursive: true });
});
afterEach(() => {
  for (const name of ['PATH', 'CXX', 'PIP_NO_INDEX', 'KUMPAS_KERNELS']) {
    if (before[name] === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = before[name];
  }
  rmSync(folder, { recursive: true });
});

/** A library of two files and a binding of one, as far as they are looked at before anything is loaded. */
function preparedByHand(): Plan {
  const plan = planFor(copy, cache, 'cpu');
  const put = (file: string, text: string): void => {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text, { mode: 0o644 });
  };
  const names = [plan.target.library, plan.target.framework].map((name) => `tensorflow/${name}`);
  for (const name of names) put(path.join(plan.library, name), name);
  const sum = (text: string): string => createHash('sha256').update(text).digest('base64url');
  const lines = names.map((name) => `${name},sha256=${sum(name)},${name.length}`);
  put(path.join(plan.library, 'x.dist-info/RECORD'), [...lines, 'tensorflow/not_kept.py,sha256=,', ''].join('\n'));
  put(path.join(plan.binding, 'tfjs_binding.node'), 'no library');
  return plan;
}

async function prepared(thorough = false): Promise<string[]> {
  const lines: string[] = [];
  const report = { line: (line: string) => lines.push(line), progress: () => undefined };
  await prepareNativeLibrary({ project: copy, cache, backend: 'cpu', thorough, report });
  return lines;
}

/** What the user is told, after whether what is there must not be loaded. */
async function problemOf(preparing: Promise<unknown>): Promise<string> {
  const problem: unknown = await preparing.catch((error: unknown) => error);
  if (!(problem instanceof SetUpProblem)) throw new Error('it was prepared, or failed otherwise', { cause: problem });
  return `${problem.unsafe ? 'unsafe' : 'safe'}: ${problem.message}`;
}

describe('a library', () => {
  it('is held against what its wheels recorded of it', async () => {
    const { library } = preparedByHand();
    const file = path.join(library, LIBRARY);
    expect(await damagedFiles(library)).toEqual([]);
    const { length } = readFileSync(file);
    writeFileSync(file, 'x'.repeat(length));
    expect(await damagedFiles(library)).toEqual([`${file} is damaged: its sha256 is another`]);
    truncateSync(file, 3);
    expect(await damagedFiles(library)).toEqual([`${file} has 3 bytes, expected ${length}`]);
    rmSync(file);
    expect(await damagedFiles(library)).toEqual([`${file} is missing`]);
  });

  onLinux('that is damaged is fetched again once, and kept from being loaded where it cannot be', async () => {
    const plan = preparedByHand();
    truncateSync(path.join(plan.library, LIBRARY), 3);
    expect((await examine(plan)).library).toHaveLength(1);
    Object.assign(process.env, { PIP_NO_INDEX: '1', CXX: process.execPath });
    expect(await problemOf(prepared())).toMatch(/^unsafe: .*pip/);
    expect(existsSync(path.join(plan.library, LIBRARY))).toBe(true);
    // Not in a loop: the next command does not wait for pip again.
    process.env['PATH'] = '/nowhere';
    expect(await problemOf(prepared())).toMatch(/^unsafe: .*pip/);
  });
});

describe('an installed package', () => {
  it('is found where Node finds it: in the folder of the project, or in one around it', () => {
    const name = 'node_modules/@tensorflow/tfjs-node-gpu';
    const inner = path.join(copy, 'node_modules/kumpas');
    expect(installedVersion(inner, '@tensorflow/tfjs-node-gpu')).toMatch(/^\d+\.\d+\.\d+$/);
    expect(bindingLink(inner)).toBe(path.join(copy, name, 'lib/napi-v8/tfjs_binding.node'));
    mkdirSync(path.join(inner, name), { recursive: true });
    writeFileSync(path.join(inner, name, 'package.json'), '{"version":"1.2.3"}');
    expect(installedVersion(inner, '@tensorflow/tfjs-node-gpu')).toBe('1.2.3');
    expect(installedVersion(inner, 'nowhere-to-be-found')).toBeUndefined();
  });
});

describe('what was tried', () => {
  it('is known again until a file of it changes, comes or goes', () => {
    const plan = preparedByHand();
    const own = path.join(plan.binding, 'tfjs_binding.node');
    expect(filesAsStamped(copy, plan)).toBeUndefined();
    stamp(copy, plan);
    expect(filesAsStamped(copy, plan)).toContain(path.join(plan.library, LIBRARY));
    const changes = [
      () => {
        utimesSync(own, new Date(0), new Date(0));
      },
      () => {
        truncateSync(path.join(plan.library, LIBRARY), 3);
      },
      () => {
        writeFileSync(path.join(plan.binding, 'kernels.node'), '');
      },
      () => {
        rmSync(path.join(plan.binding, 'kernels.node'));
      },
      () => {
        writeFileSync(path.join(path.dirname(bindingLink(copy)), 'prepared.json'), '[]');
      },
      () => {
        rmSync(plan.library, { recursive: true });
      },
    ];
    for (const change of changes.slice(0, -1)) {
      change();
      expect(filesAsStamped(copy, plan)).toBeUndefined();
      stamp(copy, plan);
      expect(filesAsStamped(copy, plan)).toBeDefined();
    }
    changes.at(-1)?.();
    expect(filesAsStamped(copy, plan)).toBeUndefined();
  });

  it('is not taken from where others can write', async () => {
    const user = statSync(cache).uid;
    const plan = preparedByHand();
    const place = path.join(plan.library, LIBRARY);
    expect(whyUnsafe([cache, place, '/nowhere/at/all'], { user, project: copy })).toBeUndefined();
    chmodSync(place, 0o666);
    expect(whyUnsafe([cache, place], { user, project: copy })).toMatch(/libtensorflow_cc\.so\.2 can be written by every user/);
    expect(await problemOf(prepared())).toMatch(/^unsafe: .*KUMPAS_CACHE/);
    chmodSync(place, 0o644);
    chmodSync(cache, 0o1777);
    await expect(prepared()).rejects.toThrow(/cache can be written by every user, who could change what is loaded from there/);
  });

  // Only root can give a folder to somebody else.
  asRoot('is not taken from another user, unless the project is theirs', async () => {
    const user = statSync(cache).uid;
    chownSync(cache, 12345, 12345);
    await expect(prepared()).rejects.toThrow(/cache belongs to another user \(12345\)/);
    expect(whyUnsafe([cache], { user: 12345, project: copy })).toBeUndefined();
    chownSync(path.join(copy, 'package.json'), 12345, 12345);
    expect(whyUnsafe([cache], { user, project: copy })).toBeUndefined();
  });
});

/** Links the prepared library of this machine into the test's cache, beside a copy of its binding. */
function realPlan(): Plan {
  const plan = planFor(copy, cache, 'cpu');
  cpSync(realBinding, plan.binding, { recursive: true, preserveTimestamps: true });
  mkdirSync(path.join(plan.library, 'tensorflow'), { recursive: true });
  for (const name of [plan.target.library, plan.target.framework])
    symlinkSync(path.join(path.dirname(realBinding), plan.target.key, 'tensorflow', name), path.join(plan.library, 'tensorflow', name));
  return plan;
}

describe('kernels that are damaged', () => {
  withKernels('are found by loading them elsewhere, and a command goes on without them in one line', async () => {
    const plan = realPlan();
    const kernels = path.join(plan.binding, 'kernels.node');
    expect(await prepared()).toEqual([]);
    expect(readlinkSync(bindingLink(copy))).toBe(path.join(plan.binding, 'tfjs_binding.node'));
    const whole = readFileSync(kernels);
    for (const damaged of [whole.subarray(0, 50_000), Buffer.alloc(whole.length), Buffer.from('garbage'), Buffer.alloc(0)]) {
      writeFileSync(kernels, damaged);
      const { binding, kernels: fault } = await tryLoading(plan.binding);
      expect(binding).toBeUndefined();
      expect(fault).toMatch(/kernels\.node does not load \(.+\)$/);
    }
    process.env['PATH'] = '/nowhere';
    Reflect.deleteProperty(process.env, 'CXX');
    const lines = await prepared();
    expect(lines).toEqual([
      expect.stringMatching(/kernels\.node does not load \(.+\)\. Preparing it anew\.$/),
      expect.stringMatching(
        /^Warning: A C\+\+ compiler was not found on PATH\. .* Until then TensorFlow's own operations do the work of Kumpas's kernels, more slowly\.$/,
      ),
    ]);
    expect(process.env['KUMPAS_KERNELS']).toBe('tensorflow');
    // Set-up never says that all is ready where it is not.
    await expect(prepared(true)).rejects.toThrow('A C++ compiler was not found on PATH');
    writeFileSync(kernels, whole);
    expect(await prepared(true)).toEqual([]);
  });

  withKernels('and deleted are told from those that were left out', async () => {
    const plan = realPlan();
    rmSync(path.join(plan.binding, 'kernels.node'));
    expect(await tryLoading(plan.binding)).toEqual({ binding: undefined, kernels: expect.stringMatching(/kernels\.node is missing$/) });
    process.env['PATH'] = '/nowhere';
    Reflect.deleteProperty(process.env, 'CXX');
    // Set-up makes them again where it can, and never says that all is ready where it is not.
    await expect(prepared(true)).rejects.toThrow('A C++ compiler was not found on PATH');
    writeFileSync(path.join(plan.binding, 'kernels-left-out.txt'), 'the compiler does not know this processor\n');
    expect(await tryLoading(plan.binding)).toEqual({ binding: undefined, kernels: undefined });
    expect(await prepared(true)).toEqual([]);
  });

  withKernels('are told apart from a binding that does not load', async () => {
    const plan = realPlan();
    const binding = path.join(plan.binding, 'tfjs_binding.node');
    truncateSync(binding, 20_000);
    expect((await tryLoading(plan.binding)).binding).toMatch(/tfjs_binding\.node does not load/);
    expect((await examine(plan)).binding).toMatch(/tfjs_binding\.node does not load/);
  });
});
