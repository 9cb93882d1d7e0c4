import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { readTrainingLog } from '../../src/folder/training-log';
import type { EpochDone } from '../../src/training/events';
import { followTraining, type FollowedEvent } from '../../src/training/follow-training';
import { inTemporaryFolder } from '../support/clip-files';
import { checkout, kumpasProgram, sharedCommands } from '../support/commands';
import { writeSmallData } from '../support/small-training';

const { kumpas } = sharedCommands();

/** Starts a training in a process of its own, and waits for its folder. */
async function startTraining(folder: string, epochs: number): Promise<{ process_: ChildProcess; run: string }> {
  const models = path.join(folder, 'models');
  const size = ['--emb-dim', '16', '--num-heads', '2', '--num-layers', '1', '--max-len', '12', '--num-buckets', '1', '--batch-size', '8'];
  const argv = ['train', '--data', path.join(folder, 'data'), '--save-dir', models, '--epochs', String(epochs), ...size];
  const process_ = spawn(process.execPath, [...kumpasProgram, ...argv], { cwd: checkout, stdio: 'ignore' });
  for (;;) {
    const [name] = existsSync(models) ? readdirSync(models).filter((entry) => !entry.startsWith('.')) : [];
    if (name !== undefined && existsSync(path.join(models, name, 'config.json'))) return { process_, run: path.join(models, name) };
    if (process_.exitCode !== null) throw new Error(`the training ended with ${process_.exitCode}`);
    await setTimeout(50);
  }
}

function epochsIn(events: readonly FollowedEvent[]): EpochDone[] {
  return events.filter((event) => event.kind === 'epoch-end');
}

describe('a training in another process', () => {
  it('is followed epoch by epoch to its end, and told whole afterwards', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder, { train: 16, val: 8 });
      const { run } = await startTraining(folder, 3);
      const events: FollowedEvent[] = [];
      const followed = await followTraining(run, { interval: 20, onEvent: (event) => events.push(event) });
      const rows = readTrainingLog(path.join(run, 'training_log.txt'));
      expect(epochsIn(events).map(({ epoch, trainLoss }) => [epoch, trainLoss])).toEqual(rows.map((row) => [row.epoch, row.train_loss]));
      expect(events[0]).toMatchObject({ kind: 'found', epochs: 3, classes: { gloss: 3, category: 2 } });
      expect(events.some((event) => event.kind === 'running' && event.epoch === 1)).toBe(true);
      expect(followed).toMatchObject({ end: 'finished', completedEpochs: 3, epochs: 3 });

      const { code, output } = await kumpas('watch', run, '--json');
      const lines = output
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { kind: string });
      expect({ code, kinds: lines.map(({ kind }) => kind) }).toEqual({
        code: 0,
        kinds: ['found', 'epoch-end', 'epoch-end', 'epoch-end', 'end'],
      });
      const page = await kumpas('watch', run);
      expect(page.output).toMatch(
        /^Watching transformer_\S+\nepoch 1\/3 {2}loss [^]*\nepoch 3\/3 [^]*\nfinished: 3 epochs; best \d+\.\d % \(epoch \d\)\n$/,
      );
    });
  });

  it('is said to be killed where it was, and how it goes on', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder, { train: 16, val: 8 });
      const { process_, run } = await startTraining(folder, 100_000);
      const followed = await followTraining(run, {
        interval: 20,
        onEvent: (event) => {
          if (event.kind === 'epoch-end' && event.epoch === 2) process_.kill('SIGKILL');
        },
      });
      expect(followed).toMatchObject({ end: 'killed', epochs: 100_000 });
      expect((await kumpas('watch', run)).output).toMatch(
        /\nits process was killed after epoch \d+ of 100000; go on with: npm run train -- --resume \S+; best/,
      );
    });
  });

  it('is left alone where nobody looks any more', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder, { train: 16, val: 8 });
      const { process_, run } = await startTraining(folder, 100_000);
      const controller = new AbortController();
      const followed = await followTraining(run, {
        interval: 20,
        signal: controller.signal,
        onEvent: () => {
          controller.abort();
        },
      });
      expect(followed).toBeUndefined();
      expect(process_.exitCode).toBeNull();
      process_.kill('SIGKILL');
    });
  });

  it.each([
    [['./no-such-folder'], /no-such-folder\/config\.json: no such file/],
    [['one', 'two'], /expected one folder, found one two/],
  ])('says what is wrong with %j', async (argv, said) => {
    const { code, errors } = await kumpas('watch', ...argv);
    expect({ code, errors }).toEqual({ code: 1, errors: expect.stringMatching(said) });
  });
});
