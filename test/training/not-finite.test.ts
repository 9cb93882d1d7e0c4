import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readTrainingCheckpoint } from '../../src/checkpoint/training-checkpoint';
import { optimizerForms } from '../../src/engine/optimizers/table';
import type { StepResult } from '../../src/engine/program';
import { startRuntime } from '../../src/engine/runtime';
import { MetricsLog } from '../../src/folder/training-log';
import { UserError } from '../../src/foundation/errors';
import { optimizerParameters } from '../../src/models/model';
import { followTraining, type FollowedEvent } from '../../src/training/follow-training';
import { prepareRun } from '../../src/training/prepare-run';
import { NotFinite } from '../../src/training/not-finite';
import { readResumePoint } from '../../src/training/resume';
import { closeRun, type TrainingRun } from '../../src/training/run';
import { trainEpochs } from '../../src/training/training-loop';
import { inTemporaryFolder } from '../support/clip-files';
import { slotOf } from '../support/optimizer-slots';
import { quietContext, resumeSmall, smallSettings, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

/** Prepares a small run, does something with it, and closes it. */
async function withRun(typed: Readonly<Record<string, string>>, use: (run: TrainingRun, folder: string) => Promise<void>): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    writeSmallData(folder);
    const run = await prepareRun(smallSettings(folder, typed), undefined, quietContext());
    try {
      await use(run, folder);
    } finally {
      await closeRun(run);
    }
  });
}

/** What a training stops with. */
async function stopOf(run: TrainingRun): Promise<string> {
  const stop = await trainEpochs(run, new AbortController().signal).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(stop instanceof UserError)) throw new Error('the training did not stop', { cause: stop });
  expect(stop.message).not.toContain('\n');
  return stop.message;
}

function expectFinite(file: string, run: TrainingRun): void {
  const { model, optimizer } = readTrainingCheckpoint(file, optimizerParameters(run.learner.model)[0], optimizerForms);
  const values = [...[...model.values()].map((tensor) => tensor.values), ...(optimizer?.slots.get('exp_avg')?.values() ?? [])];
  expect(values.every((some) => some.every(Number.isFinite))).toBe(true);
}

const ONE_BATCH = { batch_size: '32', num_buckets: '1' };

describe('a training that diverges', () => {
  it.each([
    ['captured', {}],
    ['eager', { compile_model: 'false' }],
    ['accumulating', { accumulation_steps: '2' }],
    ['clipped, in bfloat16', { grad_clip: '1', amp: 'force' }],
  ])('stops at the step, and leaves the state from before it: %s', async (_, typed) => {
    await withRun({ lr: '1e30', epochs: '8', ...typed }, async (run) => {
      const message = await stopOf(run);
      expect(message).toMatch(
        /^the (loss|norm of the gradient) became (NaN|-?Infinity) in epoch 1, batch \d of 6 \(learning rate 1e\+30\)/,
      );
      expect(message).toContain(`nothing of that was saved: ${run.folder.files.last} holds the state before the first epoch.`);
      expect(message).toMatch(/\(learning rate 1e\+30\), at step \d with the clips train_\d+, train_\d+, train_\d+, train_\d+; nothing/);
      expect(message).toContain('Start a new training with a lower --lr');
      expect(message.includes('--grad-clip 1')).toBe(!('grad_clip' in typed));
      expect(readdirSync(run.folder.files.folder).sort()).toEqual(['SignTransformer_last.pt', 'config.json']);
      expectFinite(run.folder.files.last, run);
    });
  });

  it('stops where the gradient alone is not finite, and where the loss became infinite, each for what it is', async () => {
    const stops = async (result: Partial<StepResult>): Promise<string> => {
      let message = '';
      await withRun({ ...ONE_BATCH, epochs: '1' }, async (run) => {
        const { program } = run.learner;
        // As if the numbers had come so from the graph, which then changes nothing.
        program.trainStepLater = () => Promise.resolve({ loss: 1, outputs: {}, gradientNorm: 1, finite: false, ...result });
        message = await stopOf(run);
        expect(readdirSync(run.folder.files.folder).sort()).toEqual(['SignTransformer_last.pt', 'config.json']);
      });
      return message;
    };
    const place = 'in epoch 1, batch 1 of 1 (learning rate 0.001), at step 1 with the clips train_';
    expect(await stops({ gradientNorm: NaN })).toContain(`the norm of the gradient became NaN ${place}`);
    expect(await stops({ loss: Infinity })).toContain(`the loss became Infinity ${place}`);
  });

  it('calls no epoch the best whose validation gives no numbers', async () => {
    await withRun({ lr: '1e30', ...ONE_BATCH }, async (run) => {
      expect(await stopOf(run)).toMatch(
        /^in the validation after epoch 1 the model gave values that are not finite \(NaN or infinite\) for 7 of 7 clips, the first val_0 \(learning rate 1e\+30\)/,
      );
      expect(readdirSync(run.folder.files.folder).sort()).toEqual(['SignTransformer_last.pt', 'config.json']);
      expectFinite(run.folder.files.last, run);
    });
  });

  it('can be resumed from what it left before its first step, as if it had never been stopped', async () => {
    await withRun({ epochs: '1' }, async (run, folder) => {
      const initial = path.join(folder, 'initial.pt');
      run.folder.saveLast(run.learner);
      copyFileSync(run.folder.files.last, initial);
      expect(readResumePoint(initial).checkpoint).toMatchObject({ epoch: 0, bestMetric: -Infinity, optimizer: { step: 0 } });
      await trainEpochs(run, new AbortController().signal);
      const { run: resumed } = await resumeSmall(initial);
      expect(readFileSync(resumed.folder.files.log, 'utf8')).toBe(readFileSync(run.folder.files.log, 'utf8'));
      expect(readdirSync(resumed.folder.files.folder)).toEqual(readdirSync(run.folder.files.folder));
    });
  });
});

describe('a training that recovers', () => {
  it('goes back to its last saved state, halves the learning rate and comes to its end', async () => {
    const warnings: string[] = [];
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const context = quietContext((event) => {
        if (event.kind === 'warning' && event.text.includes('back to')) warnings.push(event.text);
      });
      const run = await prepareRun(
        smallSettings(folder, { recover: 'true', epochs: '3', scheduler: 'none', ema: 'true' }),
        undefined,
        context,
      );
      const { learner } = run;
      const step = learner.step.bind(learner);
      let batches = 0;
      // As if one batch of the second epoch, and one of the repeated one, gave no number.
      learner.step = (...given) => {
        batches++;
        if (batches === 8 || batches === 10) throw new NotFinite('the loss became NaN');
        return step(...given);
      };
      expect(await trainEpochs(run, new AbortController().signal)).toBe('finished');
      await closeRun(run);
      expect(warnings.map((text) => text.replace(/^[^:]*: /, ''))).toEqual([
        'back to the state after epoch 1, from where it goes on with half the learning rate, 0.0005 (1 of 3)',
        'back to the state after epoch 1, from where it goes on with half the learning rate, 0.00025 (2 of 3)',
      ]);
      const rates = readFileSync(run.folder.files.log, 'utf8')
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.split(','));
      expect(rates.map(([epoch, , , , , lr]) => [epoch, lr])).toEqual([
        ['1', '0.001'],
        ['2', '0.00025'],
        ['3', '0.00025'],
      ]);
      expect(readResumePoint(run.folder.files.last).checkpoint).toMatchObject({ optimizer: { learningRate: 0.00025, step: 18 } });

      const logged = readFileSync(run.folder.files.metrics, 'utf8').trim().split('\n');
      const lines = logged.map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(lines.map(({ epoch, event }) => epoch ?? event)).toEqual([1, 'recovered', 'recovered', 2, 3]);
      expect(lines[1]).toEqual({
        event: 'recovered',
        after_epoch: 1,
        after_batch: 0,
        time: new Date(2026, 8, 20, 12).toISOString(),
        text: warnings[0],
      });
      const followed: FollowedEvent[] = [];
      await followTraining(run.folder.files.folder, { onEvent: (event) => followed.push(event) });
      expect(followed.map((event) => (event.kind === 'warning' ? event.text : event.kind))).toEqual([
        'found',
        'epoch-end',
        ...warnings,
        'epoch-end',
        'epoch-end',
      ]);
      // Those of a state that is not gone on from are dropped, as its epochs are.
      for (const [epochs, left] of [
        [1, 3],
        [0, 0],
      ] as const) {
        new MetricsLog(run.folder.files.metrics, epochs);
        expect(readFileSync(run.folder.files.metrics, 'utf8').split('\n')).toHaveLength(left + 1);
      }
    });
  });

  it('gives up after three times', async () => {
    await withRun({ lr: '1e30', recover: 'true' }, async (run) => {
      expect(await stopOf(run)).toMatch(/learning rate 1\.25e\+29\)/);
    });
  });
});

describe('saving', () => {
  it.each([
    ['a weight', /^gloss_head\.0\.bias \(1 of 8 values\) was no longer finite/, 'weight'],
    ["one of Adam's averages", /^Adam's average of gloss_head\.0\.bias \(1 of 8 values\) was no longer finite/, 'average'],
  ] as const)('refuses %s that is not finite, and leaves the files as they were', async (_, message, which) => {
    await withRun({ epochs: '1' }, async (run) => {
      await trainEpochs(run, new AbortController().signal);
      const before = readFileSync(run.folder.files.last);
      const parameters = run.learner.program.readParameters();
      const adam = run.learner.program.readOptimizer();
      const spoilt = (which === 'weight' ? parameters : slotOf(adam, 'exp_avg')).get('gloss_head.0.bias');
      if (spoilt === undefined) throw new Error('the model has no such bias');
      spoilt[3] = NaN;
      run.learner.program.writeParameters(parameters);
      run.learner.program.writeOptimizer(adam);
      expect(() => {
        run.folder.saveBest(run.learner);
      }).toThrow(message);
      expect(() => {
        run.folder.saveLast(run.learner);
      }).toThrow(message);
      expect(() => {
        run.folder.saveLast(run.learner);
      }).toThrow('_last.pt holds the state after epoch 1.');
      expect(readFileSync(run.folder.files.last).equals(before)).toBe(true);
      expect(existsSync(`${run.folder.files.last}.tmp`)).toBe(false);
    });
  });
});
