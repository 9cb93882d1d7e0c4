import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { startFacts } from '../../src/cli/training-summary';
import { startRuntime } from '../../src/engine/runtime';
import { readTrainingLog, type TrainingLogRow } from '../../src/folder/training-log';
import type { TrainingEvent } from '../../src/training/events';
import { inTemporaryFolder } from '../support/clip-files';
import { resumeSmall, smallSettings, trainSmall, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

/** What the header says of the step. */
function stepFact(events: readonly TrainingEvent[]): string | undefined {
  const start = events.find((event) => event.kind === 'start');
  return start && startFacts(start).find(([label]) => label === 'step')?.[1];
}

describe('a training with its step captured', () => {
  it('learns as the eager one does, dropout and accumulation included', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const recipe = { epochs: '2', accumulation_steps: '2', weight_decay: '0.01', grad_clip: '1' };
      const eagerEvents: TrainingEvent[] = [];
      const capturedEvents: TrainingEvent[] = [];
      const { run: eager } = await trainSmall(smallSettings(folder, { ...recipe, description: 'eager', compile_model: 'false' }), {
        onEvent: (event) => eagerEvents.push(event),
      });
      const { run: captured } = await trainSmall(smallSettings(folder, { ...recipe, description: 'captured' }), {
        onEvent: (event) => capturedEvents.push(event),
      });
      expect(stepFact(eagerEvents)).toBe('operation by operation, float32');
      expect(stepFact(capturedEvents)).toBe('captured as a graph, float32');
      const [ours, theirs] = [readTrainingLog(captured.folder.files.log), readTrainingLog(eager.folder.files.log)];
      ours.forEach((row, index) => {
        expect(row.train_loss).toBeCloseTo(theirs[index]?.train_loss ?? NaN, 4);
        expect(row.val_loss).toBeCloseTo(theirs[index]?.val_loss ?? NaN, 4);
      });
    });
  });

  it('computes its products in bfloat16 when asked to, and says what that gains here', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const events: TrainingEvent[] = [];
      const { run: low } = await trainSmall(smallSettings(folder, { epochs: '2', amp: 'true' }), {
        onEvent: (event) => events.push(event),
      });
      const { run: full } = await trainSmall(smallSettings(folder, { epochs: '2' }));
      expect(stepFact(events)).toMatch(/matrix products in bfloat16: here \d+\.\d times as fast as in float32/);
      const [ours, theirs] = [readTrainingLog(low.folder.files.log), readTrainingLog(full.folder.files.log)];
      expect(ours[1]?.train_loss).not.toBe(theirs[1]?.train_loss);
      expect(ours[1]?.train_loss).toBeCloseTo(theirs[1]?.train_loss ?? NaN, 1);
    });
  });

  it('divides its batches among devices when asked to, and where there are none says that it does not', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const logOf = async (typed: Record<string, string>, sharingDevices: string[]): Promise<[string | undefined, TrainingLogRow[]]> => {
        const events: TrainingEvent[] = [];
        const settings = smallSettings(folder, { epochs: '2', dropout: '0', ...typed });
        const { run } = await trainSmall(settings, { sharingDevices, onEvent: (event) => events.push(event) });
        return [stepFact(events), readTrainingLog(run.folder.files.log)];
      };
      const halves = ['/device:CPU:0', '/device:CPU:0'];
      const [plainStep, plain] = await logOf({}, halves);
      const [aloneStep, alone] = await logOf({ enable_parallel: 'true' }, []);
      const [dividedStep, divided] = await logOf({ enable_parallel: 'true' }, halves);
      expect(plainStep).toBe('captured as a graph, float32');
      expect(aloneStep).toMatch(/fewer than two GPUs are in use, so each batch stays whole$/);
      expect(dividedStep).toMatch(/each batch divided among 2 devices/);
      expect(alone).toEqual(plain);
      expect(divided).not.toEqual(plain); // The sums are taken in another order: the last digits differ, nothing more.
      divided.forEach((row, index) => {
        expect(row.train_loss).toBeCloseTo(plain[index]?.train_loss ?? NaN, 5);
        expect(row.val_loss).toBeCloseTo(plain[index]?.val_loss ?? NaN, 5);
      });
    });
  });

  it('divides by the class weights of the whole batch where that is divided', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const lossOf = async (enable_parallel: string): Promise<number | undefined> => {
        const typed = { epochs: '1', dropout: '0', class_weights: 'balanced', loss: 'label_smoothing', enable_parallel };
        const { run } = await trainSmall(smallSettings(folder, typed), { sharingDevices: ['/device:CPU:0', '/device:CPU:0'] });
        return readTrainingLog(run.folder.files.log)[0]?.train_loss;
      };
      const whole = await lossOf('false');
      expect(await lossOf('true')).toBeCloseTo(whole ?? NaN, 5);
    });
  });

  it('goes on eagerly from a captured run, and the other way', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const { run } = await trainSmall(smallSettings(folder, { epochs: '1' }));
      await resumeSmall(run.folder.files.last, { epochs: '2', compile_model: 'false' });
      const { run: again } = await resumeSmall(run.folder.files.last, { epochs: '3', compile_model: 'true' });
      expect(readFileSync(again.folder.files.log, 'utf8').trim().split('\n')).toHaveLength(4);
    });
  });
});
