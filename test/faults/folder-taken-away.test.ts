import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { createRunFolder } from '../../src/folder/folder-name';
import { readTrainingLog } from '../../src/folder/training-log';
import { lockFileOf } from '../../src/foundation/folder-lock';
import type { TrainingEvent } from '../../src/training/events';
import { readResumePoint } from '../../src/training/resume';
import { useBackend } from '../support/backend';
import { inTemporaryFolder } from '../support/clip-files';
import { checkout, kumpasProgram } from '../support/commands';
import { resumeSmall, smallFlags, smallSettings, trainSmall, writeSmallData } from '../support/small-training';

/** Does something at the end of an epoch. */
function atEpoch(epoch: number, action: () => void): (event: TrainingEvent) => void {
  return (event) => {
    if (event.kind === 'epoch-end' && event.epoch === epoch) action();
  };
}

/** The only folder in one, hidden ones included. */
function onlyFolder(parent: string): string {
  const [name, ...more] = readdirSync(parent);
  expect(more).toEqual([]);
  return path.join(parent, name ?? '');
}

beforeAll(async () => {
  await useBackend('cpu');
});

describe('a run whose folder is taken away', () => {
  it.each(['renamed', 'removed'])('%s: stops in a line, makes nothing again, and can be gone on with where it is now', async (how) => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const models = path.join(folder, 'models');
      const moved = path.join(folder, 'moved');
      let taken = '';
      const takeAway = (): void => {
        taken = readdirSync(models).find((name) => !name.startsWith('.')) ?? '';
        if (how === 'renamed') renameSync(path.join(models, taken), moved);
        else rmSync(path.join(models, taken), { recursive: true });
      };
      const training = trainSmall(smallSettings(folder, { epochs: '4' }), { onEvent: atEpoch(2, takeAway) });
      await expect(training).rejects.toThrow(how === 'renamed' ? `it is ${moved} now` : 'was renamed or removed meanwhile');
      expect(taken).toMatch(/^transformer_baseline_/);
      expect(readdirSync(models)).toEqual([]);
      expect(existsSync(moved)).toBe(how === 'renamed');
      if (how === 'removed') return;
      expect(readTrainingLog(path.join(moved, 'training_log.txt')).map(({ epoch }) => epoch)).toEqual([1, 2]);
      const { end } = await resumeSmall(path.join(moved, 'SignTransformer_last.pt'));
      expect(end).toBe('finished');
      expect(readdirSync(moved).filter((name) => name.includes('.tmp'))).toEqual([]);
    });
  });

  it('with the folder above, or by another in its place: the lock goes too, and the other stays as it is', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const models = path.join(folder, 'models');
      const elsewhere = path.join(folder, 'elsewhere');
      const takeAway = (): void => {
        const name = readdirSync(models).find((found) => !found.startsWith('.')) ?? '';
        renameSync(models, elsewhere);
        mkdirSync(path.join(models, name), { recursive: true });
      };
      const training = trainSmall(smallSettings(folder), { onEvent: atEpoch(1, takeAway) });
      await expect(training).rejects.toThrow(/: the folder was renamed meanwhile; it is [^\n]*\/elsewhere\/transformer_baseline_/);
      expect(readdirSync(onlyFolder(models))).toEqual([]);
      expect(readTrainingLog(path.join(onlyFolder(elsewhere), 'training_log.txt'))).toHaveLength(1);
    });
  });

  it('emptied: stops, and writes nothing into it', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const models = path.join(folder, 'models');
      const empty = (): void => {
        const run = path.join(models, readdirSync(models).find((name) => !name.startsWith('.')) ?? '');
        for (const name of readdirSync(run)) rmSync(path.join(run, name));
      };
      const training = trainSmall(smallSettings(folder), { onEvent: atEpoch(1, empty) });
      await expect(training).rejects.toThrow('its files were taken away meanwhile (config.json is missing)');
      expect(readdirSync(onlyFolder(models))).toEqual([]);
    });
  });
});

describe('clips that are read as they are needed', () => {
  it('and are taken away end the training in a line', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const removeClips = atEpoch(1, () => {
        rmSync(path.join(data, 'keypoints_train'), { recursive: true });
      });
      const training = trainSmall(smallSettings(folder, { memory_budget_mb: '0.01' }), { onEvent: removeClips });
      await expect(training).rejects.toMatchObject({ name: 'UserError', message: expect.stringMatching(/^[^\n]*train_\d+\.npz: [^\n]*$/) });
    });
  });
});

it('a place where no folder can be made is refused at once', () => {
  expect(() => createRunFolder('/proc/nope', 'transformer', 'baseline', new Date())).toThrow(
    /^--save-dir \/proc\/nope: no folder can be made there: [^\n]*$/,
  );
});

/** Starts a training of many epochs and waits for its first. */
async function startTraining(folder: string): Promise<{ child: ChildProcess; run: string; errors: () => string }> {
  const models = path.join(folder, 'models');
  const args = ['train', '--data', path.join(folder, 'data'), '--save-dir', models, '--epochs', '100000', ...smallFlags];
  const child = spawn(process.execPath, [...kumpasProgram, ...args], { cwd: checkout, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
  const found = (): string | undefined =>
    existsSync(models) ? readdirSync(models).find((name) => existsSync(path.join(models, name, 'training_log.txt'))) : undefined;
  for (let waited = 0; found() === undefined; waited += 50) {
    if (waited > 120_000 || child.exitCode !== null) throw new Error(`it never came: ${errors}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { child, run: path.join(models, found() ?? ''), errors: () => errors };
}

describe('npm run train', () => {
  it('tells what became of its folder and how to go on, and exits with 1', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const { child, run, errors } = await startTraining(folder);
      const moved = path.join(folder, 'moved run');
      renameSync(run, moved);
      expect(await once(child, 'close')).toEqual([1, null]);
      expect(errors()).toBe(
        `${run}: the folder was renamed meanwhile; it is ${moved} now; go on with npm run train -- --resume '${moved}'\n`,
      );
      expect(readdirSync(path.dirname(run))).toEqual([]);
    });
  });

  it('saves where the terminal is closed, though nothing can be printed any more and it is told twice', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const { child, run } = await startTraining(folder);
      child.stderr?.destroy();
      child.kill('SIGHUP');
      child.kill('SIGHUP');
      expect(await once(child, 'exit')).toEqual([129, null]);
      expect(existsSync(lockFileOf(run))).toBe(false);
      const { checkpoint } = readResumePoint(path.join(run, 'SignTransformer_last.pt'));
      expect(readTrainingLog(path.join(run, 'training_log.txt')).length).toBe(checkpoint.epoch);
    });
  });

  it('goes on to its end where nobody reads what it prints, and exits with 0; with 1 where a full disk lost it', async () => {
    await inTemporaryFolder((folder) => {
      writeSmallData(folder);
      const train = (saveDir: string, output: string): { status: number | null; stderr: string } => {
        const args = [
          'train',
          '--data',
          path.join(folder, 'data'),
          '--save-dir',
          path.join(folder, saveDir),
          '--epochs',
          '3',
          ...smallFlags,
        ];
        const typed = [process.execPath, ...kumpasProgram, ...args].map((word) => `'${word}'`).join(' ');
        return spawnSync('bash', ['-c', `set -o pipefail; ${typed} ${output}`], { cwd: checkout, encoding: 'utf8' });
      };
      expect(train('closed', '| head -n 1 >/dev/null')).toMatchObject({ status: 0, stderr: '' });
      expect(train('full', '> /dev/full')).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(
          /^standard output: no space is left on its disk \(ENOSPC\): [^\n]*; the command goes on to its end\n$/,
        ),
      });
      for (const saveDir of ['closed', 'full']) {
        const run = onlyFolder(path.join(folder, saveDir));
        expect(readTrainingLog(path.join(run, 'training_log.txt'))).toHaveLength(3);
        expect(JSON.parse(readFileSync(path.join(run, 'evaluation_results', 'evaluation.json'), 'utf8'))).toHaveProperty('gloss');
      }
    });
  });
});
