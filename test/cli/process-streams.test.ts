import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ProcessStream, type WrittenStream } from '../../src/cli/terminal';
import { inTemporaryFolder } from '../support/clip-files';

const root = path.resolve(__dirname, '../..');

/** Runs a command in a shell as a user would type it; a cache that a limit cuts off would be found by others. */
function kumpas(typed: string, { before = '', after = '' } = {}): { status: number | null; stdout: string; stderr: string } {
  const command = `${before} '${process.execPath}' --import tsx src/cli/main.ts ${typed} ${after}`;
  const environment = before === '' ? process.env : { ...process.env, TSX_DISABLE_CACHE: '1' };
  return spawnSync('bash', ['-c', `set -o pipefail; ${command}`], { cwd: root, encoding: 'utf8', env: environment });
}

describe('what a command prints', () => {
  it('into a pipe that was closed ends it quietly, with its own exit code', () => {
    expect(kumpas('train --help', { after: '| head -n 1' })).toMatchObject({
      status: 0,
      stderr: '',
      stdout: expect.stringMatching(/^\S.*\n$/),
    });
    expect(kumpas('trian', { after: '2>&1 | true' })).toMatchObject({ status: 1, stderr: '' });
  });

  it('onto a full disk is told in one line, and the exit code is 1', () => {
    const lost = /^standard output: no space is left on its disk \(ENOSPC\): what is printed from here on is lost; [^\n]*\n$/;
    for (const command of ['--help', 'models list --root test/fixtures', 'train --help']) {
      const { status, stderr } = kumpas(command, { after: '>/dev/full' });
      expect([command, status]).toEqual([command, 1]);
      expect(stderr).toMatch(lost);
    }
    expect(kumpas('--help', { after: '>/dev/full 2>&1' }).status).toBe(1);
    expect(kumpas('trian', { after: '2>/dev/full' })).toMatchObject({ status: 1, stdout: '', stderr: '' });
    expect(kumpas('--help', { after: '2>/dev/full' })).toMatchObject({ status: 0, stdout: expect.stringContaining('npm run train') });
  });

  it('into a file that takes a part of it is not taken for written', async () => {
    await inTemporaryFolder((folder) => {
      const file = path.join(folder, 'help.txt');
      const { status, stderr } = kumpas('train --help', { before: 'ulimit -f 2;', after: `>'${file}'` });
      expect(stderr).toMatch(/^standard output: it would be larger than a file may be \(EFBIG\): [^\n]*\n$/);
      expect([status, readFileSync(file).length]).toEqual([1, 2048]);
    });
  });
});

/** A stream of a terminal that refuses what is written, at once or a moment later. */
function refusing(code: string, { later, isTTY }: { readonly later: boolean; readonly isTTY: boolean }): WrittenStream {
  const error = Object.assign(new Error(code), { code, syscall: 'write' });
  const listeners: ((error: Error) => void)[] = [];
  return {
    fd: 1,
    isTTY,
    write: (_text, done) => {
      if (!later) throw error;
      setImmediate(() => {
        done(error);
        for (const listener of listeners) listener(error);
      });
    },
    on: (_event, listener) => listeners.push(listener),
  };
}

describe('ProcessStream', () => {
  it.each([true, false])('of a terminal that was closed is left in peace (told later: %s)', async (later) => {
    const reasons: string[] = [];
    for (const code of ['EIO', 'EPIPE']) {
      const stream = new ProcessStream(refusing(code, { later, isTTY: true }), (reason) => reasons.push(reason));
      stream.write('text');
      await stream.settled();
      await new Promise((resolve) => setImmediate(resolve));
      stream.write('more');
      expect(stream.isLost).toBe(false);
    }
    expect(reasons).toEqual([]);
  });

  it('tells once what was lost', async () => {
    const reasons: string[] = [];
    const stream = new ProcessStream(refusing('ENOSPC', { later: true, isTTY: true }), (reason) => reasons.push(reason));
    stream.write('text');
    stream.write('more');
    await stream.settled();
    await new Promise((resolve) => setImmediate(resolve));
    expect([stream.isLost, ...reasons]).toEqual([true, 'no space is left on its disk (ENOSPC)']);
  });
});
