import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readResumePoint } from '../../src/training/resume';
import { useBackend } from '../support/backend';
import { inTemporaryFolder } from '../support/clip-files';
import { savedTraining } from '../support/saved-training';
import { expectClose, logLength, losses, modelIn, start, startTogether, whole } from '../support/several-processes';
import { smallFlags, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await useBackend('cpu');
});

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

  it('that was killed in the middle of an epoch is, gone on with by as many processes, bit for bit the unbroken one', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder, { train: 64, val: 8 });
      const flags = (name: string): string[] => [
        ...[
          '--data',
          data,
          ...smallFlags,
          '--num-buckets',
          '1',
          '--dropout',
          '0.3',
          '--augment',
          'strong',
          '--lr',
          '1e-3',
          '--epochs',
          '4',
        ],
        ...['--save-every-minutes', '0.000001', '--save-dir', path.join(folder, name)],
      ];
      const { processes } = await startTogether(2, flags('broken'));
      const [lead, worker] = processes;
      if (lead === undefined || worker === undefined) throw new Error('there should be two processes');
      const last = (): string => path.join(modelIn(path.join(folder, 'broken')), 'SignTransformer_last.pt');
      const batchesDone = (): number => Number(readResumePoint(last()).progress?.['batches_done']);
      while (logLength(path.join(folder, 'broken')) < 1 && lead.child.exitCode === null) await setTimeout(5);
      while (batchesDone() === 0 && lead.child.exitCode === null) await setTimeout(5);
      worker.child.kill('SIGKILL');
      expect(await lead.end).toBe(1);
      expect(batchesDone()).toBeGreaterThan(0);
      const broken = modelIn(path.join(folder, 'broken'));

      await whole((await startTogether(2, ['--resume', broken])).processes);
      await whole((await startTogether(2, flags('unbroken'))).processes);
      expect(savedTraining(broken)).toEqual(savedTraining(modelIn(path.join(folder, 'unbroken'))));
    });
  });

  it.each([0, 1])('ends where rank %i is frozen, in lines that name it', async (frozen) => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder, { train: 16, val: 8 });
      const flags = ['--data', data, ...smallFlags, '--num-buckets', '1', '--epochs', '100000', '--heartbeat-timeout', '3'];
      const models = path.join(folder, 'models');
      const { processes, addresses } = await startTogether(3, [...flags, '--save-dir', models]);
      while (logLength(models) < 1 && processes[0]?.child.exitCode === null) await setTimeout(20);
      processes[frozen]?.child.kill('SIGSTOP');
      const others = processes.filter((_, rank) => rank !== frozen);
      for (const { end, printed } of others) {
        expect(await end).toBe(1);
        expect(printed().trim().split('\n').at(-1)).toContain(
          `${frozen === 0 ? 'rank' : 'worker'} ${frozen} (${addresses[frozen] ?? ''}) has not answered for 3 seconds: it is frozen`,
        );
      }
      processes[frozen]?.child.kill('SIGCONT');
      expect(await processes[frozen]?.end).toBe(1);
    });
  });
});
