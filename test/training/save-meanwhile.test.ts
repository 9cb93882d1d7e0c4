import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { startRuntime } from '../../src/engine/runtime';
import { prepareRun } from '../../src/training/prepare-run';
import { readResumePoint } from '../../src/training/resume';
import { closeRun, type TrainingRun } from '../../src/training/run';
import { trainEpochs } from '../../src/training/training-loop';
import { inTemporaryFolder } from '../support/clip-files';
import { savedTraining } from '../support/saved-training';
import { quietContext, resumeSmall, smallSettings, trainSmall, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

/** Trains with a save after each update, and does something after so many steps. */
async function trainSaving(
  folder: string,
  steps: number,
  action: (run: TrainingRun) => void,
): Promise<{ run: TrainingRun; error: unknown }> {
  let [time, count] = [0, 0];
  const settings = smallSettings(folder, { ema: 'true', save_every_minutes: '1', description: 'parts' });
  const context = quietContext((event) => {
    if (event.kind === 'step' && ++count === steps) action(run);
  });
  // Every look at the clock finds it two minutes later.
  const run: TrainingRun = await prepareRun(settings, undefined, { ...context, clock: () => (time += 120_000) });
  const error = await trainEpochs(run, new AbortController().signal)
    .then(() => undefined)
    .catch((thrown: unknown) => thrown)
    .finally(() => closeRun(run));
  return { run, error };
}

describe('a state that is saved within an epoch while steps go on', () => {
  it('is that of one moment: what goes on from it is the unbroken training', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const { run: whole } = await trainSmall(smallSettings(folder, { ema: 'true', description: 'whole' }));
      const died = new Error('died here');
      const { run, error } = await trainSaving(folder, 10, () => {
        throw died;
      });
      expect(error).toBe(died);
      const { files } = run.folder;
      expect(readdirSync(files.folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
      expect(readResumePoint(files.last)).toMatchObject({ checkpoint: { epoch: 1 }, progress: { batches_done: 3 } });
      await resumeSmall(files.last);
      expect(savedTraining(files.folder)).toEqual(savedTraining(whole.folder.files.folder));
    });
  });

  it('ends the training where it cannot be written', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const { run, error } = await trainSaving(folder, 2, ({ folder: { files } }) => {
        rmSync(files.last);
        mkdirSync(files.last);
        writeFileSync(path.join(files.last, 'in the way'), '');
      });
      expect(error).toMatchObject({
        name: 'UserError',
        message: expect.stringMatching(/SignTransformer_last\.pt: a folder lies (where a file is expected|in its place that is not empty)/),
      });
      expect(readdirSync(run.folder.files.folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    });
  });
});
