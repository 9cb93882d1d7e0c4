import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readTrainingLog } from '../../src/folder/training-log';
import { freePort } from '../../src/training/cluster/addresses';
import { useBackend } from '../support/backend';
import { inTemporaryFolder } from '../support/clip-files';
import { checkout, kumpasProgram } from '../support/commands';
import { smallFlags, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await useBackend('cpu');
});

/** One of the processes of a training, and what it has printed. */
interface Process {
  readonly child: ChildProcess;
  readonly printed: () => string;
  /** Its exit code, or the signal that ended it. */
  readonly end: Promise<unknown>;
}

function start(...argv: readonly string[]): Process {
  const child = spawn(process.execPath, [...kumpasProgram, 'train', ...argv], { cwd: checkout, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  return { child, printed: () => text, end: once(child, 'exit').then(([code, signal]: unknown[]) => code ?? signal) };
}

async function addressesOf(count: number): Promise<string[]> {
  const ports = await Promise.all(Array.from({ length: count }, () => freePort('127.0.0.1', 0, 0)));
  return ports.map((port) => `127.0.0.1:${port}`);
}

/** Starts a training in as many processes, rank 0 first. */
async function startTogether(count: number, flags: readonly string[]): Promise<{ processes: Process[]; addresses: string[] }> {
  const addresses = await addressesOf(count);
  const processes = addresses.map((_, rank) => start(...flags, '--workers', addresses.join(), '--rank', String(rank)));
  return { processes, addresses };
}

async function whole(processes: readonly Process[]): Promise<void> {
  for (const { end, printed } of processes) {
    const code = await end;
    expect({ code, text: code === 0 ? '' : printed() }).toEqual({ code: 0, text: '' });
  }
}

/** The only model folder in a folder. */
function modelIn(folder: string): string {
  const [name] = existsSync(folder) ? readdirSync(folder).filter((each) => each.startsWith('transformer_')) : [];
  return path.join(folder, name ?? '');
}

function losses(folder: string): number[] {
  return readTrainingLog(path.join(modelIn(folder), 'training_log.txt')).flatMap((row) => [row.train_loss, row.val_loss]);
}

function logLength(folder: string): number {
  const file = path.join(modelIn(folder), 'training_log.txt');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length - 1 : 0;
}

function expectClose(ours: readonly number[], theirs: readonly number[]): void {
  expect(ours).toHaveLength(theirs.length);
  for (const [place, loss] of ours.entries()) expect(Math.abs(loss - (theirs[place] ?? NaN))).toBeLessThan(1e-5);
}

describe('a training in several processes', () => {
  it('has the losses of one process, survives a killed worker, and goes on with another number of processes', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder, { train: 16, val: 8 });
      const flags = (name: string, epochs: number): string[] => [
        ...['--data', data, ...smallFlags, '--num-buckets', '1', '--dropout', '0.3', '--lr', '1e-3', '--scheduler', 'none'],
        ...['--epochs', String(epochs), '--save-dir', path.join(folder, name)],
      ];
      await whole([start(...flags('one', 6))]);
      const expected = losses(path.join(folder, 'one'));

      const four = await startTogether(4, flags('four', 2));
      await whole(four.processes);
      expectClose(losses(path.join(folder, 'four')), expected.slice(0, 4));

      const killed = await startTogether(2, flags('killed', 100_000));
      const [lead, worker] = killed.processes;
      if (lead === undefined || worker === undefined) throw new Error('there should be two processes');
      while (logLength(path.join(folder, 'killed')) < 2 && lead.child.exitCode === null) await setTimeout(20);
      worker.child.kill('SIGKILL');
      expect(await lead.end).toBe(1);
      const last = lead.printed().trim().split('\n').at(-1);
      expect(last).toMatch(
        new RegExp(`^worker 1 \\(${killed.addresses[1] ?? ''}\\) .*; go on with npm run train -- --resume .*killed/transformer_`),
      );

      const done = logLength(path.join(folder, 'killed'));
      const epochs = Math.max(6, done + 1);
      await whole([start('--resume', modelIn(path.join(folder, 'killed')), '--epochs', String(epochs))]);
      const resumed = losses(path.join(folder, 'killed'));
      expect(resumed).toHaveLength(2 * epochs);
      expectClose(resumed.slice(0, expected.length), expected);
    });
  });

  it('ends its workers where rank 0 is killed, and all of it where a worker is asked to end', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder, { train: 16, val: 8 });
      const flags = ['--data', data, ...smallFlags, '--num-buckets', '1', '--epochs', '100000', '--save-dir', path.join(folder, 'models')];
      const { processes, addresses } = await startTogether(2, flags);
      const [lead, worker] = processes;
      if (lead === undefined || worker === undefined) throw new Error('there should be two processes');
      while (logLength(path.join(folder, 'models')) < 1 && lead.child.exitCode === null) await setTimeout(20);
      lead.child.kill('SIGKILL');
      expect(await worker.end).toBe(1);
      expect(worker.printed()).toContain(`rank 0 (${addresses[0] ?? ''}) has ended without a word`);

      const again = await startTogether(2, ['--resume', modelIn(path.join(folder, 'models'))]);
      const [second, asked] = again.processes;
      if (second === undefined || asked === undefined) throw new Error('there should be two processes');
      const done = logLength(path.join(folder, 'models'));
      while (logLength(path.join(folder, 'models')) < done + 1 && second.child.exitCode === null) await setTimeout(20);
      asked.child.kill('SIGTERM');
      expect(await second.end).toBe(1);
      expect(await asked.end).toBe(143);
      expect(second.printed()).toContain('everything so far is saved');
    });
  });
});
