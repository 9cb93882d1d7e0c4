import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { startRuntime } from '../../src/engine/runtime';
import { required } from '../../src/foundation/required';
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
  typed: Readonly<Record<string, string>> = {},
): Promise<{ run: TrainingRun; error: unknown; warnings: readonly string[] }> {
  let [time, count] = [0, 0];
  const warnings: string[] = [];
  const settings = smallSettings(folder, { ema: 'true', save_every_minutes: '1', description: 'parts', ...typed });
  const context = quietContext((event) => {
    if (event.kind === 'step' && ++count === steps) action(run);
    if (event.kind === 'warning') warnings.push(event.text);
  });
  // Every look at the clock finds it two minutes later.
  const run: TrainingRun = await prepareRun(settings, undefined, { ...context, clock: () => (time += 120_000) });
  const error = await trainEpochs(run, new AbortController().signal)
    .then(() => undefined)
    .catch((thrown: unknown) => thrown)
    .finally(() => closeRun(run));
  return { run, error, warnings };
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

  /** Steps do not look at the average: only saving finds it. */
  const spoilAverage = ({ learner: { program } }: TrainingRun): void => {
    const { updates, values } = required(program.readAverage(), 'an average');
    required(values.get('gloss_head.0.bias'), 'a bias')[1] = NaN;
    program.writeAverage({ updates, values });
  };
  const spoilWeight = ({ learner: { program } }: TrainingRun): void => {
    const weights = program.readParameters();
    required(weights.get('gloss_head.0.bias'), 'a bias')[1] = NaN;
    program.writeParameters(weights);
  };

  it.each([
    [
      'an average',
      spoilAverage,
      /^the average of gloss_head\.0\.bias \(1 of \d+ values\) was no longer finite in epoch 2 \(learning rate [^)]*\); nothing of that was saved: /,
    ],
    [
      'a weight, which the next step meets first',
      spoilWeight,
      /^the loss became NaN in epoch 2, batch 4 of 6 .* at step 10 with the clips train_\d+, .*; nothing of that was saved: /,
    ],
  ])('is written nowhere where %s is not finite, and ends the training', async (_, spoil, message) => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const { run, error } = await trainSaving(folder, 9, spoil);
      const { files } = run.folder;
      expect(error).toMatchObject({ name: 'UserError', message: expect.stringMatching(message) });
      expect(error).toMatchObject({
        message: expect.stringContaining('_last.pt holds the state after 2 batches of epoch 2. Start'),
      });
      expect(readdirSync(files.folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
      const { checkpoint, progress } = readResumePoint(files.last);
      expect(progress).toMatchObject({ batches_done: 2 });
      const saved = [...checkpoint.model.values(), ...required(checkpoint.average, 'the average').values()];
      expect(saved.every(({ values }) => values.every(Number.isFinite))).toBe(true);
    });
  });

  it('takes the training back to the one before, with --recover', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const { run, error, warnings } = await trainSaving(folder, 9, spoilAverage, { epochs: '2', recover: 'true' });
      expect(error).toBeUndefined();
      expect(warnings.filter((text) => text.includes('gloss_head'))).toEqual([
        expect.stringMatching(/was no longer finite in epoch 2: back to the state after batch 2 of epoch 2, from where .* \(1 of 3\)$/),
      ]);
      expect(run.learner.progress).toMatchObject({ completedEpochs: run.settings.epochs, recoveries: 1 });
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
