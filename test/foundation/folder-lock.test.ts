import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { UserError } from '../../src/foundation/errors';
import { lockFileOf, lockFolder, lockOnceSilent, withFolderLock } from '../../src/foundation/folder-lock';
import { inTemporaryFolder } from '../support/clip-files';

const root = path.resolve(__dirname, '../..');

/** The number of a process that has ended. */
function endedProcess(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

/** Leaves the lock of another holder beside a folder. */
function leaveLock(folder: string, holder: Readonly<Record<string, unknown>>): string {
  const file = lockFileOf(folder);
  writeFileSync(file, JSON.stringify({ host: hostname(), pid: process.pid, began: '', purpose: 'train', id: 'another', ...holder }));
  return file;
}

describe('lockFolder', () => {
  it('keeps a second one out, says who has it, and lets it in after the release', async () => {
    await inTemporaryFolder(async (folder) => {
      const model = path.join(folder, 'deep', 'model');
      const lock = lockFolder(model, 'train');
      expect(readdirSync(path.dirname(model))).toEqual(['.model.lock']);
      expect(() => lockFolder(`${model}/`, 'release')).toThrow(
        new UserError(
          `${model}/: process ${process.pid} (train) is at work on it; wait until it has ended, or remove ${lockFileOf(model)} if you know that it has`,
        ),
      );
      lock.release();
      expect(existsSync(lockFileOf(model))).toBe(false);
      await expect(withFolderLock(model, 'release', () => Promise.reject(new Error('halfway')))).rejects.toThrow('halfway');
      expect(await withFolderLock(model, 'release', () => readdirSync(path.dirname(model)))).toEqual(['.model.lock']);
      expect(readdirSync(path.dirname(model))).toEqual([]);
    });
  });

  it('takes over the lock of a process that has ended, or whose number another process has by now', async () => {
    await inTemporaryFolder((folder) => {
      const model = path.join(folder, 'model');
      leaveLock(model, { pid: endedProcess() });
      lockFolder(model, 'train').release();
      // The same number, of a process that began at another time.
      leaveLock(model, { began: '1' });
      lockFolder(model, 'train').release();
      expect(readdirSync(folder)).toEqual([]);
      leaveLock(model, {});
      expect(() => lockFolder(model, 'train')).toThrow(/is at work on it/);
    });
  });

  it('takes over the lock of a process that was killed and that its parent has not asked for, where the system tells that', async () => {
    if (process.platform !== 'linux') return;
    const script = `sleep 60 & kill -9 $! && echo $! && exec sleep 60`;
    const parent = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const [said] = (await once(parent.stdout, 'data')) as [Buffer];
      const pid = Number(said.toString());
      await inTemporaryFolder((folder) => {
        const model = path.join(folder, 'model');
        for (
          let tries = 0;
          tries < 100 && existsSync(`/proc/${pid}/stat`) && !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
          tries++
        )
          spawnSync('sleep', ['0.05']);
        leaveLock(model, { pid });
        lockFolder(model, 'train').release();
        expect(readdirSync(folder)).toEqual([]);
      });
    } finally {
      parent.kill('SIGKILL');
    }
  });

  it('believes a holder on another machine for ten minutes after its last sign of life, and one that cannot be read too', async () => {
    await inTemporaryFolder((folder) => {
      const model = path.join(folder, 'model');
      const minutesAgo = (minutes: number): Date => new Date(Date.now() - 60_000 * minutes);
      const file = leaveLock(model, { host: 'else\u001bwhere', pid: 1 });
      utimesSync(file, minutesAgo(9), minutesAgo(9));
      expect(() => lockFolder(model, 'train')).toThrow(/process 1 on else\ufffdwhere \(train\) is at work on it/);
      utimesSync(file, minutesAgo(11), minutesAgo(11));
      lockFolder(model, 'train').release();
      for (const content of ['', '{"host":', '[]', '{"host":1}']) {
        writeFileSync(file, content);
        expect(() => lockFolder(model, 'train')).toThrow(/another process is at work on it/);
        utimesSync(file, minutesAgo(11), minutesAgo(11));
        lockFolder(model, 'train').release();
      }
      mkdirSync(file);
      expect(() => lockFolder(model, 'train')).toThrow(/\.model\.lock: the lock cannot be read \(.*\); remove it if no process/);
    });
  });

  it('believes one in another container as one on another machine, though the host has the same name', async () => {
    await inTemporaryFolder((folder) => {
      const model = path.join(folder, 'model');
      leaveLock(model, { pid: endedProcess(), container: 'another' });
      expect(() => lockFolder(model, 'train')).toThrow(/process \d+ on .* \(train\) is at work on it/);
    });
  });

  it('waits for a holder elsewhere until it is clear that it has ended, and no longer than until it is clear that it has not', async () => {
    await inTemporaryFolder(async (folder) => {
      const model = path.join(folder, 'model');
      const told: string[] = [];
      const wait = (): ReturnType<typeof lockOnceSilent> =>
        lockOnceSilent(model, 'train', { onWait: (text) => told.push(text), lookAgainMs: 50 });
      const file = leaveLock(model, { host: 'elsewhere', pid: 7 });
      utimesSync(file, new Date(), new Date(Date.now() - 10 * 60_000 + 100));
      (await wait()).release();
      expect(told).toEqual([
        expect.stringMatching(/model: process 7 on elsewhere \(train\) is at work on it, or has ended without a word/),
      ]);
      const living = leaveLock(model, { host: 'elsewhere' });
      const heartbeat = setTimeout(() => {
        utimesSync(living, new Date(), new Date(Date.now() + 1));
      }, 75);
      await expect(wait()).rejects.toThrow(/is at work on it; wait until it has ended/);
      clearTimeout(heartbeat);
      leaveLock(model, {});
      await expect(wait()).rejects.toThrow(/process \d+ \(train\) is at work on it/); // It can be asked: there is nothing to wait for.
      expect(told).toHaveLength(2);
    });
  });

  it('releases only its own lock, and leaves that of whoever took it over', async () => {
    await inTemporaryFolder((folder) => {
      const model = path.join(folder, 'model');
      const lock = lockFolder(model, 'train');
      const file = leaveLock(model, { purpose: 'release' });
      lock.release();
      expect(readFileSync(file, 'utf8')).toContain('"release"');
    });
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'exit'] as const)(
    'leaves none behind where the process ends by %s, and keeps how it ended',
    async (way) => {
      await inTemporaryFolder(async (folder) => {
        const script = `
        const { lockFolder } = require('./src/foundation/folder-lock.ts');
        for (const name of ['one', 'two']) lockFolder(process.env.FOLDER + '/' + name, 'train');
        setInterval(() => {}, 1000);
        process.stdout.write('held');
        if (process.env.WAY === 'exit') process.exit(3);`;
        const env = { ...process.env, FOLDER: folder, WAY: way };
        const holder = spawn(process.execPath, ['--import', 'tsx', '-e', script], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
        const ended = once(holder, 'exit');
        await once(holder.stdout, 'data');
        if (way !== 'exit') holder.kill(way);
        expect(await ended).toEqual(way === 'exit' ? [3, null] : [null, way]);
        expect(readdirSync(folder)).toEqual([]);
      });
    },
  );

  it('leaves the end to whoever else heeds the signal', async () => {
    await inTemporaryFolder(async (folder) => {
      const script = `
        const { lockFolder, lockState } = require('./src/foundation/folder-lock.ts');
        lockFolder(process.env.FOLDER + '/model', 'train');
        setInterval(() => {}, 1000);
        process.on('SIGTERM', () => setTimeout(() => process.exit(lockState(process.env.FOLDER + '/model') === 'held' ? 5 : 6), 50));
        process.stdout.write('held');`;
      const env = { ...process.env, FOLDER: folder };
      const holder = spawn(process.execPath, ['--import', 'tsx', '-e', script], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
      const ended = once(holder, 'exit');
      await once(holder.stdout, 'data');
      holder.kill('SIGTERM');
      expect(await ended).toEqual([5, null]);
      expect(readdirSync(folder)).toEqual([]);
    });
  });

  it('lets in one process at a time, however many want in, and whichever is killed', async () => {
    await inTemporaryFolder(async (folder) => {
      const [model, counter] = [path.join(folder, 'model'), path.join(folder, 'counter')];
      writeFileSync(counter, '0');
      const script = `
        const { lockFolder } = require('./src/foundation/folder-lock.ts');
        const { readFileSync, writeFileSync } = require('node:fs');
        for (let done = 0; done < 100; ) {
          let lock;
          try { lock = lockFolder(process.env.MODEL, 'count'); } catch (error) { if (!/at work/.test(error.message)) throw error; continue; }
          const count = Number(readFileSync(process.env.COUNTER, 'utf8'));
          if (process.env.DIES === 'yes' && done === 20) process.kill(process.pid, 'SIGKILL');
          writeFileSync(process.env.COUNTER, String(count + 1));
          lock.release();
          done++;
        }`;
      const contender = (dies: string): Promise<unknown[]> => {
        const env = { ...process.env, MODEL: model, COUNTER: counter, DIES: dies };
        return once(spawn(process.execPath, ['--import', 'tsx', '-e', script], { cwd: root, env, stdio: 'inherit' }), 'exit');
      };
      expect(await Promise.all([contender('no'), contender('yes'), contender('no')])).toEqual([
        [0, null],
        [null, 'SIGKILL'],
        [0, null],
      ]);
      expect(readFileSync(counter, 'utf8')).toBe('220');
      expect(readdirSync(folder)).toEqual(['counter']);
    });
  });
});
