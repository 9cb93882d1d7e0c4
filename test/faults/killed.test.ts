import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readTrainingLog } from '../../src/folder/training-log';
import { readResumePoint } from '../../src/training/resume';
import { useBackend } from '../support/backend';
import { inTemporaryFolder } from '../support/clip-files';
import { checkout, kumpasAlone, kumpasProgram } from '../support/commands';
import { savedTraining } from '../support/saved-training';
import { writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await useBackend('cpu');
});

/** All at once that a resumed training must go on with, and a state saved after every update. */
const recipe = {
  optimizer: 'adamw',
  weight_decay: '0.1',
  weight_decay_on: 'weights',
  layer_decay: '0.8',
  stochastic_depth: '0.2',
  scheduler: 'one_cycle',
  sampling: 'balanced',
  class_weights: 'effective',
  curriculum: 'dynamic',
  augment: 'strong',
  accumulation_steps: '2',
  ema: 'true',
  recover: 'true',
  save_every_minutes: '0.000001',
  epochs: '30',
};

const flags = Object.entries({
  ...recipe,
  emb_dim: '16',
  num_heads: '2',
  num_layers: '1',
  max_len: '12',
  batch_size: '4',
  num_buckets: '2',
})
  .map(([key, value]) => [`--${key.replaceAll('_', '-')}`, ...(value === 'true' ? [] : [value])])
  .flat();

/** Starts a training, waits until its log has so many epochs, sends signals, and waits for its end. */
async function stopAfter(
  epochs: number,
  log: () => string | undefined,
  signals: readonly NodeJS.Signals[],
  argv: readonly string[],
): Promise<{ ended: unknown; errors: string }> {
  const child = spawn(process.execPath, [...kumpasProgram, 'train', ...argv], { cwd: checkout, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
  const closed = once(child, 'close');
  const logged = (): number => {
    const file = log();
    return file === undefined || !existsSync(file) ? 0 : readTrainingLog(file).length;
  };
  while (logged() < epochs && child.exitCode === null) await setTimeout(5);
  for (const signal of signals) child.kill(signal);
  return { ended: await closed, errors };
}

describe('a training that saves its state all the time', () => {
  it('is killed, asked to end, and asked twice, and is in the end bit for bit the unbroken one', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const models = path.join(folder, 'broken');
      const run = (): string | undefined => {
        const name = existsSync(models) ? readdirSync(models).find((entry) => !entry.startsWith('.')) : undefined;
        return name === undefined ? undefined : path.join(models, name);
      };
      const log = (): string | undefined => {
        const place = run();
        return place === undefined ? undefined : path.join(place, 'training_log.txt');
      };
      const start = ['--data', data, '--save-dir', models, '--lr', '1e-3', ...flags];
      const goOn = (): string[] => ['--resume', run() ?? ''];

      expect((await stopAfter(3, log, ['SIGKILL'], start)).ended).toEqual([null, 'SIGKILL']);
      expect((await stopAfter(9, log, ['SIGTERM'], goOn())).ended).toEqual([143, null]);
      const place = run() ?? '';
      expect(readdirSync(place).filter((name) => name.endsWith('.tmp'))).toEqual([]);
      expect((await stopAfter(15, log, ['SIGTERM', 'SIGTERM'], goOn())).ended).toEqual([143, null]);
      const last = path.join(place, 'SignTransformer_last.pt');
      expect(readResumePoint(last).checkpoint.epoch).toBeLessThan(30);
      expect(kumpasAlone(['train', ...goOn()])).toMatchObject({ code: 0, errors: '' });

      const unbroken = path.join(folder, 'unbroken');
      expect(kumpasAlone(['train', ...start, '--save-dir', unbroken])).toMatchObject({ code: 0, errors: '' });
      expect(savedTraining(place)).toEqual(savedTraining(path.join(unbroken, path.basename(place))));
    });
  });
});

describe('clips that are taken away while they are trained on', () => {
  it('end the training in a line that says how to go on', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const models = path.join(folder, 'models');
      const clips = path.join(data, 'keypoints_train');
      const log = (): string | undefined => {
        const name = existsSync(models) ? readdirSync(models).find((entry) => !entry.startsWith('.')) : undefined;
        const file = name === undefined ? undefined : path.join(models, name, 'training_log.txt');
        if (file !== undefined && existsSync(file) && existsSync(clips)) renameSync(clips, `${clips}_away`);
        return file;
      };
      const { ended, errors } = await stopAfter(
        Infinity,
        log,
        [],
        ['--data', data, '--save-dir', models, ...flags, '--memory-budget-mb', '0.01', '--epochs', '100000'],
      );
      expect(ended).toEqual([1, null]);
      expect(errors).toMatch(
        /^[^\n]*train_\d+\.npz: no such file; mend the clip, or leave such clips out with --skip-bad-clips; go on with npm run train -- --resume [^\n]*\n$/,
      );
    });
  });
});
