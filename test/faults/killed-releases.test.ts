import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { modelOfFile } from '../../src/evaluation/loaded-model';
import { ModelFolder } from '../../src/folder/model-folder';
import { fileDigest } from '../../src/zoo/checksums';
import { modelsIn } from '../../src/zoo/registered-models';
import { completeReleases } from '../../src/zoo/release/complete-releases';
import { promoteModel } from '../../src/zoo/release/promote';
import { releaseModel } from '../../src/zoo/release/release';
import { readProduction, readReleases } from '../../src/zoo/release/release-record';
import { inTemporaryFolder } from '../support/clip-files';
import { checkout, kumpasProgram, sharedCommands } from '../support/commands';
import { findingsOf } from '../support/small-registry';
import { copyZoo, nudge, ownData, releaseRequest, releaseWorld, trainedZoo, type SmallZoo } from '../support/small-zoo';

const { original, inZoo } = trainedZoo();
const { kumpas } = sharedCommands();
const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-killed-'));
/** A registry with a first release, and weights that have moved since. */
let released: SmallZoo;

beforeAll(async () => {
  released = copyZoo(original(), folder);
  await releaseModel(released.root, released.model, releaseRequest({ bump: 'major' }), releaseWorld());
  nudge(released.model);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Ends its own process, as kill -9 does, right before the nth time that something within a folder gets its name. */
const KILLER = `import fs from 'node:fs';
let left = Number(process.env.KILL_BEFORE);
for (const name of ['renameSync', 'linkSync']) {
  const real = fs[name];
  fs[name] = (from, to) => {
    if (String(to).startsWith(process.env.KILL_WITHIN) && --left === 0) process.kill(process.pid, 'SIGKILL');
    return real(from, to);
  };
}`;

/** Runs a command that is killed before the nth file or folder within the registry gets its name. @returns whether it was. */
function killed({ root }: SmallZoo, before: number, ...args: string[]): boolean {
  const preload = `data:text/javascript,${encodeURIComponent(KILLER)}`;
  const { signal, status, stderr } = spawnSync(
    process.execPath,
    ['--import', preload, ...kumpasProgram, 'models', ...args, '--root', root],
    {
      cwd: checkout,
      encoding: 'utf8',
      env: { ...process.env, KILL_BEFORE: String(before), KILL_WITHIN: root },
    },
  );
  if (signal !== 'SIGKILL' && status !== 0) throw new Error(stderr);
  return signal === 'SIGKILL';
}

/** Whatever is there is whole: the registry's folders, its checkpoints, and what is said of them. */
function expectValid({ root, model }: SmallZoo): void {
  expect(modelsIn(root).map(({ name }) => name)).toEqual([model.name]);
  expect(new ModelFolder(model.folder).readConfig().run.name).toBe(model.name);
  for (const { folder, record } of readReleases(model.folder)) {
    expect(fileDigest(path.join(folder, record.checkpoint.file)).sha256).toBe(record.checkpoint.sha256);
    expect(existsSync(path.join(folder, 'evaluation_results/evaluation.json'))).toBe(true);
  }
  completeReleases(model);
  const [latest] = readReleases(model.folder).toReversed();
  const production = readProduction(model.folder);
  if (production !== undefined) {
    const file = path.join(model.folder, production.file);
    expect(fileDigest(file).sha256).toBe(production.sha256);
    modelOfFile(file);
    expect(new ModelFolder(model.folder).readConfig().run.stage).toBe('production');
  }
  expect(new ModelFolder(model.folder).readConfig().run.version).toBe(latest?.record.version);
}

function hiddenIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => path.basename(name).startsWith('.'));
}

describe('a command that is killed', () => {
  // Of promote: the lock, the checkpoint twice, then its name in the folder, config.json and production.json.
  it.each([4, 6])('leaves a valid registry when it is promote, before its write %d, and succeeds when repeated', async (before) => {
    await inZoo(async (zoo) => {
      expect(killed(zoo, before, 'promote', zoo.model.name)).toBe(true);
      expectValid(zoo);
      const record = await promoteModel(zoo.model, { dtype: 'float32', data: ownData }, releaseWorld());
      expect(readProduction(zoo.model.folder)).toEqual(record);
      expect(hiddenIn(zoo.root)).toEqual([]);
    });
  });

  // Of release: the lock, the checkpoint twice, 12 results, three parts of the release, its folder, then what is derived from it.
  it.each([19, 20, 24])('leaves a valid registry when it is release, before its write %d, and succeeds when repeated', async (before) => {
    await inTemporaryFolder(async (copy) => {
      const zoo = copyZoo(released, copy);
      const { root, model } = zoo;
      expect(killed(zoo, before, 'release', model.name, '--bump', 'minor', '--notes', 'a text', '--allow-regression')).toBe(true);
      const made = readReleases(model.folder).length === 2;
      const unfinished = copyZoo(zoo, path.join(path.dirname(root), 'copy'));
      expectValid(zoo);
      // Repeated where nothing has been completed yet.
      const { release, completedOnly } = await releaseModel(unfinished.root, unfinished.model, releaseRequest(), releaseWorld(28));
      expect([release.record.version, completedOnly]).toEqual(['1.1.0', made]);
      expectValid(unfinished);
      expect(readProduction(unfinished.model.folder)?.version).toBe('1.1.0');
      expect(hiddenIn(unfinished.root)).toEqual([]);
    });
  });
});

describe('a command that writes a file or two and is killed', () => {
  // Of each: the lock, then what it writes.
  it.each([
    ['card', 2, []],
    ['stage', 2, ['archived']],
    ['monitor', 3, ['--data']],
  ] as const)('leaves a valid registry when it is %s, before its write %d, and succeeds when repeated', async (action, before, further) => {
    await inZoo(async (zoo) => {
      const args = [action, zoo.model.name, ...further, ...(action === 'monitor' ? [zoo.data] : [])];
      expect(killed(zoo, before, ...args)).toBe(true);
      expectValid(zoo);
      expect(await kumpas('models', ...args, '--root', zoo.root)).toMatchObject({ code: 0 });
      expectValid(zoo);
      await findingsOf(zoo.root, true);
      expect(await findingsOf(zoo.root)).toEqual([]);
      expect(hiddenIn(zoo.root)).toEqual([]);
    });
  });
});

it('of two releases at once exactly one wins', async () => {
  await inZoo(async (zoo) => {
    const release = ['models', 'release', zoo.model.name, '--bump', 'minor', '--notes', 'at once', '--root', zoo.root];
    const run = (): Promise<{ code: number | null; errors: string }> =>
      new Promise((resolve) => {
        const child = spawn(process.execPath, [...kumpasProgram, ...release], { cwd: checkout });
        let errors = '';
        child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
        child.on('close', (code) => {
          resolve({ code, errors });
        });
      });
    const ends = await Promise.all([run(), run()]);
    expect(ends.map(({ code }) => code).sort()).toEqual([0, 1]);
    expect(ends.find(({ code }) => code === 1)?.errors).toMatch(/^.*(is at work on it|nothing has changed since v0\.1\.0).*\n$/);
    expect(readReleases(zoo.model.folder).map(({ record }) => record.version)).toEqual(['0.1.0']);
    expectValid(zoo);
    expect(hiddenIn(zoo.root)).toEqual([]);
  });
});
