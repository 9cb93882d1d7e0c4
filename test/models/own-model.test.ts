import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadModelFile } from '../../src/models/model-file';
import { ownModels } from '../../src/models/model-table';
import { checkout, sharedCommands } from '../support/commands';
import { writeSmallData } from '../support/small-training';

const { kumpas, kumpasIn } = sharedCommands();
const example = path.join(checkout, 'examples/bidirectional-gru.ts');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kumpas-own-model-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Writes a file that defines a model with the source of this checkout. */
function modelFile(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text.replaceAll('kumpas', path.join(checkout, 'src/index')));
  return file;
}

const definition = (parts: string): string => `
import { defineModel, linear, linearParameters, tf } from 'kumpas';
export default defineModel({
  name: 'tiny_mean',
  settings: {},
  parameters: ({ num_gloss, num_cat }) => [...linearParameters('gloss_head', 156, num_gloss), ...linearParameters('category_head', 156, num_cat)],
  forward: (_, parameters, { features }) => {
    const mean = tf.mean(features, 1);
    return { glossLogits: linear(parameters, 'gloss_head', mean), categoryLogits: linear(parameters, 'category_head', mean) };
  },
  ${parts}
});
`;

describe('a model of one’s own, from its file', () => {
  it('is in the example less than 100 lines', () => {
    expect(readFileSync(example, 'utf8').split('\n').length).toBeLessThan(100);
  });

  it('trains, resumes, evaluates, predicts and exports, and its folder alone never runs it', async () => {
    const saveDir = path.join(folder, 'runs');
    const data = writeSmallData(folder);
    const settings = ['--epochs', '2', '--hidden', '8', '--embedding', '16', '--data', data, '--save-dir', saveDir];
    const trained = await kumpas('train', '--model', example, ...settings);
    expect(trained).toMatchObject({ code: 0, output: expect.stringMatching(/hidden 8, embedding 16, dropout 0\.1/) });
    const [name = ''] = readdirSync(saveDir);
    const run = path.join(saveDir, name);
    expect(name).toMatch(/^bidirectional_gru_baseline_/);
    expect(readdirSync(run)).toEqual(
      expect.arrayContaining(['BidirectionalGru_best.pt', 'BidirectionalGru_last.pt', 'evaluation_results']),
    );
    expect(JSON.parse(readFileSync(path.join(run, 'config.json'), 'utf8'))).toMatchObject({
      model: 'bidirectional_gru',
      hidden: 8,
      run: { checkpoint_name: 'BidirectionalGru', model_file: example },
    });
    expect(trained.output).toContain(`npm run evaluate -- --model-path ${run} --data ${data} --model ${example}`);

    const refused = await kumpas('evaluate', '--model-path', run);
    expect(refused).toMatchObject({ code: 1, output: '' });
    expect(refused.errors).toBe(
      `${path.join(run, 'BidirectionalGru_best.pt')}: it is "bidirectional_gru", a model of one's own that "${example}" defined; give that file with --model\n`,
    );

    expect(await kumpas('train', '--resume', run, '--epochs', '3', '--model', example)).toMatchObject({ code: 0 });
    expect(readFileSync(path.join(run, 'training_log.txt'), 'utf8').trim().split('\n')).toHaveLength(4);

    const evaluated = await kumpas('evaluate', '--model-path', run, '--model', example, '--json');
    expect(evaluated.code).toBe(0);
    expect(JSON.parse(evaluated.output)).toHaveProperty('gloss');

    expect((await kumpas('demo-data', '--model', example, '--out', path.join(folder, 'clips'))).code).toBe(0);
    const [clip = ''] = readdirSync(path.join(folder, 'clips/keypoints_val'));
    const input = path.join(folder, 'clips/keypoints_val', clip);
    const predicted = await kumpas('predict', '--model-path', run, '--model', example, '--input', input, '--json');
    expect(JSON.parse(predicted.output)).toMatchObject({ predictions: [{ gloss: expect.any(Array) }] });

    const out = path.join(folder, 'exported.safetensors');
    expect((await kumpas('convert', 'export', run, '--model', example, '--format', 'safetensors', '--out', out)).code).toBe(0);
    expect((await kumpas('convert', 'inspect', path.join(run, 'BidirectionalGru_best.pt'), '--model', example)).output).toContain(
      'bidirectional_gru',
    );
  }, 600_000);

  it('is found where the project that one works in lists it', async () => {
    const file = modelFile('listed.ts', definition(''));
    writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ kumpas: { models: ['./listed.ts'] } }));
    const { code, output } = await kumpasIn(folder, 'train', '--model', 'tiny_mean', '--epochs', '1', '--save-dir', 'listed');
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('tiny_mean_baseline') });
    rmSync(path.join(folder, 'package.json'));
    expect(await kumpasIn(folder, 'train', '--model', 'tiny_mean')).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/expected transformer or iv3_gru/),
    });
    expect(file).toBeDefined();
  });
});

describe('a file that defines no model', () => {
  const refusals: readonly (readonly [string, string, RegExp])[] = [
    ['exports-nothing.ts', 'export const x = 1;', /no default export/],
    ['exports-else.ts', 'export default { name: 1 };', /its default export is no model/],
    ['broken.ts', 'export default (', /broken\.ts: it cannot be run: /],
    ['throws.ts', "throw new Error('out of paint');", /it cannot be run: out of paint/],
    ['wrong-name.ts', definition("name: 'My Model',"), /model "My Model": its name must be/],
    ['taken-setting.ts', definition('settings: { lr: 1 },'), /settings\.lr must be made by setting/],
    [
      'architecture-alone.ts',
      definition('architecture: (_, { gloss, category }) => ({ num_gloss: gloss, num_cat: category }),'),
      /belong together/,
    ],
  ];
  it.each(refusals)('%s is refused in a line', (name, text, reason) => {
    const file = modelFile(name, text);
    expect(() => loadModelFile(file)).toThrow(reason);
    expect(() => loadModelFile(file)).toThrow(file);
  });

  it('is refused where its name is another model’s', () => {
    const file = modelFile('taken.ts', definition("name: 'transformer',"));
    expect(() => ownModels.with([loadModelFile(file)])).toThrow(`${file}: there is a model transformer already; give yours another name`);
  });

  it('is refused where it is not there', () => {
    expect(() => loadModelFile('./absent.ts')).toThrow('./absent.ts: no such file');
  });

  it('is told by one line where forward gives other shapes than the classes', async () => {
    const file = modelFile(
      'wrong-shape.ts',
      definition('forward: (_, __, { features }) => ({ glossLogits: tf.mean(features, 1), categoryLogits: tf.mean(features, 1) }),'),
    );
    const { code, errors } = await kumpas('train', '--model', file, '--epochs', '1', '--save-dir', path.join(folder, 'wrong'));
    expect(code).toBe(1);
    expect(errors.trim().split('\n').at(-1)).toMatch(/model tiny_mean: its forward gives glossLogits \[\d+, 156\], expected \[\d+, 105\]/);
  });
});
