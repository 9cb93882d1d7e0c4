import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { compare, convert, demoData, evaluate, extractFeatures, loadModel, predict, UserError, type WorkEvent } from '../../src';
import { startRuntime } from '../../src/engine/runtime';
import { clipValues, inTemporaryFolder, writeDataFolder } from '../support/clip-files';
import { torchFolder } from '../support/parity';

beforeAll(async () => {
  await startRuntime();
});

const pictures = path.resolve(__dirname, '../fixtures/pictures');

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
    frames: 20 + index,
  }));
  writeDataFolder(data, { train: [], val: clips });
  return { model, data };
}

/** What Kumpas's commands take of the environment; none of it is the library's. */
const OF_THE_ENVIRONMENT = /^(KUMPAS_|XDG_CACHE_HOME$|TORCH_HOME$|NO_COLOR$|TERM$)/;

/** Runs something, and gives what it printed and which of the environment's variables it read. */
async function overhear(action: () => unknown): Promise<{ printed: string[]; read: string[]; exits: number }> {
  const printed: string[] = [];
  const read: string[] = [];
  const take = (text: unknown): boolean => {
    printed.push(String(text));
    return true;
  };
  const spies = [
    jest.spyOn(process.stdout, 'write').mockImplementation(take),
    jest.spyOn(process.stderr, 'write').mockImplementation(take),
    jest.spyOn(console, 'log').mockImplementation(take),
    jest.spyOn(console, 'warn').mockImplementation(take),
  ];
  const exit = jest.spyOn(process, 'exit');
  const { env } = process;
  process.env = new Proxy(env, {
    get: (variables, name: string) => {
      if (OF_THE_ENVIRONMENT.test(name)) read.push(name);
      return variables[name];
    },
  });
  try {
    await action();
    return { printed, read, exits: exit.mock.calls.length };
  } finally {
    process.env = env;
    for (const spy of [...spies, exit]) spy.mockRestore();
  }
}

const nothing = { printed: [], read: [], exits: 0 };

describe('the library', () => {
  it('prints nothing, ends nothing and reads no setting from the environment, whatever is told', async () => {
    await inTemporaryFolder(async (folder) => {
      const { model, data } = writeModelAndData(folder);
      writeFileSync(path.join(data, 'keypoints_val', 'clip_2.npz'), 'no zip');
      const events: WorkEvent[] = [];
      const heard = await overhear(async () => {
        await evaluate({ model, data }, { onEvent: (event) => events.push(event) });
        await evaluate({ model, data });
        await predict({ model, input: path.join(data, 'keypoints_val'), top_k: 1 });
        await compare({ models: [model, path.join(model, 'SignTransformer_best.pt')], data });
        convert.inspect({ file: path.join(torchFolder, 'tiny_full.pt') });
        await convert.import({ file: path.join(torchFolder, 'tiny_full.pt'), save_dir: path.join(folder, 'models') });
        await convert.export({ model, format: 'safetensors' });
      });
      expect(heard).toEqual(nothing);
      expect(events).toContainEqual({ kind: 'warning', text: expect.stringMatching(/left out: .*clip_2\.npz/) });
      expect(events).toContainEqual({ kind: 'clips-read', done: 9, total: 9 });
    });
  });

  it('refuses options that are none in a line each, under the names that a program gives them', async () => {
    // @ts-expect-error an option that there is not
    await expect(evaluate({ model: 'x', dta: 'y', batch_size: 0 })).rejects.toThrow(
      new UserError(
        'evaluate(): dta: unknown key; did you mean data?\nevaluate(): batch_size: expected a whole number from 1 to 1000000, found 0',
      ),
    );
    // @ts-expect-error the model is missing
    await expect(evaluate({})).rejects.toThrow('evaluate(): model is missing: give a model folder or a .pt file');
    await expect(predict({ model: 'x' })).rejects.toThrow(/give clips as files \(input\) or as values \(clips\)/);
    await expect(predict({ model: 'x', clips: [new Float32Array(156)], attention: 'a.png' })).rejects.toThrow(/a clip that is a file/);
    await expect(compare({ models: ['x'] })).rejects.toThrow(/at least two models/);
    await expect(evaluate({ model: 'no/such' })).rejects.toThrow(/no such file or folder/);
    expect(() => demoData({ model: 'resnet' })).toThrow(/expected transformer or iv3_gru, found "resnet"/);
  });
});

describe('evaluate', () => {
  it('gives figures, classes and predictions as plain data, and writes what the command writes', async () => {
    await inTemporaryFolder(async (folder) => {
      const { model, data } = writeModelAndData(folder);
      const output = path.join(folder, 'results');
      const { result, document, folder: written, report } = await evaluate({ model, data, out: output, batch_size: 4 });
      expect(written).toBe(output);
      expect(existsSync(report)).toBe(true);
      expect(result.gloss.predictions).toHaveLength(9);
      expect(result.gloss.perClass).toHaveLength(7);
      expect(result.data.title).toContain('data');
      const saved = JSON.parse(readFileSync(path.join(output, 'evaluation.json'), 'utf8')) as { gloss: unknown };
      expect(document['gloss']).toEqual(saved.gloss);
      expect(JSON.parse(JSON.stringify(document))).toMatchObject({ data: { clips: 9 }, results: output, warnings: [] });
    });
  });

  it('has what it warned of in its document', async () => {
    await inTemporaryFolder(async (folder) => {
      const { model, data } = writeModelAndData(folder);
      writeFileSync(path.join(data, 'keypoints_val', 'clip_8.npz'), '');
      const warned: string[] = [];
      const { document } = await evaluate(
        { model, data, batch_size: 4 },
        { onEvent: (event) => event.kind === 'warning' && warned.push(event.text) },
      );
      expect(warned).toContainEqual(expect.stringMatching(/^left out: .*clip_8\.npz/));
      expect(document['warnings']).toEqual(
        expect.arrayContaining([...warned, expect.stringMatching(/^1 clip was left out as unusable: .*clip_8/)]),
      );
    });
  });

  it('ends with the reason of the signal where it is aborted, and leaves no folder of results', async () => {
    await inTemporaryFolder(async (folder) => {
      const { model, data } = writeModelAndData(folder);
      const stop = new AbortController();
      const reason = new Error('enough');
      const evaluated = evaluate(
        { model, data },
        {
          signal: stop.signal,
          onEvent: (event) => {
            if (event.kind === 'clips-read' && event.done === event.total) stop.abort(reason);
          },
        },
      );
      await expect(evaluated).rejects.toBe(reason);
      expect(readdirSync(model)).toEqual(['SignTransformer_best.pt']);
    });
  });
});

describe('predict', () => {
  it('takes files and values alike, several clips and several models, and tells what it left out', async () => {
    await inTemporaryFolder(async (folder) => {
      const { model, data } = writeModelAndData(folder);
      const clips = path.join(data, 'keypoints_val');
      writeFileSync(path.join(clips, 'clip_8.npz'), '');
      const events: unknown[] = [];
      const ofFiles = await predict({ model: [model], input: clips, top_k: 0 }, { onEvent: (event) => events.push(event) });
      expect(ofFiles.predictions).toHaveLength(8);
      expect(ofFiles.leftOut).toEqual([{ file: path.join(clips, 'clip_8.npz'), problem: expect.stringMatching(/reads "X"/) }]);
      expect(events).toContainEqual({ kind: 'clip-left-out', ...ofFiles.leftOut[0] });
      const [first] = ofFiles.predictions;
      expect(first?.gloss).toHaveLength(7);
      expect(first?.gloss.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 5);

      const values = clipValues(20, 3);
      const ofValues = await predict({
        model: [model, path.join(model, 'SignTransformer_best.pt')],
        clips: [values, new Float32Array(10)],
      });
      expect(ofValues.predictions.map(({ file }) => file)).toEqual(['clips[0]', 'clips[0]']);
      expect(ofValues.leftOut).toEqual([
        { file: 'clips[1]', problem: expect.stringContaining('expected [frames, 156] numbers, found 10') },
      ]);
    });
  });

  it('stops at the next clip where it is aborted', async () => {
    await inTemporaryFolder(async (folder) => {
      const { model, data } = writeModelAndData(folder);
      const input = path.join(data, 'keypoints_val');
      await expect(predict({ model, input }, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    });
  });
});

describe('loadModel', () => {
  it('gives a model that predicts again and again what predict does, of files and of values', async () => {
    await inTemporaryFolder(async (folder) => {
      const { model: place, data } = writeModelAndData(folder);
      const file = path.join(data, 'keypoints_val', 'clip_3.npz');
      const model = await loadModel(place);
      try {
        expect(model).toMatchObject({ width: 156, maxFrames: 64 });
        expect(model.labels.gloss).toHaveLength(7);
        const [whole] = (await predict({ model: place, input: file })).predictions;
        for (const prediction of [await model.predict(file), await model.predict(file)]) {
          expect(prediction.gloss[0]?.id).toBe(whole?.gloss[0]?.id);
          expect(prediction.gloss[0]?.probability).toBeCloseTo(whole?.gloss[0]?.probability ?? -1, 5);
        }
        expect((await model.predict(clipValues(30, 5), { topK: 2 })).gloss).toHaveLength(2);
        await expect(model.predict(new Float32Array(5))).rejects.toThrow(/expected \[frames, 156\] numbers, found 5/);
        await expect(model.predict(Float32Array.from({ length: 156 }, () => NaN))).rejects.toThrow(/not finite/);
      } finally {
        model.dispose();
      }
    });
  });

  it('recognises clips that are in memory together, each as it does alone', async () => {
    await inTemporaryFolder(async (folder) => {
      const { model: place, data } = writeModelAndData(folder);
      const file = path.join(data, 'keypoints_val', 'clip_3.npz');
      const model = await loadModel(place);
      try {
        const ready = [await model.ready('a.npz', readFileSync(file)), await model.ready('values', clipValues(70, 5))];
        expect(ready[1]).toMatchObject({ frames: 64, doubts: [{ kind: 'cut' }] });
        const together = await model.recognise(ready, { topK: 3, rows: 4, framesStep: 32 });
        const alone = [await model.predict(file, { topK: 3 }), await model.predict(clipValues(70, 5), { topK: 3 })];
        expect(together).toMatchObject([{ file: 'a.npz' }, { file: 'values' }]);
        for (const [place, seen] of alone.entries()) {
          const here = together[place];
          if (here === undefined || here instanceof Error) throw new Error('there is no prediction');
          expect(here.gloss.map(({ id }) => id)).toEqual(seen.gloss.map(({ id }) => id));
          expect(here.gloss[0]?.probability).toBeCloseTo(seen.gloss[0]?.probability ?? -1, 5);
        }
        await expect(model.ready('b.npz', readFileSync(file).subarray(0, 300))).rejects.toThrow(/^b\.npz: not a readable \.npz/);
        await expect(model.ready('c.npz', new Uint8Array())).rejects.toThrow(/^c\.npz: .*is empty/);
      } finally {
        model.dispose();
      }
    });
  });
});

describe('compare', () => {
  it('sets models against the first, on data or by their results, and gives what is worse', async () => {
    await inTemporaryFolder(async (folder) => {
      const { model, data } = writeModelAndData(folder);
      const copy = path.join(folder, 'copy.pt');
      copyFileSync(path.join(torchFolder, 'tiny_full.pt'), copy);
      const output = path.join(folder, 'out');
      const { comparison, regressions, files } = await compare({ models: [model, copy], data, out: output, fail_if_worse: 0 });
      expect(comparison.sameData).toBe(true);
      expect(comparison.contrasts[0]?.difference).toEqual({ gloss: 0, category: 0 });
      expect(regressions).toEqual([]);
      expect(files.map((file) => path.basename(file))).toEqual(['comparison.md', 'comparison.json', 'comparison.png']);
      await expect(compare({ models: [model, copy] })).rejects.toThrow(/it has no evaluation_results/);
      await evaluate({ model, data });
      await evaluate({ model: copy, data });
      expect((await compare({ models: [model, copy] })).comparison.baseline.clips.size).toBe(9);
    });
  });
});

describe('convert, demoData and extractFeatures', () => {
  it('inspect, import one or a folder, and export', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = path.join(torchFolder, 'tiny_full.pt');
      expect(convert.inspect({ file })).toMatchObject({ form: 'zip', model: { name: 'transformer', problems: [] } });
      const imported = await convert.import({ file, save_dir: path.join(folder, 'models'), description: 'mine' });
      expect(readdirSync(imported.folder)).toContain('config.json');
      const old = path.join(folder, 'old');
      mkdirSync(old);
      for (const name of ['one', 'two']) copyFileSync(file, path.join(old, `${name}.pt`));
      const events: WorkEvent[] = [];
      const stop = new AbortController();
      const tree = await convert.importFolder(
        { file: old, save_dir: path.join(folder, 'tree') },
        {
          signal: stop.signal,
          onEvent: (event) => {
            events.push(event);
            stop.abort();
          },
        },
      );
      expect(events).toEqual([{ kind: 'checkpoint-import', done: 0, total: 2, file: path.join(old, 'one.pt') }]);
      expect(tree).toMatchObject({ imported: [{ model: 'transformer' }], failed: [] });
      const exported = await convert.export({
        model: imported.folder,
        format: 'torch',
        weights_only: true,
        out: path.join(folder, 'w.pt'),
      });
      expect(exported.content).toBe('a state_dict, float32');
    });
  });

  it('write the demo set, and refuse a folder that holds something', async () => {
    await inTemporaryFolder(async (folder) => {
      const out = path.join(folder, 'demo');
      const heard = await overhear(() => {
        expect(demoData({ out, seed: 7 })).toMatchObject({ folder: out, trainClips: expect.any(Number) });
      });
      expect(heard).toEqual(nothing);
      expect(readdirSync(out)).toContain('labels_reference.csv');
      expect(() => demoData({ out })).toThrow(/not empty/);
    });
  });

  it('refuse features without pictures or weights', async () => {
    await inTemporaryFolder(async (folder) => {
      const frames = path.join(folder, 'frames');
      mkdirSync(frames);
      const out = path.join(folder, 'features');
      await expect(extractFeatures({ frames, out, backbone: 'x' })).rejects.toThrow(/no clip is in it/);
      mkdirSync(path.join(frames, 'sign'));
      copyFileSync(path.join(pictures, 'frame_1.png'), path.join(frames, 'sign', 'frame_1.png'));
      await expect(extractFeatures({ frames, out, backbone: path.join(torchFolder, 'tiny_full.pt') })).rejects.toThrow(UserError);
      expect(existsSync(out)).toBe(false);
    });
  });
});
