import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readSettingsFile } from '../../src/config/settings-file';
import { readConfig } from '../../src/folder/config-file';
import { readTrainingLog } from '../../src/folder/training-log';
import { sweep, UserError, type SweepEvent, type SweepOptions, type SweepOutcome } from '../../src/index';
import { sweepTable } from '../../src/training/sweep/results-text';
import { useBackend } from '../support/backend';
import { inTemporaryFolder } from '../support/clip-files';
import { checkout, kumpasProgram } from '../support/commands';
import { writeSmallData } from '../support/small-training';

/** A SignTransformer that learns an epoch in a moment. */
const SMALL = { emb_dim: 16, num_heads: 2, num_layers: 1, max_len: 16, batch_size: 8, num_buckets: 1, epochs: 2 } as const;

beforeAll(async () => {
  await useBackend('cpu');
});

function optionsIn(folder: string, out: string): SweepOptions & { readonly base: { readonly data: string } } {
  return { base: { ...SMALL, data: path.join(folder, 'data') }, grid: { lr: [1e-3, 1e-2] }, seeds: [3, 5], out: path.join(folder, out) };
}

/** What must not depend on how often the sweep was cut: its table without times, and each trial's figures. */
function outcome(result: SweepOutcome): unknown {
  return {
    table: sweepTable(result).map((row) => row.filter((_, column) => column !== 6)),
    winner: result.winner?.name,
    trials: result.points.flatMap(({ trials }) => trials.map(({ trial, state, figures }) => [trial.id, state, { ...figures, seconds: 0 }])),
  };
}

function modelFolders(out: string): string[] {
  return readdirSync(out).filter((name) => name.startsWith('transformer_'));
}

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 10) {
    if (waited > 120_000) throw new Error('it never came');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('sweep()', () => {
  it('trains every point with every seed, and one that was killed and stopped ends with the table of an unbroken one', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder, { train: 16, val: 8 });
      const whole = await sweep(optionsIn(folder, 'whole'));
      expect(whole).toMatchObject({ end: 'finished', failed: [] });
      expect(modelFolders(whole.folder).map((name) => name.replace(/_\d\d-\d\d$/, ''))).toEqual([
        ...['transformer_lr-0.001_seed-3', 'transformer_lr-0.001_seed-5', 'transformer_lr-0.01_seed-3', 'transformer_lr-0.01_seed-5'],
      ]);
      for (const name of ['sweep.json', 'results.json', 'results.csv', 'results.md', 'results.png', 'winner.json'])
        expect(existsSync(path.join(whole.folder, name))).toBe(true);

      // A trial is the training of its settings, and says whose it is.
      const [first] = whole.points.flatMap(({ trials }) => trials);
      const config = readConfig(path.join(first?.folder ?? '', 'config.json'));
      expect(config).toMatchObject({ lr: 1e-3, seed: 3, run: { sweep: { name: 'whole', trial: 'lr-0.001_seed-3' } } });
      expect(first?.figures).toMatchObject({ epochs: 2, parameters: config.run.parameters });
      const log = readTrainingLog(path.join(first?.folder ?? '', 'training_log.txt'));
      expect(first?.figures?.glossAccuracy).toBeCloseTo(Math.max(...log.map(({ gloss_acc }) => gloss_acc)), 12);

      // The winner's settings are those of its trials, and a file to train with.
      const winner = readSettingsFile(path.join(whole.folder, 'winner.json')).values;
      expect(winner).toMatchObject({ ...whole.winner?.values, seed: 42, epochs: 2 });
      expect(winner).not.toHaveProperty('save_dir');

      // Killed in the middle of its trials, which run in two processes; stopped; ended.
      const out = path.join(folder, 'parts');
      const typed = Object.entries({ ...SMALL, data: path.join(folder, 'data') }).map(([key, value]) => `--${key}=${value}`);
      const command = [...kumpasProgram, 'sweep', ...typed, '--grid', 'lr=1e-3,1e-2', '--seeds', '3,5', '--jobs', '2'];
      const killed = spawn(process.execPath, [...command, '--out', out], { cwd: checkout, stdio: 'ignore' });
      await until(() => existsSync(out) && modelFolders(out).some((name) => existsSync(path.join(out, name, 'SignTransformer_last.pt'))));
      killed.kill('SIGKILL');
      await once(killed, 'exit');
      const controller = new AbortController();
      const stopped = await sweep(optionsIn(folder, 'parts'), {
        signal: controller.signal,
        onEvent: ({ kind }) => {
          if (kind === 'trial-epoch') controller.abort();
        },
      });
      expect(stopped).toMatchObject({ end: 'interrupted', failed: [] });
      expect(stopped.points.every(({ complete }) => complete)).toBe(false);
      const events: SweepEvent[] = [];
      const finished = await sweep(optionsIn(folder, 'parts'), { onEvent: (event) => events.push(event) });
      expect(events.filter(({ kind }) => kind === 'trial-start').some((event) => 'resumed' in event && event.resumed)).toBe(true);
      expect(outcome(finished)).toEqual(outcome(whole));

      // Nothing is left to do, and nothing else may lie there.
      const again: SweepEvent[] = [];
      expect(outcome(await sweep(optionsIn(folder, 'parts'), { onEvent: (event) => again.push(event) }))).toEqual(outcome(whole));
      expect(again.map(({ kind }) => kind)).toEqual(['planned']);
      await expect(sweep({ ...optionsIn(folder, 'parts'), seeds: [3, 7] })).rejects.toThrow(
        /another sweep lies there: it has the trial lr-0.001_seed-5, which is not asked for now; .*choose another --out$/,
      );
      await expect(sweep({ ...optionsIn(folder, 'parts'), base: { ...optionsIn(folder, 'parts').base, epochs: 3 } })).rejects.toThrow(
        /its trial lr-0.001_seed-3 has epochs 2, not 3/,
      );
    });
  });

  it('stops points early of which others are better, and trains what goes on as if it had never waited', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder, { train: 16, val: 8 });
      const base = { ...optionsIn(folder, 'halved').base, epochs: 4, scheduler: 'cosine' } as const;
      const options = { base, grid: { lr: [1e-9, 1e-2, 1e-8, 3e-2] }, halving: 2, out: path.join(folder, 'halved') };
      const controller = new AbortController();
      const cut = await sweep(options, {
        signal: controller.signal,
        onEvent: ({ kind }) => {
          if (kind === 'rung-end') controller.abort();
        },
      });
      expect(cut.end).toBe('interrupted');
      const events: SweepEvent[] = [];
      const result = await sweep(options, { onEvent: (event) => events.push(event) });
      expect(
        events.flatMap((event) => (event.kind === 'rung-end' ? [[event.epochs, event.goOn.length, event.stopped.length]] : [])),
      ).toEqual([
        [1, 2, 2],
        [2, 1, 1],
      ]);
      const trials = result.points.flatMap((point) => point.trials);
      expect(trials.map(({ state, stopped }) => (state === 'stopped' ? stopped?.epochs : state)).sort()).toEqual([1, 1, 2, 'done']);
      const { winner } = result;
      expect(winner).toMatchObject({ complete: true, trials: [{ figures: { epochs: 4 } }] });

      const logOf = (point: typeof winner): string => readFileSync(path.join(point?.trials[0]?.folder ?? '', 'training_log.txt'), 'utf8');
      const alone = await sweep({ base, grid: { lr: [Number(winner?.values['lr'])] }, out: path.join(folder, 'alone') });
      expect(logOf(winner)).toBe(logOf(alone.winner));
      await expect(sweep({ ...options, halving: 3 })).rejects.toThrow('another sweep lies there: it has --halving 2, not --halving 3');
    });
  });

  it('names a trial that fails, goes on with the others, and lets no point win that lacks it', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder, { train: 16, val: 8 });
      const options = optionsIn(folder, 'sweep');
      const events: SweepEvent[] = [];
      const result = await sweep(
        { ...options, grid: { lr: [1e-3, 1e30] }, seeds: [3], base: { ...options.base, epochs: 1 } },
        { onEvent: (event) => events.push(event) },
      );
      expect(result.failed).toMatchObject([{ trial: { id: 'lr-1e-30_seed-3' } }]);
      expect(events.find(({ kind }) => kind === 'trial-failed')).toMatchObject({ error: expect.any(UserError) });
      expect(result.winner?.name).toBe('lr 0.001');
      expect(readFileSync(path.join(result.folder, 'results.md'), 'utf8')).toMatch(/^Failed: .*\(learning rate/m);
      expect(
        readFileSync(path.join(result.folder, 'results.csv'), 'utf8')
          .split('\n')
          .map((line) => line.split(',')[5]),
      ).toEqual(expect.arrayContaining(['done', 'failed']));
    });
  });

  it('lists everything that is wrong at once, before anything is made', async () => {
    await inTemporaryFolder(async (folder) => {
      const out = path.join(folder, 'sweep');
      const wrong = {
        base: { description: 'mine', alpha: 0, beta: 0 },
        grid: { lr: [1e-3, -1], dropuot: [0.1], dropout: [], seed: [1] },
        seeds: [1, 1],
        out,
      };
      const problems = await sweep(wrong as SweepOptions).then(
        () => [],
        (error: unknown) => (error as UserError).message.split('\n'),
      );
      expect(problems).toEqual(
        expect.arrayContaining([
          '--seeds: 1 is given twice',
          '--grid dropout: expected values, as dropout=1,2, found none',
          '--grid seed: give --seeds, which every point is trained with',
          'description: all trials lie in the folder of the sweep (--out), each named by what it varies',
          '--grid: dropuot: unknown key; did you mean dropout?',
          '--grid: lr: expected a number above 0, found -1',
        ]),
      );
      await expect(sweep({ base: { ema: true }, ablate: { 'no average': { ema: true } }, out })).rejects.toThrow(
        '--ablate no average: the base has ema true already',
      );
      expect(existsSync(out)).toBe(false);
    });
  });
});
