import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { startRuntime } from '../../src/engine/runtime';
import { tf } from '../../src/engine/tensorflow';
import { adamW, sgd, train, UserError, type Optimizer, type TrainingEvent, type TrainOptions } from '../../src/index';
import { inTemporaryFolder } from '../support/clip-files';
import { writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

afterEach(() => {
  jest.restoreAllMocks();
});

/** A SignTransformer that learns an epoch in a moment. */
const SMALL = { emb_dim: 16, num_heads: 2, num_layers: 1, max_len: 16, batch_size: 4, num_buckets: 2, lr: 1e-3 } as const;

function optionsIn(folder: string): typeof SMALL & { data: string; save_dir: string; epochs: number } {
  return { ...SMALL, data: writeSmallData(folder, { train: 20, val: 8 }), save_dir: path.join(folder, 'models'), epochs: 2 };
}

describe('train()', () => {
  it('trains, evaluates and says what came of it as data; nothing is printed', async () => {
    await inTemporaryFolder(async (folder) => {
      const printed = [jest.spyOn(process.stdout, 'write'), jest.spyOn(process.stderr, 'write')];
      const events: TrainingEvent[] = [];
      const result = await train(optionsIn(folder), { onEvent: (event) => events.push(event) });
      for (const stream of printed) expect(stream).not.toHaveBeenCalled();
      expect(tf.memory().numTensors).toBe(0);
      expect(result).toMatchObject({
        end: 'finished',
        completedEpochs: 2,
        epochs: 2,
        evaluation: { gloss: { metrics: { accuracy: result.best.glossAccuracy } } },
      });
      expect(result.log.map(({ epoch }) => epoch)).toEqual([1, 2]);
      expect(result.best.row).toBe(result.log[result.best.epoch - 1]);
      expect(existsSync(result.exampleClip.path ?? '')).toBe(true);
      expect(readdirSync(result.folder)).toEqual(expect.arrayContaining(['SignTransformer_best.pt', 'config.json', 'evaluation_results']));
      const kinds = [...new Set(events.map(({ kind }) => kind))];
      expect(kinds.filter((kind) => kind !== 'note')).toEqual([
        ...['clips-read', 'start', 'epoch-start', 'step', 'epoch-end', 'evaluation-start', 'end'],
      ]);
      expect(events.at(-1)).toEqual({ kind: 'end', result });
    });
  });

  it('stops where its signal is aborted, and goes on from there to what an unbroken training gives', async () => {
    await inTemporaryFolder(async (folder) => {
      const options = optionsIn(folder);
      const whole = await train({ ...options, description: 'whole' });
      const controller = new AbortController();
      let steps = 0;
      const stopped = await train(
        { ...options, description: 'parts' },
        {
          signal: controller.signal,
          onEvent: ({ kind }) => {
            if (kind === 'step' && ++steps === 3) controller.abort();
          },
        },
      );
      expect(stopped).toMatchObject({ end: 'interrupted', completedEpochs: 0, evaluation: undefined });
      const resumed = await train({ resume: stopped.folder });
      expect(resumed).toMatchObject({ end: 'finished', folder: stopped.folder });
      expect(readFileSync(resumed.files.log, 'utf8')).toBe(readFileSync(whole.files.log, 'utf8'));
      const newest = await train({ resume: 'newest', save_dir: options.save_dir, epochs: 3 });
      expect(newest).toMatchObject({ end: 'finished', folder: stopped.folder, completedEpochs: 3 });
    });
  });

  it('takes an optimiser as an object, which is saved and gone on with as the one by name', async () => {
    await inTemporaryFolder(async (folder) => {
      const options = optionsIn(folder);
      const named = await train({
        ...options,
        ...{ description: 'named', optimizer: 'adamw', adam_beta1: 0.8, adam_beta2: 0.99, eps: 1e-7, weight_decay: 0.05 },
      });
      const object = await train({
        ...options,
        ...{ description: 'object', epochs: 1, optimizer: adamW({ betas: [0.8, 0.99], eps: 1e-7, weightDecay: 0.05 }) },
      });
      expect(object.record.settings).toMatchObject({
        optimizer: 'adamw',
        adam_beta1: 0.8,
        adam_beta2: 0.99,
        eps: 1e-7,
        weight_decay: 0.05,
      });
      const resumed = await train({ resume: object.folder, epochs: 2 });
      expect(readFileSync(resumed.files.log, 'utf8')).toBe(readFileSync(named.files.log, 'utf8'));
    });
  });

  it.each<[string, TrainOptions, RegExp]>([
    [
      'a setting that its object says too',
      { optimizer: sgd({ momentum: 0.9 }), momentum: 0.5 },
      /^train\(\): momentum: .* says it already/,
    ],
    [
      'an object that no checkpoint could name',
      { optimizer: { ...sgd(), form: { ...sgd().form, className: 'Lion' } } satisfies Optimizer },
      /^train\(\): optimizer: expected what adam, adamW or sgd gives, found an optimizer Lion/,
    ],
  ])('refuses %s', async (_what, options, message) => {
    await expect(train(options)).rejects.toThrow(message);
    await expect(train(options)).rejects.toThrow(UserError);
  });

  it('lists all that is wrong with its settings by their keys, before anything is made', async () => {
    await inTemporaryFolder(async (folder) => {
      const options = optionsIn(folder);
      const wrong = train({ ...options, batch_size: 0, lr: -1 }).then(
        () => undefined,
        (error: unknown) => error,
      );
      const error = await wrong;
      expect(error).toBeInstanceOf(UserError);
      expect(String(error).split('\n')).toEqual([
        expect.stringMatching(/train\(\): batch_size: expected a whole number from 1 to 65536, found 0$/),
        expect.stringMatching(/^train\(\): lr: expected a number above 0, found -1$/),
      ]);
      expect(existsSync(options.save_dir)).toBe(false);
      await expect(train({ ...options, model: 'transfomer' })).rejects.toThrow(
        /train\(\): model: expected transformer or iv3_gru, found "transfomer"; did you mean transformer\?/,
      );
    });
  });
});
