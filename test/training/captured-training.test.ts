import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readWeights } from '../../src/checkpoint/training-checkpoint';
import { startFacts } from '../../src/cli/training-summary';
import type { Settings } from '../../src/config/model-settings';
import { productKinds } from '../../src/engine/precision';
import { startRuntime } from '../../src/engine/runtime';
import { readTrainingLog, type TrainingLogRow } from '../../src/folder/training-log';
import type { TrainingEvent } from '../../src/training/events';
import type { TrainingRun } from '../../src/training/run';
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

  it('computes its products in bfloat16 when asked to insist', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const events: TrainingEvent[] = [];
      const { run: low } = await trainSmall(smallSettings(folder, { epochs: '2', amp: 'force' }), {
        onEvent: (event) => events.push(event),
      });
      const { run: full } = await trainSmall(smallSettings(folder, { epochs: '2' }));
      expect(stepFact(events)).toBe('captured as a graph, matrix products in bfloat16, as --amp force insists');
      const [ours, theirs] = [readTrainingLog(low.folder.files.log), readTrainingLog(full.folder.files.log)];
      expect(ours[1]?.train_loss).not.toBe(theirs[1]?.train_loss);
      expect(ours[1]?.train_loss).toBeCloseTo(theirs[1]?.train_loss ?? NaN, 1);
    });
  });

  const wins = { large: 2, small: 1.5, batched: 2 };
  const loses = { large: 0.5, small: 0.5, batched: 0.5 };

  it('computes them in bfloat16 where that was measured to win, else in float32, and keeps both what was asked for and what is used', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder, { train: 4, val: 4 });
      const trained = async (typed: Record<string, string>, gains = wins): Promise<[string[], TrainingRun]> => {
        const { run } = await trainSmall(smallSettings(folder, { epochs: '1', num_buckets: '1', ...typed }), {
          bfloat16Gains: () => gains,
        });
        return [readFileSync(run.folder.files.log, 'utf8').split('\n'), run];
      };
      const [full] = await trained({});
      const [forced] = await trained({ amp: 'force' });
      const [won, winner] = await trained({ amp: 'true' });
      const [lost, loser] = await trained({ amp: 'true' }, loses);
      const [deterministic, even] = await trained({ amp: 'true', deterministic: 'true' });
      expect([won, lost, deterministic]).toEqual([forced, full, full]);
      expect(won).not.toEqual(full);
      const kept = [winner, loser, even].map(({ folder: { record, files } }) => [
        record.settings['amp'],
        record.run.amp,
        readWeights(files.last).config?.['bfloat16_products'],
      ]);
      const asked = { asked: true, bfloat16_products: [] };
      expect(kept).toEqual([
        [true, { ...asked, bfloat16_products: productKinds, because: 'measured', bfloat16_gains: wins }, productKinds],
        [true, { ...asked, because: 'measured', bfloat16_gains: loses }, []],
        [true, { ...asked, because: 'deterministic' }, []],
      ]);
    });
  });

  it('goes on in what it was trained in, bit for bit, and says where another machine would have chosen otherwise', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder, { train: 4, val: 4 });
      const settings = (epochs: string): Settings => smallSettings(folder, { epochs, num_buckets: '1', amp: 'true' });
      const { run: whole } = await trainSmall(settings('2'), { bfloat16Gains: () => wins });
      const { run: begun } = await trainSmall(settings('1'), { bfloat16Gains: () => wins });
      const notes: string[] = [];
      const { run: resumed } = await resumeSmall(
        begun.folder.files.last,
        { epochs: '2' },
        {
          bfloat16Gains: () => loses,
          onEvent: (event) => event.kind === 'note' && notes.push(event.text),
        },
      );
      expect([...readWeights(resumed.folder.files.last).model]).toEqual([...readWeights(whole.folder.files.last).model]);
      expect(notes).toEqual([
        'amp: matrix products in bfloat16, as the run was trained so far; begun on this machine it would be another: in bfloat16 large products run 0.5 times as fast, small ones 0.5, batched ones 0.5',
      ]);
      await expect(resumeSmall(begun.folder.files.last, { epochs: '3', amp: 'force' })).rejects.toThrow(
        '--amp: a resumed run keeps true, found force',
      );
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
