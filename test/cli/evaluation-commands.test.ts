import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readWeights, writeTrainingCheckpoint } from '../../src/checkpoint/training-checkpoint';
import { inTemporaryFolder, writeDataFolder } from '../support/clip-files';
import { sharedCommands } from '../support/commands';
import { torchFolder } from '../support/parity';

const { kumpas, kumpasIn } = sharedCommands();

/** A model folder with a checkpoint that PyTorch wrote (7 glosses, 3 categories, 64 frames), and clips to evaluate it on. */
function writeModelAndData(folder: string): { model: string; data: string } {
  const model = path.join(folder, 'model');
  mkdirSync(model);
  copyFileSync(path.join(torchFolder, 'tiny_full.pt'), path.join(model, 'SignTransformer_best.pt'));
  const data = path.join(folder, 'data');
  const clips = Array.from({ length: 9 }, (_, index) => ({
    name: `clip_${index}`,
    gloss: index % 7,
    category: index % 3,
    frames: index === 4 ? 80 : 20 + index,
  }));
  writeDataFolder(data, { train: [], val: clips });
  return { model, data };
}

/** Writes the same checkpoint with its gloss head turned round: it never says what the other says. */
function writeTurned(file: string): void {
  const { model, config } = readWeights(path.join(torchFolder, 'tiny_full.pt'));
  const turned = [...model].map(([name, { shape, values }]): [string, { shape: readonly number[]; values: Float32Array }] => [
    name,
    { shape, values: name.startsWith('gloss_head.3') ? values.map((value) => -value) : values },
  ]);
  const state = { epoch: 1, bestMetric: 0, optimizer: undefined, scheduler: undefined, args: undefined };
  writeTrainingCheckpoint(file, { ...state, model: new Map(turned), config: config ?? {} });
}

/** Labels the clips as the model sees them. */
async function labelAsPredicted(model: string, data: string): Promise<void> {
  const prediction = (await kumpas('predict', '--model-path', model, '--input', path.join(data, 'keypoints_val'), '--json')).output;
  const { predictions } = JSON.parse(prediction) as {
    predictions: { file: string; gloss: { id: number }[]; category: { id: number }[] }[];
  };
  const lines = predictions.map(({ file, gloss, category }) => `${path.parse(file).name},${gloss[0]?.id ?? ''},${category[0]?.id ?? ''}`);
  writeFileSync(path.join(data, 'val_labels.csv'), ['file,gloss,cat', ...lines, ''].join('\n'));
}

describe('evaluate', () => {
  it('leaves a broken clip out and says so, exits with 1 where strict, and refuses what cannot be evaluated', async () => {
    await inTemporaryFolder(async (folder) => {
      const { model, data } = writeModelAndData(folder);
      writeFileSync(path.join(data, 'keypoints_val', 'clip_2.npz'), 'no zip');
      rmSync(path.join(data, 'keypoints_val', 'clip_3.npz'));
      const lenient = await kumpas('evaluate', '--model-path', model, '--data', data, '--json');
      expect(lenient.code).toBe(0);
      expect(lenient.errors).toMatch(
        /left out: .*clip_2\.npz: it is no \.npz, which is a zip file of arrays: it begins with "no zip"[^]*left out: .*clip_3\.npz: no such file, though val_labels\.csv names it/,
      );
      const document = JSON.parse(lenient.output) as { data: unknown };
      expect(document.data).toMatchObject({ clips: 7, cut_clips: 1, left_out: [{}, {}] });
      const results = path.join(model, 'evaluation_results');
      expect(readFileSync(path.join(results, 'predictions.csv'), 'utf8').trim().split('\n')).toHaveLength(1 + 7);
      expect(readFileSync(path.join(results, 'summary_metrics.csv'), 'utf8')).toMatch(/\nclips_cut,1,1\nclips_left_out,2,2\n/);

      const strict = await kumpas('evaluate', '--model-path', model, '--data', data, '--strict', '--out', path.join(folder, 'elsewhere'));
      expect(strict.code).toBe(1);
      expect(strict.output).toMatch(/clips left out, as the warnings say: 2/);
      expect(existsSync(path.join(folder, 'elsewhere', 'report.html'))).toBe(true);

      for (const name of readdirSync(path.join(data, 'keypoints_val'))) writeFileSync(path.join(data, 'keypoints_val', name), '');
      expect(await kumpas('evaluate', '--model-path', model, '--data', data)).toMatchObject({ code: 1, output: '' });
      writeFileSync(path.join(data, 'val_labels.csv'), 'file,gloss,cat\n');
      expect((await kumpas('evaluate', '--model-path', model, '--data', data)).errors).toMatch(/val_labels\.csv: no clips/);
      rmSync(path.join(data, 'val_labels.csv'));
      expect((await kumpas('evaluate', '--model-path', model, '--data', data)).errors).toMatch(
        /data: expected [^\n]*; not there: val_labels\.csv\./,
      );
    });
  });

  it('refuses data of other classes than the model has, by ids or by names', async () => {
    await inTemporaryFolder(async (folder) => {
      const { model, data } = writeModelAndData(folder);
      writeFileSync(path.join(data, 'val_labels.csv'), 'file,gloss,cat\nclip_0,9,1\n');
      const byIds = await kumpas('evaluate', '--model-path', model, '--data', data);
      expect(byIds).toMatchObject({ code: 1, output: '' });
      expect(byIds.errors).toMatch(/trained on other classes[^]*gloss: the model has 7 classes, the data 10/);
      writeFileSync(path.join(data, 'val_labels.csv'), 'file,gloss,cat\nclip_0,1,1\n');
      writeFileSync(path.join(data, 'labels_reference.csv'), 'gloss_id,label,cat_id,category\n0,A,0,X\n1,B,1,Y\n');
      expect((await kumpas('evaluate', '--model-path', model, '--data', data)).errors).toMatch(
        /gloss: the model has 7 classes, the data 2/,
      );
      expect(existsSync(path.join(model, 'evaluation_results', 'report.html'))).toBe(false);
    });
  });
});

describe('predict and compare', () => {
  it('take a name of the registry for a model, write a table of several clips into a file, and warn of odd ones', async () => {
    await inTemporaryFolder(async (folder) => {
      const { model, data } = writeModelAndData(folder);
      const registered = path.join('trained_models', 'transformer', 'transformer_small_01-02');
      mkdirSync(path.join(folder, registered), { recursive: true });
      copyFileSync(path.join(model, 'SignTransformer_best.pt'), path.join(folder, registered, 'SignTransformer_best.pt'));
      const clips = path.join(data, 'keypoints_val');
      const { code, output, errors } = await kumpasIn(
        folder,
        'predict',
        'transformer_small_01-02',
        '--input',
        clips,
        '--output',
        'out/seen.csv',
      );
      expect({ code, errors: errors.split('\n').at(-2) }).toEqual({ code: 0, errors: 'written: out/seen.csv' });
      expect(errors).toMatch(/^warning: .*clip_4\.npz: it has 80 frames; the model sees the first 64$/m);
      expect(output.match(/clip_\d\.npz +gloss \d +\d+\.\d % +category \d +\d+\.\d %/g)).toHaveLength(9);
      expect(output).toMatch(/clip_4\.npz .*% +!$/m);
      const lines = readFileSync(path.join(folder, 'out', 'seen.csv'), 'utf8')
        .trim()
        .split('\n');
      expect(lines).toHaveLength(1 + 9);
      expect(lines[5]).toContain(`${path.join(registered, 'SignTransformer_best.pt')},`);
      expect(lines[5]).toMatch(/,it has 80 frames; the model sees the first 64\r?$/);

      expect((await kumpasIn(folder, 'predict', 'transformer_smal_01-02', '--input', clips)).errors).toBe(
        'transformer_smal_01-02: trained_models holds no such model; did you mean transformer_small_01-02?\n',
      );
      expect((await kumpasIn(folder, 'predict', 'model', '--input', clips, '--output', 'seen.txt')).errors).toBe(
        '--output seen.txt: expected a name that ends in .csv or .json\n',
      );
    });
  });

  it('show several models side by side, and end with 2 where one is worse than it may be', async () => {
    await inTemporaryFolder(async (folder) => {
      const { model, data } = writeModelAndData(folder);
      const other = path.join(folder, 'turned.pt');
      writeTurned(other);
      const clips = path.join(data, 'keypoints_val', 'clip_[0-2].npz');
      const side = await kumpas('predict', '--model-path', model, other, '--input', clips, '--top-k', '1');
      expect(side.code).toBe(0);
      expect(side.output).toMatch(/^ *clip +model +turned\.pt$/m);
      expect(side.output.match(/^.*clip_\d\.npz +gloss \d +\d+\.\d % +gloss \d +\d+\.\d %$/gm)).toHaveLength(3);
      const csv = (await kumpas('predict', '--model-path', model, '--model-path', other, '--input', clips, '--csv')).output;
      expect(csv.trim().split('\n')).toHaveLength(1 + 6);
      writeFileSync(path.join(data, 'keypoints_val', 'clip_1.npz'), '');
      const strict = await kumpas('predict', '--model-path', model, '--input', clips, '--strict', '--json');
      expect(strict.code).toBe(1);
      expect((JSON.parse(strict.output) as { predictions: unknown[] }).predictions).toHaveLength(2);
      expect((await kumpas('predict', '--model-path', model, '--input', clips, '--attention', 'x.png')).errors).toMatch(
        /--attention draws one clip/,
      );

      expect((await kumpas('compare', model)).errors).toMatch(/at least two models/);
      expect((await kumpas('compare', model, other)).errors).toMatch(
        /it has no evaluation_results\/evaluation\.json; run `npm run evaluate/,
      );
      writeFileSync(path.join(data, 'keypoints_val', 'clip_1.npz'), readFileSync(path.join(data, 'keypoints_val', 'clip_0.npz')));
      await labelAsPredicted(model, data);
      const out = path.join(folder, 'comparison');
      const compared = await kumpas('compare', model, other, '--data', data, '--json', '--out', out);
      expect(compared.code).toBe(0);
      expect(readdirSync(out).sort()).toEqual(['comparison.json', 'comparison.md', 'comparison.png']);
      const { models } = JSON.parse(compared.output) as { models: { gloss_versus_baseline: { accuracy_difference: number } }[] };
      expect(models[0]?.gloss_versus_baseline.accuracy_difference).toBe(-1);
      expect((await kumpas('evaluate', '--model-path', model, '--data', data)).code).toBe(0);
      expect((await kumpas('evaluate', '--model-path', other, '--data', data)).code).toBe(0);
      expect((await kumpas('compare', other, model, '--fail-if-worse', '0.01')).code).toBe(0);
      const failing = await kumpas('compare', other, model, '--baseline', model, '--fail-if-worse', '0.01');
      expect(failing.code).toBe(2);
      expect(failing.errors).toContain(`worse: ${other}: gloss accuracy 0.0 %`);
    });
  });
});
