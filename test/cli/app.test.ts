import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { expect, it } from '@jest/globals';
import { kumpasAlone, kumpasProgram } from '../support/commands';
import { torchFolder } from '../support/parity';

const model = path.join(torchFolder, 'tiny_full.pt');

it('ends at Ctrl-C when the requests in flight are answered', async () => {
  const child = spawn(process.execPath, [...kumpasProgram, 'app', model, '--port', '0'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  let errors = '';
  child.stderr.on('data', (text) => (errors += String(text)));
  const [printed] = (await once(child.stdout, 'data')) as [Buffer];
  const address = printed.toString().trim().split('\n').at(-1) ?? '';
  expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  const frames = JSON.stringify({ frames: Array.from({ length: 60 }, () => new Array<number>(156).fill(0.5)) });
  const request = { method: 'POST', body: frames, headers: { 'content-type': 'application/json' } };
  const answers = Array.from({ length: 12 }, () => fetch(`${address}api/predict`, request));
  await Promise.race(answers);
  child.kill('SIGINT');
  for (const answer of await Promise.all(answers)) {
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      predictions: [{ file: 'clips[0]', warnings: [expect.stringContaining('nothing moves')] }],
    });
  }
  expect(await ended).toEqual([0, null]);
  expect(errors).toContain('stopping: requests in flight are answered');
});

it('says in a line what it cannot begin with', () => {
  expect(kumpasAlone(['app', 'absent.pt'])).toMatchObject({
    code: 1,
    errors: expect.stringMatching(/^.*absent\.pt.*: no such file or folder\n$/),
  });
});
