import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { sweep, type SweepOptions } from '../../src/index';
import { sweepTable } from '../../src/training/sweep/results-text';
import { useBackend } from '../support/backend';
import { inTemporaryFolder } from '../support/clip-files';
import { checkout, kumpasProgram } from '../support/commands';
import { writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await useBackend('cpu');
});

const base = { emb_dim: 16, num_heads: 2, num_layers: 1, max_len: 16, batch_size: 8, num_buckets: 1, epochs: 4 } as const;

/** How many epochs the trials of a sweep have logged in all. */
function epochsIn(out: string): number {
  const folders = existsSync(out) ? readdirSync(out).filter((name) => name.startsWith('transformer_')) : [];
  const logs = folders.map((name) => path.join(out, name, 'training_log.txt')).filter((file) => existsSync(file));
  return logs.reduce((sum, file) => sum + readFileSync(file, 'utf8').trim().split('\n').length - 1, 0);
}

/** Starts the sweep as a command, and kills it once its trials have done so many epochs. */
async function killAfter(epochs: number, data: string, out: string, ways: Readonly<Record<string, number>>): Promise<void> {
  const typed = Object.entries({ ...base, ...ways, data, seeds: 2 }).map(([key, value]) => `--${key}=${value}`);
  const command = [...kumpasProgram, 'sweep', ...typed, '--grid', 'lr=1e-3,1e-2,1e-9,1e-8', '--out', out];
  const child = spawn(process.execPath, command, { cwd: checkout, stdio: 'ignore' });
  const exit = once(child, 'exit');
  while (epochsIn(out) < epochs && child.exitCode === null) await setTimeout(5);
  child.kill('SIGKILL');
  expect(await exit).toEqual([null, 'SIGKILL']);
}

describe('a sweep of eight trials', () => {
  it.each([
    ['one after the other', {}],
    ['two at once', { jobs: 2 }],
    ['with successive halving', { halving: 2 }],
  ])(
    '%s, that is killed twice, has in the end the table of an unbroken one',
    async (_, ways) => {
      await inTemporaryFolder(async (folder) => {
        const data = writeSmallData(folder);
        const { halving } = { halving: undefined, ...ways };
        const options = (name: string): SweepOptions => ({
          ...{ base: { ...base, data }, grid: { lr: [1e-3, 1e-2, 1e-9, 1e-8] }, seeds: 2 },
          ...(halving === undefined ? {} : { halving }),
          out: path.join(folder, name),
        });
        await killAfter(3, data, path.join(folder, 'killed'), ways);
        await killAfter(9, data, path.join(folder, 'killed'), ways);
        const [killed, whole] = [await sweep(options('killed')), await sweep(options('whole'))];
        const tableOf = (result: typeof whole): string[][] => sweepTable(result).map((row) => row.filter((_cell, column) => column !== 6)); // Times differ.
        expect(tableOf(killed)).toEqual(tableOf(whole));
        expect(killed.winner?.name).toBe(whole.winner?.name);
        expect(killed.points.map(({ trials }) => trials.map(({ state, stopped }) => [state, stopped]))).toEqual(
          whole.points.map(({ trials }) => trials.map(({ state, stopped }) => [state, stopped])),
        );
      });
    },
    900_000,
  );
});
