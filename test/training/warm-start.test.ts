import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { PythonValue } from '../../src/checkpoint/python-values';
import { stateDictToPython } from '../../src/checkpoint/state-dict';
import { writeTorchFile } from '../../src/checkpoint/torch-file';
import { checkpointToPython, readTrainingCheckpoint, readWeights } from '../../src/checkpoint/training-checkpoint';
import type { Settings } from '../../src/config/model-settings';
import { formatNpz } from '../../src/data/npz';
import { optimizerForms } from '../../src/engine/optimizers/table';
import type { ParameterValues } from '../../src/engine/parameters';
import { startRuntime } from '../../src/engine/runtime';
import type { TrainingEvent } from '../../src/training/events';
import { prepareRun } from '../../src/training/prepare-run';
import { readResumePoint, resumedSettings } from '../../src/training/resume';
import { closeRun } from '../../src/training/run';
import { resolveTraining } from '../../src/training/warm-start';
import { inTemporaryFolder } from '../support/clip-files';
import { writeFeatures } from '../support/feature-files';
import { torchFolder } from '../support/parity';
import { itWithShared } from '../support/shared';
import { quietContext, resumeSmall, smallSettings, trainSmall, writeSmallData } from '../support/small-training';

const tinyFull = path.join(torchFolder, 'tiny_full.pt');

beforeAll(async () => {
  await startRuntime();
});

/** What `train` would make of flags: a training of a second or two on `folder/data`, its architecture left to the weights. */
function settingsFrom(folder: string, initFrom: string, typed: Readonly<Record<string, string>> = {}): Settings {
  const usual = { data: path.join(folder, 'data'), save_dir: path.join(folder, 'models'), batch_size: '4', num_buckets: '2', epochs: '1' };
  return resolveTraining({ commandLine: { ...usual, init_from: initFrom, ...typed } }).resolved.settings;
}

/** The weights that a training begins with, and what it says of them. */
async function beginning(settings: Settings): Promise<{ weights: ParameterValues; notes: string[] }> {
  const notes: string[] = [];
  const onEvent = (event: TrainingEvent): void => {
    if (event.kind === 'note') notes.push(event.text);
  };
  const run = await prepareRun(settings, undefined, quietContext(onEvent));
  const weights = new Map([...run.learner.program.readParameters()].map(([name, values]) => [name, values.slice()]));
  await closeRun(run);
  return { weights, notes };
}

/** Two training clips of frames and one for validation, of 2 glosses in 1 category. */
function writeFrames(folder: string): void {
  const values = Uint8Array.from({ length: 2 * 4 * 4 * 3 }, (_, place) => place);
  for (const [split, names] of [
    ['train', ['one', 'two']],
    ['val', ['three']],
  ] as const) {
    const clips = path.join(folder, 'data', `frames_${split}`);
    mkdirSync(clips);
    for (const name of names)
      writeFileSync(path.join(clips, `${name}.npz`), formatNpz({ frames: { dtype: 'uint8', shape: [2, 4, 4, 3], values } }));
    const lines = names.map((name, gloss) => `${name},${gloss},0`);
    writeFileSync(path.join(folder, 'data', `${split}_labels.csv`), ['file,gloss,cat', ...lines, ''].join('\n'));
  }
}

function namesOfChanged(file: string, weights: ParameterValues): string[] {
  const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Buffer => Buffer.from(buffer, byteOffset, byteLength);
  const isSame = (one: Float32Array | undefined, other: Float32Array): boolean => one !== undefined && bytesOf(one).equals(bytesOf(other));
  return [...readWeights(file).model].filter(([name, { values }]) => !isSame(weights.get(name), values)).map(([name]) => name);
}

function writeNames(folder: string, glosses: readonly string[]): void {
  const rows = glosses.map((label, id) => `${id},${label},${id % 2},${id % 2 === 0 ? 'SAID' : 'SHOWN'}`);
  writeFileSync(path.join(folder, 'data', 'labels_reference.csv'), ['gloss_id,label,cat_id,category', ...rows, ''].join('\n'));
}

describe('a training that begins with the weights of another', () => {
  it('takes a PyTorch file’s body and architecture, and begins heads of another size anew, the same each time', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const settings = settingsFrom(folder, tinyFull, { lr: '0.005', description: 'warm' });
      expect(settings).toMatchObject({ lr: 0.005, scheduler: 'plateau', init_from: tinyFull });
      const { weights, notes } = await beginning(settings);
      expect(namesOfChanged(tinyFull, weights)).toEqual([
        'gloss_head.3.weight',
        'gloss_head.3.bias',
        'category_head.3.weight',
        'category_head.3.bias',
      ]);
      expect(weights.get('gloss_head.3.bias')).toHaveLength(3);
      expect(notes).toEqual([
        expect.stringMatching(
          /begins with the weights of .*tiny_full\.pt, epoch 12: \d+ of its \d+ tensors; begun anew: gloss_head\.3 \(7 classes there, 3 here\), category_head\.3 \(3 classes there, 2 here\)$/,
        ),
      ]);
      const { run: one } = await trainSmall(settings);
      const { run: other } = await trainSmall(settings);
      expect(other.folder.files.folder).not.toBe(one.folder.files.folder);
      expect([...readWeights(other.folder.files.last).model]).toEqual([...readWeights(one.folder.files.last).model]);
      const { optimizer } = readTrainingCheckpoint(
        one.folder.files.last,
        one.learner.model.parameters.filter(({ trainable }) => trainable).map(({ name }) => name),
        optimizerForms,
      );
      expect(optimizer).toMatchObject({ step: 6 });
      expect(JSON.parse(readFileSync(one.folder.files.config, 'utf8'))).toMatchObject({
        init_from: tinyFull,
        emb_dim: 32,
        run: { classes: { gloss: 3 } },
      });
      const { run: resumed } = await resumeSmall(one.folder.files.last, { epochs: '2' });
      expect(resumed.folder.files.folder).toBe(one.folder.files.folder);
      expect(resumed.learner.progress.completedEpochs).toBe(2);
    });
  });

  it('takes a model folder’s best checkpoint whole where the classes are the same, and begins anew what has other names', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      writeNames(folder, ['A', 'B', 'C']);
      const { run } = await trainSmall(smallSettings(folder, { epochs: '1', pooling: 'max' }));
      const { best } = run.folder.files;
      const same = await beginning(settingsFrom(folder, run.folder.files.folder));
      expect(namesOfChanged(best, same.weights)).toEqual([]);
      expect(same.notes).toEqual([expect.stringMatching(/_best\.pt, epoch 1: .*; its heads are kept$/)]);
      writeNames(folder, ['C', 'B', 'A']);
      const other = await beginning(settingsFrom(folder, run.folder.files.folder, { seed: '7' }));
      expect(namesOfChanged(best, other.weights)).toEqual(['gloss_head.3.weight', 'gloss_head.3.bias']);
      expect(other.notes).toEqual([
        expect.stringMatching(/begun anew: gloss_head\.3 \(other classes: gloss 0: the file knows it as A, the data as C\)$/),
      ]);
      const reseeded = await beginning(settingsFrom(folder, run.folder.files.folder, { seed: '8' }));
      expect(reseeded.weights.get('gloss_head.3.weight')).not.toEqual(other.weights.get('gloss_head.3.weight'));
    });
  });

  it('takes the file’s architecture over the preset, and refuses another one', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const { run } = await trainSmall(smallSettings(folder, { epochs: '1' }));
      const { best } = run.folder.files;
      expect(settingsFrom(folder, best, { dropout: '0.4', ff_dim: 'none' })).toMatchObject({
        emb_dim: 16,
        num_heads: 2,
        num_layers: 1,
        max_len: 12,
        dropout: 0.4,
      });
      const before = readFileSync(run.folder.files.last);
      await expect(beginning(settingsFrom(folder, best, { emb_dim: '32', pooling: 'cls', ff_dim: 'none' }))).rejects.toThrow(
        /^--init-from .*_best\.pt: the training's architecture is not that of the weights\n--emb-dim: its weights are of 16, found 32; leave it out\n--ff-dim: .*64, found 128.*\n--pooling: its weights are of mean, found cls; leave it out$/,
      );
      expect(() => settingsFrom(folder, best, { model: 'iv3_gru' })).toThrow(/it holds transformer, not iv3_gru, which --model asks for/);
      expect(() => settingsFrom(folder, path.join(folder, 'absent.pt'))).toThrow(/^--init-from .*absent\.pt: no such file or folder$/);
      expect(() => settingsFrom(folder, path.join(folder, 'data'))).toThrow(
        /^--init-from .*data: expected one checkpoint that ends in _best\.pt/,
      );
      expect(() => settingsFrom(folder, path.join(folder, 'data', 'train_labels.csv'))).toThrow(/train_labels\.csv: /);
      const point = readResumePoint(run.folder.files.last);
      const asked = { source: 'command line', values: { init_from: best, epochs: '3' } };
      expect(() => resumedSettings(point, [asked])).toThrow(/^--init-from cannot be combined with --resume .*; leave one out$/);
      expect(readFileSync(run.folder.files.last)).toEqual(before);
      rmSync(path.join(folder, 'models'), { recursive: true });
    });
  });

  it('takes those of several weights that a key names, and tells of them without one', async () => {
    await inTemporaryFolder(async (folder) => {
      writeSmallData(folder);
      const { model } = readWeights(tinyFull);
      const halved = new Map([...model].map(([name, data]) => [name, { ...data, values: data.values.map((value) => value / 2) }]));
      const file = path.join(folder, 'both.pt');
      writeTorchFile(
        file,
        new Map<string, PythonValue>([
          ['model', stateDictToPython(model)],
          ['ema', stateDictToPython(halved)],
        ]),
      );
      const asked = {
        commandLine: { data: path.join(folder, 'data'), save_dir: path.join(folder, 'models'), init_from: file, num_heads: '4' },
      };
      const first = async (key?: string): Promise<{ value: number; notes: readonly string[] }> => {
        const { resolved, notes } = resolveTraining(asked, { key });
        const run = await prepareRun(resolved.settings, undefined, { ...quietContext(), reading: { key } });
        const value = run.learner.program.readParameters().get('embedding.bias')?.[0] ?? NaN;
        await closeRun(run);
        return { value, notes };
      };
      const [trained, averaged] = [await first(), await first('ema')];
      expect(trained.value).not.toBe(0);
      expect(averaged.value).toBe(trained.value / 2);
      expect(trained.notes.join('\n')).toMatch(/averaged weights too, under ema: .*--key ema takes the others/);
      await expect(first('emu')).rejects.toThrow(/--key emu: there is no such key; weights are under model, ema/);
    });
  });

  it('refuses weights that are no numbers, and takes bare ones', async () => {
    await inTemporaryFolder((folder) => {
      writeSmallData(folder);
      const bare = path.join(torchFolder, 'tiny_bare_state_dict.pt');
      const { notes } = resolveTraining({ commandLine: { data: path.join(folder, 'data'), init_from: bare, num_heads: '4' } });
      expect(notes).toEqual([expect.stringMatching(/tiny_bare_state_dict\.pt does not say: pooling mean was taken$/)]);
      const broken = path.join(folder, 'broken.pt');
      const { model, config } = readWeights(tinyFull);
      const [name, tensor] = [...model].find(([key]) => key === 'embedding.bias') ?? ['', { shape: [], values: new Float32Array() }];
      const values = tensor.values.slice().fill(NaN, 0, 1);
      const weights = new Map([...model, [name, { ...tensor, values }] as const]);
      const checkpoint = {
        epoch: 1,
        bestMetric: 0,
        model: weights,
        optimizer: undefined,
        scheduler: undefined,
        config: config ?? {},
        args: undefined,
      };
      writeTorchFile(broken, checkpointToPython(checkpoint));
      expect(() => settingsFrom(folder, broken)).toThrow(/^--init-from .*broken\.pt: .*not finite.* in embedding\.bias \(1 of 32 values\)/);
    });
  });
});

describe('an InceptionV3GRU that begins with the weights of another', () => {
  it('is recognised by the file, and keeps its GRUs', async () => {
    await inTemporaryFolder(async (folder) => {
      writeFeatures(folder);
      const file = path.join(torchFolder, 'iv3_gru_features_only.pt');
      const settings = settingsFrom(folder, file);
      expect(settings).toMatchObject({ model: 'iv3_gru', hidden1: 16, hidden2: 12, backbone: null });
      const { weights } = await beginning(settings);
      expect(namesOfChanged(file, weights)).toEqual(['gloss_head.weight', 'gloss_head.bias', 'category_head.weight', 'category_head.bias']);
      await expect(beginning(settingsFrom(folder, file, { gru_hidden: '6' }))).rejects.toThrow(
        /\n--hidden1: its weights are of 16, found 6; leave it out$/,
      );
      mkdirSync(path.join(folder, 'empty'));
      expect(() => settingsFrom(folder, path.join(folder, 'empty'))).toThrow(/found no \.pt file/);
    });
  });

  itWithShared(
    'fixtures/torch/iv3_gru_full.pt',
    'takes the backbone of the file too, frozen or not, unless another is named',
    async (file) => {
      await inTemporaryFolder(async (folder) => {
        writeFeatures(folder);
        const onFeatures = settingsFrom(folder, file);
        expect(onFeatures).toMatchObject({ model: 'iv3_gru', backbone: file, freeze_backbone: true });
        const heads = ['gloss_head.weight', 'gloss_head.bias', 'category_head.weight', 'category_head.bias'];
        expect(namesOfChanged(file, (await beginning(onFeatures)).weights)).toEqual(heads);
        writeFrames(folder);
        const unfrozen = settingsFrom(folder, file, { train_on: 'frames', freeze_backbone: 'false' });
        const { weights, notes } = await beginning(unfrozen);
        expect(namesOfChanged(file, weights)).toEqual(heads);
        expect(notes).toEqual([expect.stringMatching(/begun anew: gloss_head \(\d+ classes there, 2 here\), category_head/)]);
        expect(settingsFrom(folder, file, { backbone: 'other.pt', transform_input: 'false' })).toMatchObject({ backbone: 'other.pt' });
        // The file does not say it, so it may be told.
        expect(settingsFrom(folder, file, { transform_input: 'false' })).toMatchObject({ backbone: file, transform_input: false });
      });
    },
  );
});
