import { readFileSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readTrainingCheckpoint, readWeights } from '../../src/checkpoint/training-checkpoint';
import { Entry } from '../../src/engine/captured/entry';
import { optimizerForms } from '../../src/engine/optimizers/table';
import { startRuntime } from '../../src/engine/runtime';
import { elementAt, required } from '../../src/foundation/required';
import { optimizerParameters } from '../../src/models/model';
import type { TrainingEvent } from '../../src/training/events';
import type { TrainingRun } from '../../src/training/run';
import { inTemporaryFolder } from '../support/clip-files';
import { resumeSmall, smallSettings, trainSmall, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

afterEach(() => {
  jest.restoreAllMocks();
});

function weightsOf(run: TrainingRun): number[] {
  return [...readWeights(run.folder.files.last).model.values()].flatMap(({ values }) => [...values]);
}

/** What each run has learnt of how much both losses count. */
function lossWeightsOf({ learner: { model }, folder: { files } }: TrainingRun): number[] {
  const { lossWeighting } = readTrainingCheckpoint(files.last, optimizerParameters(model)[0], optimizerForms);
  return [...required(lossWeighting, 'the weighting').values()].flatMap(({ values }) => [...values]);
}

/** The largest difference between the weights of two runs. */
function distance(one: TrainingRun, other: TrainingRun): number {
  const others = weightsOf(other);
  return weightsOf(one).reduce((most, value, place) => Math.max(most, Math.abs(value - elementAt(others, place))), 0);
}

/** How far apart the same sums are in another order of their terms, after the few updates of these trainings. */
const ROUNDING = 2e-4;

const settings = { dropout: '0.3', epochs: '1', num_buckets: '1', scheduler: 'one_cycle', optimizer: 'sgd', lr: '0.05', momentum: '0.9' };
const recipes: Record<string, string>[] = [
  { class_weights: 'balanced', accumulation_steps: '2', grad_clip: '0.5', ema: 'true' },
  { compile_model: 'false', accumulation_steps: '2' },
];

const runEntry: unknown = Reflect.get(Entry.prototype, 'runLater');

/** Refuses TensorFlow the memory of some graph runs, by their number from 1, as its allocator does. @param node what the run was at. */
function refuseMemory(runs: readonly number[], node = 'step/MatMul'): void {
  let count = 0;
  jest.spyOn(Entry.prototype, 'runLater').mockImplementation(async function (this: Entry, arrays) {
    if (!runs.includes(++count)) return await Reflect.apply(runEntry as Entry['runLater'], this, [arrays]);
    throw new Error(
      `Session fail to run with error: OOM when allocating tensor with shape[4,12,16] and type float\n\t [[{{node ${node}}}]]`,
    );
  });
}

function warningsInto(list: string[]): (event: TrainingEvent) => void {
  return (event) => {
    if (event.kind === 'warning' && event.text.includes('memory')) list.push(event.text);
  };
}

describe('a batch that is computed in parts', () => {
  it.each(recipes)('trains as a whole one does, but for rounding: %j', async (recipe) => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const { run: whole } = await trainSmall(smallSettings(folder, { ...settings, ...recipe }));
      const { run: parts } = await trainSmall(smallSettings(folder, { ...settings, ...recipe, micro_batch_size: '3' }));
      expect(distance(whole, parts)).toBeLessThan(ROUNDING);
      expect(distance(whole, parts)).toBeGreaterThan(0);
      expect(parts.folder.rows.at(-1)?.val_loss).toBeCloseTo(required(whole.folder.rows.at(-1), 'a row').val_loss, 4);
    });
  });

  it.each(['uncertainty', 'gradnorm'])(
    'does so with mixed clips, a teacher, class weights and learnt weights of the losses: %s',
    async (kind) => {
      await inTemporaryFolder(async (folder) => {
        writeSmallData(folder);
        const plain = { ...settings, scheduler: 'none', lr: '0.02', momentum: '0', compile_model: 'false' };
        const { run: teacher } = await trainSmall(smallSettings(folder, { ...plain, seed: '7' }));
        const mixed = { augment_mixup: '0.5', augment_cutmix: '0.5', class_weights: 'balanced', teacher: teacher.folder.files.last };
        const recipe = { ...plain, ...mixed, loss_weighting: kind };
        const { run: whole } = await trainSmall(smallSettings(folder, recipe));
        const { run: parts } = await trainSmall(smallSettings(folder, { ...recipe, micro_batch_size: '3' }));
        expect(distance(whole, parts)).toBeLessThan(1e-5);
        expect(distance(whole, parts)).toBeGreaterThan(0);
        lossWeightsOf(parts).forEach((weight, place) => {
          expect(weight).toBeCloseTo(elementAt(lossWeightsOf(whole), place), 5);
        });
      });
    },
  );

  it('is no larger than the batch', () => {
    expect(() => smallSettings('none', { batch_size: '4', micro_batch_size: '5' })).toThrow(
      '--micro-batch-size: expected at most the batch size, 4, found 5',
    );
  });
});

describe('a training whose memory is refused', () => {
  it.each<[string, Record<string, string>, number[]]>([
    ['in the middle, and in the validation', {}, [3, 11]],
    ['at the second batch of an update', { accumulation_steps: '2', class_weights: 'balanced' }, [5]],
  ])('goes on in smaller parts from the last update: %s', async (_, recipe, refused) => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const { run: whole } = await trainSmall(smallSettings(folder, { ...settings, ...recipe }));
      refuseMemory(refused);
      const warnings: string[] = [];
      const { run, end } = await trainSmall(smallSettings(folder, { ...settings, ...recipe }), { onEvent: warningsInto(warnings) });
      expect(end).toBe('finished');
      expect(warnings).toHaveLength(refused.length);
      expect(warnings[0]).toMatch(
        /^the memory did not suffice for 4 clips at once in epoch 1 \(OOM when allocating tensor with shape\[4,12,16\]\): it goes on from batch 2 of epoch 1 with 2 at once; batches stay 4 clips/,
      );
      expect(distance(whole, run)).toBeLessThan(ROUNDING);
      expect(run.folder.rows.map(({ epoch }) => epoch)).toEqual([1]);
      expect(run.learner.progress.step).toBe(whole.learner.progress.step);
      const left = { batch_size: 4, micro_batch_size: refused.length === 1 ? 2 : 1 };
      expect(JSON.parse(readFileSync(run.folder.files.config, 'utf8'))).toMatchObject(left);
      expect(readWeights(run.folder.files.last).args).toMatchObject(left);
      expect(readFileSync(run.folder.files.metrics, 'utf8')).toContain('{"event":"out of memory"');
    });
  });

  it('goes on from the last saved state where it is not sure that no weight was changed', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const { run: whole } = await trainSmall(smallSettings(folder, settings));
      refuseMemory([4], 'updated/embedding.weight');
      const warnings: string[] = [];
      const { run } = await trainSmall(smallSettings(folder, settings), { onEvent: warningsInto(warnings) });
      expect(warnings[0]).toContain('it goes on from epoch 0 with 2 at once');
      expect(distance(whole, run)).toBeLessThan(ROUNDING);
    });
  });

  it('goes on in those parts, bit for bit, when it is resumed, unless it is asked for others', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const recipe = { ...settings, dropout: '0.3', scheduler: 'none', epochs: '2' };
      refuseMemory([3]);
      const { run: unbroken } = await trainSmall(smallSettings(folder, recipe));
      jest.restoreAllMocks();
      refuseMemory([3]);
      const controller = new AbortController();
      let steps = 0;
      const onEvent = ({ kind }: TrainingEvent): void => {
        if (kind === 'step' && ++steps === 4) controller.abort();
      };
      const { run: first } = await trainSmall(smallSettings(folder, recipe), { signal: controller.signal, onEvent });
      jest.restoreAllMocks();
      const { run: second } = await resumeSmall(first.folder.files.last);
      expect(weightsOf(second)).toEqual(weightsOf(unbroken));
      const { run: third } = await resumeSmall(second.folder.files.last, { epochs: '3', micro_batch_size: '4' });
      expect(third.learner.microBatchSize).toBe(4);
    });
  });

  it('ends in a line where one clip is too much', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      refuseMemory([1, 2, 3]);
      await expect(trainSmall(smallSettings(folder, settings))).rejects.toThrow(
        /^the memory did not suffice for 1 clip at once in epoch 1 \(OOM .*\): give a smaller model/,
      );
    });
  });
});
