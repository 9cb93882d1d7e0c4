import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { formatNpz } from '../../src/data/npz';
import { startRuntime } from '../../src/engine/runtime';
import { readEvaluation } from '../../src/evaluation/results/contents';
import { lockFileOf } from '../../src/foundation/folder-lock';
import { evaluateRun, lacksFinalEvaluation, type TrainingRun } from '../../src/training/run';
import { clipArrays, inTemporaryFolder } from '../support/clip-files';
import { checkout, kumpasProgram, sharedCommands, type Printed } from '../support/commands';
import { resumeSmall, smallSettings, trainSmall, writeSmallData } from '../support/small-training';

const { kumpas } = sharedCommands();

beforeAll(async () => {
  await startRuntime();
});

const resumeByCommand = (folder: string): Promise<Printed> => kumpas('train', '--resume', folder);

function documentOf({ folder: { files } }: TrainingRun): string {
  return path.join(files.folder, 'evaluation_results', 'evaluation.json');
}

describe('a run that was killed in its final evaluation', () => {
  it('is evaluated when it is gone on with, to the usual end; after that nothing is left to do', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder, { train: 20, val: 8 });
      const { run } = await trainSmall(smallSettings(folder, { epochs: '2' })); // Which evaluates nothing, as a kill would have it.
      const checkpoints = [readFileSync(run.folder.files.last), readFileSync(run.folder.files.best)];
      const resumed = await resumeByCommand(run.folder.files.folder);
      expect(resumed).toMatchObject({ code: 0, errors: '' });
      expect(resumed.output).toMatch(
        /the evaluation at its end is missing and is made now\n[^]*\n2 epochs done\n[^]*\n {2}gloss .* % right \(95 % interval .*\), weighted F1 [\d.]+\n {2}category /,
      );
      expect(readEvaluation(documentOf(run)).epoch).toBeGreaterThan(0);
      expect(readFileSync(run.folder.files.readme, 'utf8')).toContain('evaluation_results/report.html');
      expect([readFileSync(run.folder.files.last), readFileSync(run.folder.files.best)]).toEqual(checkpoints);
      expect(await resumeByCommand(run.folder.files.folder)).toMatchObject({
        code: 1,
        output: '',
        errors: expect.stringMatching(/^--resume .*: the run has done 2 of 2 epochs, there is nothing left to do; give --epochs .*\n$/),
      });
    });
  });

  it('ends at once where a signal comes then, and is evaluated when it is gone on with', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder, { train: 20, val: 8 });
      const { run } = await trainSmall(smallSettings(folder, { epochs: '2' }));
      const command = [...kumpasProgram, 'train', '--resume', run.folder.files.folder];
      const child = spawn(process.execPath, command, { cwd: checkout, stdio: ['ignore', 'pipe', 'ignore'] });
      for await (const text of child.stdout) if (String(text).includes('is made now')) child.kill('SIGINT');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      expect(['SIGINT', 130]).toContain(child.signalCode ?? child.exitCode);
      expect([existsSync(documentOf(run)), existsSync(lockFileOf(run.folder.files.folder))]).toEqual([false, false]);
      expect((await resumeByCommand(run.folder.files.folder)).code).toBe(0);
      expect(existsSync(documentOf(run))).toBe(true);
    });
  });

  it('is not trained further where it had stopped early, nor once it is evaluated', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder, { train: 20, val: 8 });
      const { run, end } = await trainSmall(smallSettings(folder, { epochs: '30', early_stop: '1', lr: '1e-9' }));
      expect(end).toBe('stopped early');
      const last = readFileSync(run.folder.files.last);
      const { run: again, end: secondEnd } = await resumeSmall(run.folder.files.last);
      expect(secondEnd).toBe('stopped early');
      await evaluateRun(again);
      expect(readFileSync(run.folder.files.last)).toEqual(last);
      await expect(resumeSmall(run.folder.files.last)).rejects.toThrow(
        /stopped early after 2 of 30 epochs, 1 of them without a better one, there is nothing left to do; give --epochs or --early-stop/,
      );
      const { end: further } = await resumeSmall(run.folder.files.last, { early_stop: '2' });
      expect(further).toBe('stopped early');
      expect(readFileSync(run.folder.files.log, 'utf8').trim().split('\n')).toHaveLength(1 + 3);
    });
  });

  it('lacks results that are none, of another epoch, or older than its last state', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder, { train: 20, val: 8 });
      const { run } = await trainSmall(smallSettings(folder, { epochs: '1' }));
      const document = documentOf(run);
      expect(lacksFinalEvaluation(run.folder.files)).toBe(true);
      await evaluateRun(run);
      expect(lacksFinalEvaluation(run.folder.files)).toBe(false);
      const text = readFileSync(document, 'utf8');
      writeFileSync(document, text.replace('"epoch": 1', '"epoch": 7'));
      expect(lacksFinalEvaluation(run.folder.files)).toBe(true);
      writeFileSync(document, text.slice(0, 40));
      expect(lacksFinalEvaluation(run.folder.files)).toBe(true);
      writeFileSync(document, text);
      utimesSync(document, 1000, 1000);
      expect(lacksFinalEvaluation(run.folder.files)).toBe(true);
      rmSync(document);
      writeFileSync(path.join(data, 'keypoints_val', 'val_0.npz'), formatNpz(clipArrays(9, 77)));
      await expect(resumeSmall(run.folder.files.last)).rejects.toThrow(/has done 1 of 1 epochs, there is nothing left to do/);
    });
  });
});
