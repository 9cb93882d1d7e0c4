import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { startRuntime } from '../../src/engine/runtime';
import { required } from '../../src/foundation/required';
import type { TrainingEnd, TrainingEvent } from '../../src/training/events';
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

/** Settings of a set that is read while it is trained on. */
const asNeeded = { memory_budget_mb: '0.01' };

/** The file of a clip of the last batch of an epoch: nobody has read it when the epoch begins. */
function lastClipOf({ data: { train } }: TrainingRun, epoch: number): string {
  const index = required(train.plan(epoch).at(-1)?.indices[0], 'a clip of the last batch');
  return required(train.set.entries[index], 'the clip').file;
}

/** Trains, and does something to the clips after an epoch. */
async function trainWhile(
  folder: string,
  typed: Readonly<Record<string, string>>,
  { after, harm, abortAt }: { after: number; harm: (run: TrainingRun) => void; abortAt?: { epoch: number; batch: number } },
): Promise<{ run: TrainingRun; events: readonly TrainingEvent[]; outcome: TrainingEnd | Error }> {
  const events: TrainingEvent[] = [];
  const controller = new AbortController();
  let epoch = 1;
  const run: TrainingRun = await prepareRun(
    smallSettings(folder, { ...asNeeded, ...typed }),
    undefined,
    quietContext((event) => {
      events.push(event);
      if (event.kind === 'epoch-start') epoch = event.epoch;
      if (event.kind === 'epoch-end' && event.epoch === after) harm(run);
      if (event.kind === 'step' && epoch === abortAt?.epoch && event.batch === abortAt.batch) controller.abort();
    }),
  );
  const outcome = await trainEpochs(run, controller.signal)
    .catch((error: unknown) => error as Error)
    .finally(() => closeRun(run));
  return { run, events, outcome };
}

function warningsOf(events: readonly TrainingEvent[]): string[] {
  return events.flatMap((event) => (event.kind === 'warning' && event.text.includes('left out') ? [event.text] : []));
}

describe('a clip that vanishes while it is trained on', () => {
  it('ends the training after its last update, which goes on as if nothing had been once the clip is back', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const recipe = { accumulation_steps: '4', ema: 'true', scheduler: 'one_cycle' };
      const { run: whole } = await trainSmall(smallSettings(folder, { ...recipe, ...asNeeded, description: 'whole' }));
      let clip = '';
      const harm = (run: TrainingRun): void => {
        clip = lastClipOf(run, 2);
        renameSync(clip, `${clip}.away`);
      };
      const { run, outcome } = await trainWhile(folder, { ...recipe, description: 'parts' }, { after: 1, harm });
      expect(outcome).toMatchObject({
        name: 'UserError',
        message: `${clip}: no such file; mend the clip, or leave such clips out with --skip-bad-clips`,
      });
      const { files } = run.folder;
      expect(readResumePoint(files.last).progress).toMatchObject({ batches_done: 4 });
      renameSync(`${clip}.away`, clip);
      await resumeSmall(files.last);
      expect(savedTraining(files.folder)).toEqual(savedTraining(whole.folder.files.folder));
    });
  });

  it('is left out with skip_bad_clips, in a resumed training too, even where it is back', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const recipe = { skip_bad_clips: 'true', sampling: 'balanced', class_weights: 'effective', curriculum: 'dynamic' };
      const validationClip = path.join(data, 'keypoints_val', 'val_3.npz');
      const kept = new Map<string, Buffer>();
      const harm = (run: TrainingRun): void => {
        for (const clip of [lastClipOf(run, 2), validationClip]) {
          kept.set(clip, readFileSync(clip));
          rmSync(clip);
        }
      };
      const mend = (): void => {
        for (const [clip, bytes] of kept) writeFileSync(clip, bytes);
      };
      const whole = await trainWhile(folder, { ...recipe, description: 'whole' }, { after: 1, harm });
      expect(whole.outcome).toBe('finished');
      expect(warningsOf(whole.events)).toEqual([
        expect.stringMatching(/train_\d+\.npz: no such file; it is left out from here on \(1 of 29 clips\)$/),
        `${validationClip}: no such file; it is left out from here on (2 of 29 clips)`,
      ]);
      const metrics = readFileSync(whole.run.folder.files.metrics, 'utf8');
      expect(metrics).toMatch(/"event":"clip left out"/);
      expect(metrics.match(/"clips_left_out":2/g)).toHaveLength(2);

      mend();
      const parts = await trainWhile(folder, { ...recipe, description: 'parts' }, { after: 1, harm, abortAt: { epoch: 3, batch: 2 } });
      expect(parts.outcome).toBe('interrupted');
      mend();
      const { run } = await resumeSmall(parts.run.folder.files.last);
      expect(run.folder.files.folder).toBe(parts.run.folder.files.folder);
      expect(savedTraining(run.folder.files.folder)).toEqual(savedTraining(whole.run.folder.files.folder));
    });
  });

  it('ends the training with skip_bad_clips too where more than a tenth have vanished; mended, all are used again', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const harm = (): void => {
        renameSync(path.join(data, 'keypoints_train'), path.join(data, 'away'));
      };
      const { run, outcome } = await trainWhile(folder, { skip_bad_clips: 'true' }, { after: 1, harm });
      expect((outcome as Error).message).toMatch(/^\d of 29 clips cannot be used, and with --skip-bad-clips at most 10\.0 % are left out/);
      renameSync(path.join(data, 'away'), path.join(data, 'keypoints_train'));
      const { run: resumed, end } = await resumeSmall(run.folder.files.last);
      expect([end, resumed.learner.progress.unreadable]).toEqual(['finished', []]);
    });
  });
});

describe('clips that the checks refuse at the start', () => {
  it('are listed at once and left out with skip_bad_clips, where the rest can be trained on', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const damage = (name: string): void => {
        writeFileSync(path.join(data, name), 'damaged');
      };
      damage('keypoints_train/train_2.npz');
      damage('keypoints_val/val_1.npz');
      const settings = smallSettings(folder, { epochs: '1', skip_bad_clips: 'true' });
      const events: TrainingEvent[] = [];
      const { run, end } = await trainSmall(settings, { onEvent: (event) => events.push(event) });
      expect([end, run.data.train.set.entries.length, run.folder.record.run.data.clips_left_out]).toEqual(['finished', 21, 2]);
      expect(warningsOf(events)).toEqual([
        expect.stringMatching(/^--skip-bad-clips: 2 of 29 clips left out\ndata: 2 problems in 2 files\n.*train_2.*\n.*val_1.*$/),
      ]);
      await expect(trainSmall(smallSettings(folder, { epochs: '1' }))).rejects.toThrow(/^data: 2 problems in 2 files/);
      damage('keypoints_train/train_4.npz');
      await expect(trainSmall(settings)).rejects.toThrow(/^3 of 29 clips cannot be used.*\ndata: 3 problems in 3 files/);
    });
  });
});
