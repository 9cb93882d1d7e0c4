import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { startRuntime } from '../../src/engine/runtime';
import { loadModelFile } from '../../src/models/model-file';
import { ownModels } from '../../src/models/model-table';
import * as registry from '../../src/zoo/registry';
import { inTemporaryFolder } from '../support/clip-files';
import { checkout, sharedCommands } from '../support/commands';
import { writeSmallData } from '../support/small-training';

const { kumpasIn } = sharedCommands();
const missing = (file: string): string => `it is "tiny_mean", a model of one's own that "${file}" defined; give that file with --model`;

beforeAll(async () => {
  await startRuntime();
});

/** Writes a file that defines a model, the mean of a clip's frames before two heads, and trains it for two epochs. */
async function trainTiny(folder: string): Promise<{ readonly file: string; readonly root: string; readonly name: string }> {
  const file = path.join(folder, 'tiny-mean.ts');
  writeFileSync(
    file,
    `import { defineModel, linear, linearParameters, tf } from '${path.join(checkout, 'src/index')}';
export default defineModel({
  name: 'tiny_mean',
  settings: {},
  parameters: ({ num_gloss, num_cat }) => [...linearParameters('gloss_head', 156, num_gloss), ...linearParameters('category_head', 156, num_cat)],
  forward: (_, parameters, { features }) => {
    const mean = tf.mean(features, 1);
    return { glossLogits: linear(parameters, 'gloss_head', mean), categoryLogits: linear(parameters, 'category_head', mean) };
  },
});
`,
  );
  const root = path.join(folder, 'trained_models');
  mkdirSync(root);
  const data = writeSmallData(folder, { train: 20, val: 8 });
  expect(await kumpasIn(folder, 'train', '--data', data, '--model', file, '--epochs', '2', '--batch-size', '4')).toMatchObject({
    code: 0,
  });
  const [name = ''] = readdirSync(path.join(root, 'tiny_mean'));
  return { file, root, name };
}

describe('the registry, given the file of a model of one’s own', () => {
  it('checks, releases, promotes, packs, unpacks, monitors and archives it; without the file one line says what to give', async () => {
    await inTemporaryFolder(async (folder) => {
      const { file, root, name } = await trainTiny(folder);
      const models = ownModels.with([loadModelFile(file)]);
      const own = { root, models };
      const model = path.join(root, 'tiny_mean', name);
      const release = ['models', 'release', name, '--bump', 'major', '--notes', 'The first'];

      // Without its file nothing is false, and nothing is written.
      const checked = await kumpasIn(folder, 'models', 'check');
      expect(checked).toMatchObject({ code: 0, output: expect.stringContaining('1 model: 0 problems, 1 remark') });
      expect(checked.output).toContain(missing(file));
      expect(await kumpasIn(folder, ...release)).toMatchObject({
        code: 1,
        errors: expect.stringMatching(/^[^\n]*give that file with --model\n$/),
      });
      await expect(registry.card(name, { root })).rejects.toThrow(missing(file));
      await expect(registry.pack(name, { root, out: path.join(folder, 'x.tar.gz') })).rejects.toThrow(missing(file));
      await expect(registry.verify(name, { root })).rejects.toThrow(`${model}: ${missing(file)}`);
      expect(registry.list({ root })).toMatchObject([{ name, type: 'tiny_mean' }]);

      expect(await kumpasIn(folder, 'models', 'check', '--model', file)).toMatchObject({
        code: 0,
        output: expect.stringMatching(/^1 model: 0 problems, 0 remarks\n$/),
      });
      const released = await kumpasIn(folder, ...release, '--model', file);
      expect(released).toMatchObject({ code: 0, output: expect.stringContaining(`--input CLIP.npz --model ${file}`) });
      const production = JSON.parse(readFileSync(path.join(model, 'production.json'), 'utf8')) as Record<string, unknown>;
      expect(production).toMatchObject({ file: 'TinyMean_production.pt', version: '1.0.0', largest_logit_difference: 0 });
      expect(production['before']).toEqual(production['after']);
      expect(await registry.promote(name, own)).toMatchObject({ version: '1.0.0', dtype: 'float32' });
      expect(registry.show(name, own)).toMatchObject({ summary: { stage: 'production', version: '1.0.0' }, releases: { problems: [] } });
      expect(registry.diff(name, own)).toMatchObject({ architecture: [], weights: expect.any(Array) });

      await registry.card(name, own);
      expect(readFileSync(path.join(model, 'README.md'), 'utf8')).toContain(`--input CLIP.npz --model ${file}`);
      expect((await registry.check(own)).findings).toEqual([]);

      const { file: packed } = await registry.pack(name, { ...own, out: path.join(folder, `${name}.tar.gz`) });
      await expect(registry.verify(packed, { root })).rejects.toThrow(
        /its model is "tiny_mean".*give the file that defines it with --model/,
      );
      expect((await registry.verify(packed, own)).findings).toEqual([]);
      const elsewhere = path.join(folder, 'elsewhere');
      expect(await kumpasIn(folder, 'models', 'unpack', packed, '--root', elsewhere, '--model', file)).toMatchObject({ code: 0 });
      const there = { root: elsewhere, models };
      expect((await registry.verify(name, there)).findings).toEqual([]);
      expect((await registry.check(there)).findings).toEqual([]);
      expect(readFileSync(path.join(elsewhere, 'tiny_mean', name, 'examples/load_in_kumpas.sh'), 'utf8')).toContain('--model "${MODEL:?');

      const monitored = await kumpasIn(folder, 'models', 'monitor', name, '--data', 'data', '--json', '--model', file);
      expect(monitored.code).toBe(0);
      expect(JSON.parse(monitored.output)).toMatchObject({
        version: '1.0.0',
        retrain: expect.stringMatching(/ --model \S+tiny-mean\.ts$/),
      });

      await registry.stage(name, 'development', own);
      rmSync(path.join(elsewhere, 'tiny_mean'), { recursive: true });
      await registry.archive(name, own);
      expect(await registry.restore(name, own)).toMatchObject({ name });
      expect((await registry.check(own)).findings).toEqual([]);

      // Where the folder's package.json lists it, no flag is needed.
      writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ kumpas: { models: ['./tiny-mean.ts'] } }));
      expect(await kumpasIn(folder, 'models', 'card', name)).toMatchObject({ code: 0, output: expect.stringMatching(/README\.md\n$/) });
      expect(await kumpasIn(folder, 'models', 'check', '--model', 'tiny')).toMatchObject({
        code: 1,
        errors: '--model: expected the file of a model of your own, as ./my-model.ts, found "tiny"\n',
      });
    });
  }, 600_000);
});
