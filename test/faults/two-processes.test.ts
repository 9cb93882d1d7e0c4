import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readTrainingLog } from '../../src/folder/training-log';
import { lockFileOf } from '../../src/foundation/folder-lock';
import { prepareRun } from '../../src/training/prepare-run';
import { readResumePoint, resumedSettings } from '../../src/training/resume';
import { closeRun } from '../../src/training/run';
import { useBackend } from '../support/backend';
import { inTemporaryFolder } from '../support/clip-files';
import { checkout, kumpasProgram, sharedCommands } from '../support/commands';
import { quietContext, resumeSmall, smallSettings, trainSmall, writeSmallData } from '../support/small-training';

const { kumpas } = sharedCommands();

function startTraining(...args: string[]): ChildProcess {
  return spawn(process.execPath, [...kumpasProgram, 'train', ...args], { cwd: checkout, stdio: 'ignore' });
}

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 20) {
    if (waited > 120_000) throw new Error('it never came');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

beforeAll(async () => {
  await useBackend('cpu');
});

describe('two trainings in one folder', () => {
  it('are kept apart, and a killed one is gone on with at once', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const { run } = await trainSmall(smallSettings(folder, { epochs: '1' }));
      const { folder: model, log } = run.folder.files;
      expect(existsSync(lockFileOf(model))).toBe(false);

      const first = startTraining('--resume', model, '--epochs', '100000');
      try {
        await until(() => readTrainingLog(log).length > 2);
        const second = await kumpas('train', '--resume', model, '--epochs', '100000');
        expect(second.code).toBe(1);
        expect(second.errors).toMatch(
          /^.*transformer_baseline_\d\d-\d\d: process \d+ \(train\) is at work on it; wait until it has ended, .*\n$/,
        );
        const evaluation = await kumpas('evaluate', '--model-path', model);
        expect(evaluation.code).toBe(1);
        expect(evaluation.errors).toMatch(/^.*\(train\) is at work on it; .*\n$/);
      } finally {
        first.kill('SIGKILL');
        await once(first, 'exit');
      }
      expect(existsSync(lockFileOf(model))).toBe(true);
      const done = readResumePoint(run.folder.files.last).checkpoint.epoch;
      await resumeSmall(run.folder.files.last, { epochs: String(done + 2) });
      expect(readTrainingLog(log).map(({ epoch }) => epoch)).toEqual(Array.from({ length: done + 2 }, (_, index) => index + 1));
      expect(readdirSync(path.dirname(model))).toEqual([path.basename(model)]);
      expect(readdirSync(model).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    });
  });

  it('start anew where one went on after the other had read its checkpoint; a training that fails to start gives its folder back', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const { run } = await trainSmall(smallSettings(folder, { epochs: '1' }));
      const outdated = readResumePoint(run.folder.files.last);
      await resumeSmall(run.folder.files.last, { epochs: '2' });
      const settings = resumedSettings(outdated, [{ source: 'command line', values: { epochs: '3' } }]);
      await expect(prepareRun(settings, outdated, quietContext())).rejects.toThrow(/another process went on with it just now/);
      const point = readResumePoint(run.folder.files.last);
      const held = await prepareRun(settings, point, quietContext());
      await expect(prepareRun(settings, point, quietContext())).rejects.toThrow(/\(train\) is at work on it/);
      expect(readFileSync(lockFileOf(run.folder.files.folder), 'utf8')).toContain('"train"');
      await closeRun(held);
      rmSync(path.join(data, 'keypoints_train'), { recursive: true });
      await expect(prepareRun(settings, readResumePoint(run.folder.files.last), quietContext())).rejects.toThrow();
      expect(readdirSync(path.dirname(run.folder.files.folder))).toEqual([path.basename(run.folder.files.folder)]);
    });
  });
});
