import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readTrainingCheckpoint, type TrainingCheckpoint } from '../../src/checkpoint/training-checkpoint';
import { resolveSettings } from '../../src/config/resolve';
import { understoodSettings } from '../../src/config/understood-settings';
import { convert } from '../../src/conversion/convert';
import { inspectCheckpoint } from '../../src/conversion/inspect';
import { optimizerForms } from '../../src/engine/optimizers/table';
import { startRuntime } from '../../src/engine/runtime';
import { UserError } from '../../src/foundation/errors';
import { elementAt, required } from '../../src/foundation/required';
import { defineModel } from '../../src/models/define-model';
import { optimizerParameters } from '../../src/models/model';
import { ownModels } from '../../src/models/model-table';
import { signTransformer } from '../../src/models/transformer/sign-transformer';
import type { EpochDone } from '../../src/training/events';
import { NotFinite } from '../../src/training/not-finite';
import { lossWeightingFor, restoredWeighting } from '../../src/training/loss-weighting';
import { prepareRun } from '../../src/training/prepare-run';
import { recover } from '../../src/training/recovery';
import { closeRun, type TrainingRun } from '../../src/training/run';
import { trainEpochs } from '../../src/training/training-loop';
import { inTemporaryFolder } from '../support/clip-files';
import { quietContext, resumeSmall, smallSettings, trainSmall, writeSmallData } from '../support/small-training';
import { tinyArchitecture } from '../support/tiny-transformer';

beforeAll(async () => {
  await startRuntime();
});

function checkpointOf({ folder, learner }: TrainingRun, file = folder.files.last): TrainingCheckpoint {
  return readTrainingCheckpoint(file, optimizerParameters(learner.model)[0], optimizerForms);
}

function weightingIn(run: TrainingRun, name: string): Float32Array {
  return required(checkpointOf(run).lossWeighting?.get(name), name).values;
}

/** The weights in the last row of a run's metrics. */
function loggedWeights({ folder }: TrainingRun): [alpha: number, beta: number] {
  const rows = readFileSync(folder.files.metrics, 'utf8').trim().split('\n');
  const { alpha, beta } = JSON.parse(required(rows.at(-1), 'a row')) as { readonly alpha: number; readonly beta: number };
  return [alpha, beta];
}

function expectClose(found: readonly number[], expected: readonly number[]): void {
  found.forEach((value, place) => {
    expect(value).toBeCloseTo(elementAt(expected, place), 5);
  });
}

describe('a training that learns the uncertainty of both heads', () => {
  it('has it in the checkpoint and among what the optimiser trains, never in the model, and tells the weights', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const epochs: EpochDone[] = [];
      const typed = { loss_weighting: 'uncertainty', lr: '1e-2', epochs: '1', ema: 'true', weight_decay: '0.1', scheduler: 'none' };
      const { run } = await trainSmall(smallSettings(folder, typed), {
        onEvent: (event) => {
          if (event.kind === 'epoch-end') epochs.push(event);
        },
      });
      const { model, average, optimizer, lossWeighting } = checkpointOf(run);
      const names = run.learner.model.parameters.map(({ name }) => name);
      expect([...model.keys()]).toEqual(names);
      expect([...required(average, 'the average').keys()]).toEqual(names);
      expect(required(lossWeighting, 'the weighting').get('log_variances')?.shape).toEqual([2]);
      const [ofModel, ofTraining, ...others] = required(optimizer?.groups, 'groups');
      expect(others).toEqual([]);
      expect(ofModel?.hyperparameters['weight_decay']).toBe(0.1);
      expect(ofTraining).toMatchObject({
        ...{ parameterNames: ['loss_weighting.log_variances'], learningRate: 0.01, hyperparameters: { weight_decay: 0 } },
      });

      const weights = [...weightingIn(run, 'log_variances')].map((logVariance) => Math.exp(-logVariance));
      expect(weights.some((weight) => Math.abs(weight - 1) > 1e-2)).toBe(true);
      expectClose(loggedWeights(run), weights);
      const { lossWeights, trainLoss, valLoss } = elementAt(epochs, 0);
      expectClose([required(lossWeights, 'weights').alpha, required(lossWeights, 'weights').beta], weights);
      expect(trainLoss / valLoss).toBeGreaterThan(0.7); // Both are weighted with alpha and beta; what is trained on is twice as large.
      expect(trainLoss / valLoss).toBeLessThan(1.5);

      const copy = `${folder}/copy.pt`;
      await convert.export({ model: run.folder.files.last, format: 'torch', out: copy });
      expect(checkpointOf(run, copy).lossWeighting).toEqual(lossWeighting);
      expect(inspectCheckpoint(run.folder.files.last, {}, {}).optimizer).toMatchObject({ groups: 2, otherwise: undefined });
    });
  });

  it('learns the same where each batch is divided among devices', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const learnt = async (enable_parallel: string): Promise<number[]> => {
        const typed = { loss_weighting: 'uncertainty', dropout: '0', epochs: '1', lr: '1e-2', enable_parallel };
        const { run } = await trainSmall(smallSettings(folder, typed), { sharingDevices: ['/device:CPU:0', '/device:CPU:0'] });
        return [...weightingIn(run, 'log_variances')];
      };
      expectClose(await learnt('true'), await learnt('false'));
    });
  });
});

describe('a training with GradNorm', () => {
  it('moves the weights, keeps their sum, and has them in the checkpoint with the losses of its first update', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const typed = { loss_weighting: 'gradnorm', alpha: '0.8', beta: '0.4', epochs: '1' };
      const { run } = await trainSmall(smallSettings(folder, typed));
      const [alpha, beta] = weightingIn(run, 'weights');
      expect(Math.abs(Number(alpha) - 0.8)).toBeGreaterThan(1e-3);
      expect(Number(alpha) + Number(beta)).toBeCloseTo(1.2, 5);
      expectClose(loggedWeights(run), [Number(alpha), Number(beta)]);
      const initial = weightingIn(run, 'initial_losses');
      expect(initial.every((loss) => loss > 0.3 && loss < 3)).toBe(true);
      const { run: longer } = await resumeSmall(run.folder.files.last, { epochs: '2' });
      expect(weightingIn(longer, 'initial_losses')).toEqual(initial);
    });
  });

  it.each(['uncertainty', 'gradnorm'])('or with %s goes back to the weights that were saved, and to their average', async (kind) => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const typed = { loss_weighting: kind, recover: 'true', epochs: '1', accumulation_steps: '2', ema: 'true' };
      const run = await prepareRun(smallSettings(folder, typed), undefined, quietContext());
      try {
        await trainEpochs(run, new AbortController().signal);
        const { program } = run.learner;
        const [saved, average] = [program.readParameters(), required(program.readAverage(), 'the average')];
        program.writeParameters(new Map([...saved].map(([name, values]) => [name, values.map((value) => value + 1)])));
        program.writeAverage({ updates: 99, values: saved });
        recover(run, new UserError('', { cause: new NotFinite('the loss became NaN') }), run.learner.progress);
        expect([...program.readParameters()]).toEqual([...saved]);
        expect(program.readAverage()).toEqual(average);
      } finally {
        await closeRun(run);
      }
    });
  });
});

describe('weights of the losses that are learnt are refused', () => {
  const resolve = (commandLine: Readonly<Record<string, string>>) => (): unknown => resolveSettings({ commandLine }, ownModels);

  it.each([
    [{ loss_weighting: 'gradnorm', curriculum: 'dynamic' }, /^--loss-weighting: gradnorm: expected the curriculum none, found dynamic/],
    [
      { curriculum: 'dynamic', loss_weighting: 'uncertainty', alpha: '0.7' },
      /--alpha: expected with the loss_weighting static or gradnorm/,
    ],
    [
      { loss_weighting: 'gradnorm', beta: '0' },
      /^--beta: gradnorm begins with alpha and beta and weighs both heads: expected a number above 0/,
    ],
    [{ loss_weighting: 'gradnorm', enable_parallel: 'true' }, /^--loss-weighting: gradnorm measures the gradient of a whole batch/],
    [{ gradnorm_alpha: '1' }, /^--gradnorm-alpha: expected with the loss_weighting gradnorm, found with static/],
    [
      { loss_weighting: 'uncertainty', gradnorm_lr: '1' },
      /^--gradnorm-lr: expected with the loss_weighting gradnorm, found with uncertainty/,
    ],
  ])('with what would decide them too, or has no part in them: %j', (typed, message) => {
    expect(resolve(typed)).toThrow(message);
  });

  it('by no checkpoint of another program that records them together', () => {
    const understood = (recorded: Readonly<Record<string, unknown>>): unknown =>
      understoodSettings(ownModels.get('transformer').settings, recorded, 'args').values;
    expect(understood({ loss_weighting: 'uncertainty', alpha: 0.7, gradnorm_alpha: 2 })).toEqual({ loss_weighting: 'uncertainty' });
    expect(understood({ loss_weighting: 'gradnorm', alpha: 0.7, gradnorm_alpha: 2 })).toEqual({
      ...{ loss_weighting: 'gradnorm', alpha: 0.7, gradnorm_alpha: 2 },
    });
    expect(understood({ loss_weighting: 'gradnorm', alpha: 0.7, gradnorm_alpha: 2, curriculum: 'dynamic' })).toEqual({
      ...{ alpha: 0.7, curriculum: 'dynamic' },
    });
  });

  it('by a model that does not say which layer both heads share, and one that says it wrongly is none', () => {
    const parts = { name: 'plain', settings: {}, parameters: () => [], forward: () => expect.anything() as never };
    const models = ownModels.with([defineModel(parts)]);
    expect(() => resolveSettings({ commandLine: { model: 'plain', loss_weighting: 'gradnorm' } }, models)).toThrow(
      /^--loss-weighting: the model plain does not say which layer is the last that both heads share \(lastSharedLayer\)/,
    );
    const { settings } = resolveSettings({ commandLine: { model: 'plain', loss_weighting: 'uncertainty' } }, models);
    const wrong = defineModel({ ...parts, lastSharedLayer: () => ['trunk.weight'] });
    expect(() => wrong.fromSettings(settings, { gloss: 2, category: 2 })).toThrow(
      'model plain: its lastSharedLayer names trunk.weight, which is none of its trained parameters',
    );
  });

  it('where a head has nothing to tell apart', () => {
    const { settings } = resolveSettings({ commandLine: { loss_weighting: 'gradnorm' } }, ownModels);
    expect(() => lossWeightingFor(settings, signTransformer({ ...tinyArchitecture, num_cat: 1 }))).toThrow(
      'loss_weighting: gradnorm weighs two heads that learn: expected at least two glosses and two categories, found 7 glosses and 1 category; leave it out',
    );
  });

  it('by a run that began otherwise, and by a checkpoint that lost them', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const { run } = await trainSmall(smallSettings(folder, { epochs: '1' }));
      await expect(resumeSmall(run.folder.files.last, { epochs: '2', loss_weighting: 'gradnorm' })).rejects.toThrow(
        /--loss-weighting: a resumed run keeps static, found gradnorm/,
      );
    });
    const { settings } = resolveSettings({ commandLine: { loss_weighting: 'uncertainty' } }, ownModels);
    const weighting = required(lossWeightingFor(settings, signTransformer(tinyArchitecture)), 'the weighting');
    const restore = (saved: Map<string, { shape: number[]; values: Float32Array }>) => () =>
      restoredWeighting(weighting, { saved, file: 'old.pt' });
    expect(restore(new Map())).toThrow('old.pt: loss_weighting.log_variances: expected a tensor of [2], found none');
    expect(restore(new Map([['log_variances', { shape: [1], values: new Float32Array(1) }]]))).toThrow('found one of [1]');
    expect(restoredWeighting(weighting, { saved: undefined, file: 'old.pt' }).get('loss_weighting.log_variances')).toEqual(
      new Float32Array(2),
    );
  });
});
