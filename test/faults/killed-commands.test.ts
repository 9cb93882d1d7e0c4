import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { RandomStream } from '../../src/foundation/random';
import { restoreModel } from '../../src/zoo/archive/archive-model';
import { archivedModels, archivedNames } from '../../src/zoo/archive/archived-models';
import { packModel } from '../../src/zoo/pack/pack-model';
import { unpackModel } from '../../src/zoo/pack/unpack-model';
import { modelsIn, type RegisteredModel } from '../../src/zoo/registered-models';
import { inTemporaryFolder } from '../support/clip-files';
import { checkout, kumpasProgram, sharedCommands } from '../support/commands';
import { addModel, contentOf, findingsOf, writeEvaluation } from '../support/small-registry';

const { kumpas } = sharedCommands();

/** Lets a process work in a loop, and kills it as a power cut would, so many milliseconds after its first round. */
async function killAfter(milliseconds: number, ...args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, ['--import', 'tsx', path.join(__dirname, 'registry-process.ts'), ...args], { cwd: checkout });
  let errors = '';
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
  await new Promise((resolve) => {
    child.stdout.once('data', resolve);
    child.once('exit', resolve);
  });
  await setTimeout(milliseconds);
  const ended = new Promise((resolve) =>
    child.once('exit', (_code, signal) => {
      resolve(signal);
    }),
  );
  child.kill('SIGKILL');
  expect([errors, child.exitCode ?? (await ended)]).toEqual(['', 'SIGKILL']);
}

/** A model with a file that takes a while to compress. */
async function largeModel(root: string, description: string): Promise<RegisteredModel> {
  const model = await addModel(root, description);
  writeEvaluation(model.folder, 0.5);
  const random = new RandomStream(1);
  const large = Buffer.from(Float32Array.from({ length: 4e5 }, () => random.uniform(0, 1)).buffer).toString('base64');
  writeFileSync(path.join(model.folder, 'performance_history.csv'), large);
  return model;
}

const MOMENTS = [3, 41, 77, 120, 190];

describe('kill -9 at any moment', () => {
  it('of archive and restore leaves the model whole, in a folder or an archive, and check --fix clears up', async () => {
    await inTemporaryFolder(async (root) => {
      const { name, folder } = await largeModel(root, 'kept');
      const content = contentOf(folder);
      for (const moment of MOMENTS) {
        await killAfter(moment, 'archive', root);
        const archived = archivedModels(root).map((model) => model.name);
        expect(existsSync(folder) || archived.includes(name)).toBe(true);
        await findingsOf(root, true);
        expect(await findingsOf(root)).toEqual([]);
        expect([existsSync(folder), archivedNames(root).length]).toEqual(existsSync(folder) ? [true, 0] : [false, 1]);
        if (!existsSync(folder)) await restoreModel(root, name, undefined);
        expect(contentOf(folder)).toEqual(content);
        expect(readdirSync(path.join(root, 'archive'))).toEqual([]);
        expect(readdirSync(path.join(root, 'transformer'))).toEqual([name]);
      }
    });
  });

  it.each(['unpack', 'prune'])('of %s leaves whole models or none, and check --fix clears up', async (what) => {
    await inTemporaryFolder(async (folder) => {
      const model = await largeModel(path.join(folder, 'registry'), 'sent');
      const pack = path.join(folder, 'sent.tar.gz');
      await packModel({ model, out: pack, withLast: false, kumpas: '0.0.0' });
      const root = path.join(folder, 'elsewhere');
      await unpackModel(pack, root, undefined);
      const [unpacked] = modelsIn(root);
      const content = contentOf(unpacked?.folder ?? '');
      for (const moment of MOMENTS.filter((_, index) => index % 2 === 0)) {
        await killAfter(moment, what, root, pack);
        await findingsOf(root, true);
        expect(await findingsOf(root)).toEqual([]);
        for (const found of modelsIn(root)) expect(contentOf(found.folder)).toEqual(content);
        expect(readdirSync(path.join(root, 'transformer')).filter((name) => name.startsWith('.'))).toEqual([]);
      }
    });
  });
});

describe('two at once', () => {
  it('archive a model once, and unpack a pack once; the other is told why', async () => {
    await inTemporaryFolder(async (folder) => {
      const root = path.join(folder, 'registry');
      const model = await largeModel(root, 'shared');
      const pack = path.join(folder, 'pack.tar.gz');
      await packModel({ model, out: pack, withLast: false, kumpas: '0.0.0' });
      const kumpasBeside = (...args: string[]): Promise<{ code: number | null; errors: string }> => {
        const child = spawn(process.execPath, [...kumpasProgram, 'models', ...args], { cwd: checkout });
        let errors = '';
        child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
        return new Promise((resolve) =>
          child.once('close', (code) => {
            resolve({ code, errors });
          }),
        );
      };
      const archived = await Promise.all([
        kumpasBeside('archive', model.name, '--root', root),
        kumpasBeside('archive', model.name, '--root', root),
      ]);
      expect(archived.map(({ code }) => code).sort()).toEqual([0, 1]);
      expect(archived.map(({ errors }) => errors).join('')).toMatch(
        /is at work on it|it is archived|holds no such model|no such (file|folder)/,
      );
      expect(archivedModels(root).map(({ name }) => name)).toEqual([model.name]);

      const elsewhere = path.join(folder, 'elsewhere');
      const unpacked = await Promise.all([
        kumpasBeside('unpack', pack, '--root', elsewhere),
        kumpasBeside('unpack', pack, '--root', elsewhere),
      ]);
      expect(unpacked.map(({ code }) => code).sort()).toEqual([0, 1]);
      expect(unpacked.map(({ errors }) => errors).join('')).toMatch(/is at work on it|is there already/);
      expect(await findingsOf(elsewhere)).toEqual([]);
      expect(await findingsOf(root)).toEqual([]);
    });
  });
});

describe('a full disk', () => {
  it('leaves what was there, nothing half, and one line', async () => {
    await inTemporaryFolder(async (folder) => {
      const root = path.join(folder, 'registry');
      const model = await largeModel(root, 'large');
      const pack = path.join(folder, 'pack.tar.gz');
      await packModel({ model, out: pack, withLast: false, kumpas: '0.0.0' });
      const before = [...contentOf(root), ...readdirSync(folder)];
      const elsewhere = path.join(folder, 'elsewhere');
      const commands = [
        [`archive ${model.name} --root ${root}`, path.join(root, 'archive', `${model.name}.tar.gz`)],
        [`unpack ${pack} --root ${elsewhere}`, path.join(elsewhere, 'transformer', model.name)],
      ];
      for (const [args = '', place = ''] of commands) {
        // A limit on the size of files refuses a write as a full disk does.
        const limited = `ulimit -f 200; exec "${process.execPath}" --import tsx src/cli/main.ts models ${args}`;
        const { status, stderr } = spawnSync('bash', ['-c', limited], { cwd: checkout, encoding: 'utf8' });
        expect(stderr).toMatch(/^[^\n]* \(EFBIG\); [^\n]*; everything saved before is intact\n$/);
        expect(stderr.startsWith(`${place}: `)).toBe(true);
        expect(status).toBe(1);
      }
      expect([...contentOf(root), ...readdirSync(folder)]).toEqual(before);
      expect(readdirSync(path.join(root, 'archive'))).toEqual([]);
    });
  });
});

describe('the commands', () => {
  it('exit with 1 where a problem remains, and with 0 once it is mended', async () => {
    await inTemporaryFolder(async (root) => {
      const { folder, name } = await addModel(root, 'checked');
      const unfinished = path.join(folder, '.config.json.0123abcd.tmp');
      writeFileSync(unfinished, '');
      const found = await kumpas('models', 'check', '--json', '--root', root);
      expect(found.code).toBe(1);
      expect(JSON.parse(found.output)).toMatchObject({
        models: [name],
        findings: [{ severity: 'problem', model: name, mendable: true }],
        mended: [],
      });
      const before = Date.now() / 1000 - 60; // Nobody can be writing it any more.
      utimesSync(unfinished, before, before);
      const mended = await kumpas('models', 'check', '--fix', '--root', root);
      expect(mended.output).toMatch(
        /mended .*config\.json\.0123abcd\.tmp: a process that was killed left it\n +removed\n\n1 model: 0 problems, 0 remarks/,
      );
      expect(mended.code).toBe(0);
      const pruned = await kumpas('models', 'prune', '--keep', '0', '--dry-run', '--json', '--root', root);
      const plan = JSON.parse(pruned.output) as { models: object[] };
      expect(plan.models).toMatchObject([{ name, goes: false, done: 'kept' }]);
    });
  });
});
