import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readWeights } from '../../src/checkpoint/training-checkpoint';
import { inTemporaryFolder } from '../support/clip-files';
import { checkout, kumpasProgram, sharedCommands } from '../support/commands';
import { torchFolder } from '../support/parity';
import { writeSmallData } from '../support/small-training';

const { kumpas } = sharedCommands();

/** Flags of a training that takes a second or two. */
function smallTraining(folder: string, ...more: string[]): string[] {
  const shape = ['--emb-dim', '16', '--num-heads', '2', '--num-layers', '1', '--max-len', '16', '--batch-size', '4', '--lr', '1e-3'];
  const places = ['--data', path.join(folder, 'data'), '--save-dir', path.join(folder, 'models')];
  return ['train', ...places, ...shape, '--num-buckets', '1', ...more];
}

/** Runs a training and kills it, as a power cut would, when it has told so many epochs. */
async function killedAfter(epochs: number, args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [...kumpasProgram, ...args], { cwd: checkout });
  let output = '';
  child.stdout.on('data', (text: Buffer) => {
    output += String(text);
    if ((output.match(/^epoch /gm) ?? []).length >= epochs) child.kill('SIGKILL');
  });
  const signal = await new Promise((resolve) =>
    child.on('exit', (_code, by) => {
      resolve(by);
    }),
  );
  expect(signal).toBe('SIGKILL');
}

const runFolder = (folder: string): string => path.join(folder, 'models', readdirSync(path.join(folder, 'models'))[0] ?? '');

describe('the commands, as people type them', () => {
  it('sweep refuses a grid of nothing, and halving where there is nothing to choose among', async () => {
    await inTemporaryFolder(async (folder) => {
      const out = path.join(folder, 'sweep');
      expect(await kumpas('sweep', '--grid', '--out', out)).toEqual({
        code: 1,
        output: '',
        errors: '--grid: expected settings and their values, as lr=1e-4,3e-4 dropout=0.1,0.3, found none\n',
      });
      const single = await kumpas('sweep', '--halving', '--grid', 'lr=1e-3', '--out', out);
      expect(single.errors).toMatch(/^--halving: expected several points to choose among, found one; give --grid or --random/);
      expect(existsSync(out)).toBe(false);
    });
  });

  it('train, evaluate and predict on a folder of clips', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const training = await kumpas(...smallTraining(folder, '--epochs', '2'));
      expect(training).toMatchObject({ code: 0, errors: '' });
      expect(training.output).toMatch(
        /device +CPU[^]*classes +3 glosses in 2 categories[^]*epoch 1\/2 [^]*epoch 2\/2 [^]*evaluate +npm run evaluate/,
      );
      expect(training.output).not.toContain('\u001b');
      const run = runFolder(folder);

      expect(readFileSync(path.join(run, 'README.md'), 'utf8')).toMatch(/\| accuracy \| \d+\.\d % \|[^]*evaluation_results\/report\.html/);
      const results = path.join(run, 'evaluation_results');
      const trained = readFileSync(path.join(results, 'predictions.csv'), 'utf8');
      expect(trained.trim().split('\n')).toHaveLength(1 + 7);
      rmSync(results, { recursive: true });

      const evaluation = await kumpas('evaluate', '--model-path', run, '--data', data, '--batch-size', '4', '--json');
      expect(evaluation).toMatchObject({ code: 0, errors: '' });
      const log = readFileSync(path.join(run, 'training_log.txt'), 'utf8').trim().split('\n').slice(1);
      const accuracies = log.map((line) => Number(line.split(',')[3]));
      expect(JSON.parse(evaluation.output)).toMatchObject({ data: { clips: 7 }, gloss: { accuracy: Math.max(...accuracies) } });
      expect(readFileSync(path.join(results, 'predictions.csv'), 'utf8')).toBe(trained);
      expect((await kumpas('evaluate', '--model-path', run)).output).toMatch(/accuracy +weighted F1.*\ngloss .* %/);

      const clip = path.join(data, 'keypoints_val', 'val_0.npz');
      const prediction = await kumpas('predict', '--model-path', run, '--input', clip, '--top-k', '0', '--json');
      expect(prediction).toMatchObject({ code: 0, errors: '' });
      const { predictions } = JSON.parse(prediction.output) as {
        predictions: { file: string; gloss: { id: number; label: string; probability: number }[] }[];
      };
      expect(predictions).toHaveLength(1);
      expect(predictions[0]?.file).toBe(clip);
      const probabilities = predictions[0]?.gloss.map(({ probability }) => probability) ?? [];
      expect(probabilities).toEqual(probabilities.toSorted((one, other) => other - one));
      expect(probabilities).toHaveLength(3);
      expect((await kumpas('predict', '--model-path', run, '--input', clip, '--top-k', '1')).output).toMatch(
        /gloss +gloss \d \(\d\) +\d+\.\d %\n +category/,
      );
    });
  });

  it('end with 130 at Ctrl-C, and go on from there with a bare --resume', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder, { train: 20, val: 8 });
      const child = spawn(process.execPath, [...kumpasProgram, ...smallTraining(folder, '--epochs', '100000')], { cwd: checkout });
      let output = '';
      child.stdout.on('data', (text: Buffer) => {
        if (output === '' || !output.includes('epoch ')) {
          output += String(text);
          if (output.includes('epoch ')) child.kill('SIGINT');
        } else output += String(text);
      });
      const code = await new Promise((resolve) => child.on('exit', resolve));
      expect(code).toBe(130);
      expect(output).toMatch(/Interrupted after \d+ of 100000 epochs[^]*go on +npm run train -- --resume /);
      const done = Number(/Interrupted after (\d+)/.exec(output)?.[1]);
      expect(existsSync(path.join(runFolder(folder), 'evaluation_results'))).toBe(false);
      const resumed = await kumpas('train', '--resume', '--save-dir', path.join(folder, 'models'), '--epochs', String(done + 1));
      expect(resumed).toMatchObject({ code: 0, errors: '' });
      const lines = readFileSync(path.join(runFolder(folder), 'training_log.txt'), 'utf8')
        .trim()
        .split('\n');
      expect(lines.map((line) => line.split(',')[0])).toEqual([
        'epoch',
        ...Array.from({ length: done + 1 }, (_, index) => String(index + 1)),
      ]);
      expect(readdirSync(path.join(folder, 'models'))).toHaveLength(1);
      expect(existsSync(path.join(runFolder(folder), 'evaluation_results', 'report.html'))).toBe(true);
    });
  });

  it('lose nothing to kill -9, however often', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder, { train: 20, val: 8 });
      const epochs = ['--epochs', '30'];
      expect((await kumpas(...smallTraining(folder, ...epochs, '--description', 'whole'))).code).toBe(0);
      const parts = path.join(folder, 'models', readdirSync(path.join(folder, 'models'))[0]?.replace('whole', 'parts') ?? '');
      await killedAfter(4, smallTraining(folder, ...epochs, '--description', 'parts'));
      for (const count of [1, 3, 2]) await killedAfter(count, ['train', '--resume', parts]);
      expect(await kumpas('train', '--resume', parts)).toMatchObject({ code: 0, errors: '' });
      for (const file of ['training_log.txt', 'SignTransformer_last.pt']) {
        const read = (run: string): unknown =>
          file.endsWith('.pt') ? [...readWeights(path.join(run, file)).model] : readFileSync(path.join(run, file), 'utf8');
        expect(read(parts)).toEqual(read(parts.replace('parts', 'whole')));
      }
      expect(readdirSync(parts).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    });
  });

  it('refuse a wrong data folder, broken clips and other mistakes in plain lines, and leave nothing behind', async () => {
    await inTemporaryFolder(async (folder) => {
      const absent = await kumpas('train', '--data', path.join(folder, 'absent'), '--save-dir', path.join(folder, 'models'));
      expect(absent.code).toBe(1);
      expect(absent.errors).toMatch(/absent: no such folder/);
      expect(absent.errors).not.toMatch(/\n +at /);

      const data = writeSmallData(folder);
      writeFileSync(path.join(data, 'keypoints_train', 'train_3.npz'), 'no zip');
      writeFileSync(path.join(data, 'keypoints_val', 'val_2.npz'), '');
      const broken = await kumpas(...smallTraining(folder));
      expect(broken.code).toBe(1);
      expect(broken.errors).toMatch(/train_3\.npz/);
      expect(broken.errors).toMatch(/val_2\.npz/);
      expect(existsSync(path.join(folder, 'models'))).toBe(false);
    });
  });

  it('refuse models and clips that are none', async () => {
    await inTemporaryFolder(async (folder) => {
      mkdirSync(path.join(folder, 'empty'));
      const tiny = path.join(torchFolder, 'tiny_full.pt');
      const malicious = path.join(torchFolder, 'bad_malicious_os_system.pt');
      const mistakes: [string[], RegExp][] = [
        [['evaluate', '--data', folder], /--model-path is missing/],
        [['evaluate', '--model-path', malicious, '--data', folder], /bad_malicious_os_system\.pt: .*system/],
        [['evaluate', '--model-path', tiny], /give --data/],
        [['evaluate', '--model-path', tiny, '--dta', 'x'], /--dta: unknown flag; did you mean --data\?/],
        [
          ['predict', '--model-path', tiny, '--input', path.join(folder, 'empty')],
          /the folder holds no clip \(\.npz or \.npy\) and no folder of pictures/,
        ],
        [['predict', '--model-path', tiny, '--input', tiny], /no array "X"/],
        [['predict', '--model-path', tiny, '--input', tiny, '--top-k', '-1'], /--top-k: expected a whole number/],
        [['train', '--resume', path.join(folder, 'empty')], /no checkpoint that ends in _last\.pt/],
      ];
      for (const [args, message] of mistakes) {
        const { code, output, errors } = await kumpas(...args);
        expect({ args, code, output }).toEqual({ args, code: 1, output: '' });
        expect(errors).toMatch(message);
        expect(errors).not.toMatch(/\n +at /);
      }
    });
  });

  it.each(['train', 'evaluate', 'predict'])('show help with examples and defaults: %s', async (command) => {
    const { code, output } = await kumpas(command, '--help');
    expect(code).toBe(0);
    expect(output).toMatch(/Examples:[^]*npm run/);
    expect(output).toContain('[default: ');
  });
});
