import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  forgetFailure,
  rememberedFailure,
  rememberFailure,
  isStale,
  withLock,
  makeFolderAtomically,
} from '../../src/engine/provision/cache';
import { cacheFolder } from '../../src/engine/provision/locations';
import { SetUpProblem } from '../../src/engine/provision/set-up-problem';

/** A process number that no process has (Linux gives at most 2²² of them). */
const NOBODY = 99_999_999;

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(path.join(os.tmpdir(), 'kumpas-cache-'));
});
afterEach(() => {
  rmSync(cache, { recursive: true });
});

describe('cacheFolder', () => {
  it('is KUMPAS_CACHE, else in XDG_CACHE_HOME, else in ~/.cache', () => {
    expect(cacheFolder({ KUMPAS_CACHE: '/big/disk', XDG_CACHE_HOME: '/x' }, '/home/ana')).toBe('/big/disk');
    expect(cacheFolder({ XDG_CACHE_HOME: '/x' }, '/home/ana')).toBe('/x/kumpas');
    expect(cacheFolder({ XDG_CACHE_HOME: 'relative', KUMPAS_CACHE: '' }, '/home/ana')).toBe('/home/ana/.cache/kumpas');
    expect(cacheFolder({}, '')).toBe(path.join(os.userInfo().homedir, '.cache/kumpas')); // An empty HOME, never the folder that one works in.
  });
});

describe('the memory of failures', () => {
  const hour = 60 * 60 * 1000;
  const problem = new SetUpProblem('pip could not download', 'Check the network');

  it('holds for an hour, for its own key', () => {
    rememberFailure(cache, 'cpu', problem, 1000);
    expect(rememberedFailure(cache, 'cpu', 1000 + hour - 1)?.message).toBe(problem.message);
    expect(rememberedFailure(cache, 'cpu', 1000 + hour)).toBeUndefined();
    expect(rememberedFailure(cache, 'gpu', 1001)).toBeUndefined();
  });

  it('is nothing where the cache cannot be written', () => {
    const file = path.join(cache, 'file');
    writeFileSync(file, '');
    rememberFailure(file, 'cpu', problem, 1000);
    expect(rememberedFailure(file, 'cpu', 1001)).toBeUndefined();
    forgetFailure(file, 'cpu');
  });

  it('does not hold where the clock was set back, the file is broken, or it was forgotten', () => {
    rememberFailure(cache, 'cpu', problem, 5000);
    expect(rememberedFailure(cache, 'cpu', 4000)).toBeUndefined();
    writeFileSync(path.join(cache, 'failures/cpu.json'), '{"at":');
    expect(rememberedFailure(cache, 'cpu', 5001)).toBeUndefined();
    rememberFailure(cache, 'cpu', problem, 5000);
    forgetFailure(cache, 'cpu');
    expect(rememberedFailure(cache, 'cpu', 5001)).toBeUndefined();
  });
});

describe('withLock', () => {
  it('lets one in at a time and tells the other who holds it', async () => {
    const file = path.join(cache, 'locks/one');
    const events: string[] = [];
    const holders: string[] = [];
    const enter = (name: string): Promise<void> =>
      withLock(
        file,
        (holder) => holders.push(holder),
        async () => {
          events.push(`${name} in`);
          await new Promise((resolve) => setTimeout(resolve, 50));
          events.push(`${name} out`);
        },
      );
    await Promise.all([enter('first'), enter('second')]);
    expect(events).toEqual(['first in', 'first out', 'second in', 'second out']);
    expect(holders).toEqual([`process ${process.pid}`]);
    expect(existsSync(file)).toBe(false);
  });

  it('is released where the action fails', async () => {
    const file = path.join(cache, 'lock');
    await expect(
      withLock(
        file,
        () => undefined,
        () => Promise.reject(new Error('broken')),
      ),
    ).rejects.toThrow('broken');
    expect(existsSync(file)).toBe(false);
  });

  it('takes over from a process that was killed', async () => {
    const file = path.join(cache, 'lock');
    writeFileSync(file, JSON.stringify({ host: os.hostname(), pid: NOBODY, id: 'a' }));
    await expect(
      withLock(
        file,
        () => undefined,
        () => Promise.resolve('done'),
      ),
    ).resolves.toBe('done');
  });

  it('waits for a living holder no longer than it may, and says what to do', async () => {
    const file = path.join(cache, 'lock');
    writeFileSync(file, JSON.stringify({ host: os.hostname(), pid: process.ppid, id: 'a' }));
    const told: string[] = [];
    const waiting = withLock(
      file,
      (holder, since) => told.push(`${holder} ${since.toISOString().slice(0, 4)}`),
      () => Promise.resolve('done'),
      300,
    );
    await expect(waiting).rejects.toThrow(
      `process ${process.ppid} has held ${file} for the 0 minutes that were waited for it. Let it end, or set KUMPAS_CACHE to a folder of your own.`,
    );
    expect(told).toEqual([`process ${process.ppid} ${new Date().getFullYear()}`]);
    expect(existsSync(file)).toBe(true);
  });

  // Only root can give a file to somebody else.
  (process.getuid?.() === 0 ? it : it.skip)(
    'says whose lock it is where that is another user, and takes over from one that has ended',
    async () => {
      const file = path.join(cache, 'lock');
      const done = (): Promise<string> => Promise.resolve('done');
      writeFileSync(file, JSON.stringify({ host: os.hostname(), pid: process.ppid, id: 'a' }));
      chownSync(file, 12345, 12345);
      const told: string[] = [];
      await expect(withLock(file, (holder) => told.push(holder), done, 50)).rejects.toThrow(/of user 12345 has held/);
      expect(told).toEqual([`process ${process.ppid} of user 12345`]);
      writeFileSync(file, JSON.stringify({ host: os.hostname(), pid: NOBODY, id: 'a' }));
      await expect(withLock(file, () => undefined, done, 50)).resolves.toBe('done');
    },
  );

  (process.platform === 'win32' ? it.skip : it)('does not wait for what a named pipe would say', async () => {
    const file = path.join(cache, 'lock');
    expect(spawnSync('mkfifo', [file]).status).toBe(0);
    const waiting = withLock(
      file,
      () => undefined,
      () => Promise.resolve('done'),
      50,
    );
    await expect(waiting).rejects.toThrow(/another process has held/);
  });

  it('takes over from another machine only once it has fallen silent', () => {
    const content = JSON.stringify({ host: 'elsewhere', pid: 1, id: 'a' });
    const lock = { content, host: 'here', isAlive: () => false };
    expect(isStale({ ...lock, ageMs: 1_000 })).toBe(false);
    expect(isStale({ ...lock, ageMs: 61_000 })).toBe(true);
    expect(isStale({ ...lock, content: '', ageMs: 10 })).toBe(false);
    expect(isStale({ ...lock, host: 'elsewhere', ageMs: 10 })).toBe(true);
  });

  it('takes over a lock that its holder no longer touches', async () => {
    const file = path.join(cache, 'lock');
    writeFileSync(file, JSON.stringify({ host: 'elsewhere', pid: 1, id: 'a' }));
    utimesSync(file, new Date(0), new Date(0));
    await expect(
      withLock(
        file,
        () => undefined,
        () => Promise.resolve('done'),
      ),
    ).resolves.toBe('done');
  });
});

describe('makeFolderAtomically', () => {
  const put = (text: string) => (temporary: string) => {
    writeFileSync(path.join(temporary, 'file'), text);
    return Promise.resolve();
  };

  it('leaves the whole folder and nothing beside it', async () => {
    await makeFolderAtomically(path.join(cache, 'library'), put('whole'));
    expect(readdirSync(cache)).toEqual(['library']);
    expect(readFileSync(path.join(cache, 'library/file'), 'utf8')).toBe('whole');
  });

  it('leaves nothing where it fails half-way', async () => {
    const fill = async (temporary: string): Promise<void> => {
      await put('half')(temporary);
      throw new Error('disk full');
    };
    await expect(makeFolderAtomically(path.join(cache, 'library'), fill)).rejects.toThrow('disk full');
    expect(readdirSync(cache)).toEqual([]);
  });

  it('keeps what another process made meanwhile', async () => {
    const folder = path.join(cache, 'library');
    await makeFolderAtomically(folder, async (temporary) => {
      mkdirSync(folder);
      writeFileSync(path.join(folder, 'file'), 'of the other');
      await put('ours')(temporary);
    });
    expect(readFileSync(path.join(folder, 'file'), 'utf8')).toBe('of the other');
    expect(readdirSync(cache)).toEqual(['library']);
  });

  it('clears away what a killed preparation left, and nothing of a living one', async () => {
    const abandoned = `.temporary-${os.hostname()}-${NOBODY}-abcd`;
    const living = `.temporary-${os.hostname()}-${process.pid}-abcd`;
    mkdirSync(path.join(cache, abandoned, 'tensorflow'), { recursive: true });
    mkdirSync(path.join(cache, living));
    await makeFolderAtomically(path.join(cache, 'library'), put('whole'));
    expect(readdirSync(cache).sort()).toEqual([living, 'library']);
  });
});
