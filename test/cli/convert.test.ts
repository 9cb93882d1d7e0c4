import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { PythonValue } from '../../src/checkpoint/python-values';
import { tensorOf } from '../../src/checkpoint/tensor';
import { writeTorchFile } from '../../src/checkpoint/torch-file';
import type { Terminal } from '../../src/cli/terminal';
import type { Typed } from '../../src/cli/command';
import { runImport } from '../../src/cli/convert';
import { runInspection } from '../../src/cli/convert-inspect';
import { describeFailure } from '../../src/cli/exit';
import { commandLineSource, checkOptions } from '../../src/config/layers';
import { importSettings, inspectSettings } from '../../src/conversion/options';
import { inTemporaryFolder } from '../support/clip-files';
import { sharedCommands, type Printed } from '../support/commands';
import { torchFolder } from '../support/parity';

const { kumpas } = sharedCommands();
const fixture = (name: string): string => path.join(torchFolder, `${name}.pt`);

/** Runs an action in this process, as the command does. */
async function act(run: (terminal: Terminal) => Promise<number>): Promise<Printed> {
  const written = { output: '', errors: '' };
  const stream = (name: keyof typeof written): Terminal['output'] => ({ write: (text) => (written[name] += text) });
  try {
    const code = await run({ output: stream('output'), errors: stream('errors') });
    return { code, ...written };
  } catch (error) {
    const { text, exitCode } = describeFailure(error, false);
    return { code: exitCode, output: written.output, errors: `${written.errors}${text}\n` };
  }
}

/** `convert import` with what is typed, flags as texts. */
function importing({ json, ...values }: Readonly<Record<string, unknown>>, ...positionals: string[]): Promise<Printed> {
  return act((terminal) => {
    const options: Typed<typeof importSettings>['options'] = checkOptions(importSettings, { source: commandLineSource, values });
    return runImport({ options, flags: { json }, positionals }, terminal);
  });
}

/** `convert inspect` without flags. */
function inspecting(...positionals: string[]): Promise<Printed> {
  return act((terminal) =>
    runInspection({ options: checkOptions(inspectSettings, { source: commandLineSource, values: {} }), flags: {}, positionals }, terminal),
  );
}

const bad = readdirSync(torchFolder).filter((name) => name.startsWith('bad_'));

describe('convert', () => {
  it('inspects, imports and exports, as people type it', async () => {
    await inTemporaryFolder(async (folder) => {
      const inspected = await kumpas('convert', 'inspect', fixture('tiny_full'), '--json');
      expect(inspected).toMatchObject({ code: 0, errors: '' });
      expect(JSON.parse(inspected.output)).toMatchObject({ form: 'zip', model: { name: 'transformer' }, scheduler: { best: '-Infinity' } });

      const imported = await kumpas(
        'convert',
        'import',
        fixture('tiny_full'),
        '--save-dir',
        path.join(folder, 'models'),
        '--description',
        'mine',
      );
      expect(imported).toMatchObject({ code: 0, errors: '' });
      const [name = ''] = readdirSync(path.join(folder, 'models'));
      expect(name).toMatch(/^transformer_mine_\d\d-\d\d$/);
      expect(imported.output).toContain(`npm run train -- --resume ${path.join(folder, 'models', name)} --data CLIPS --epochs 22`);

      const out = path.join(folder, 'served');
      const exported = await kumpas(
        'convert',
        'export',
        path.join(folder, 'models', name),
        '--format',
        'saved-model',
        '--out',
        out,
        '--frames=16',
      );
      expect(exported).toMatchObject({ code: 0, errors: '' });
      expect(exported.output).toMatch(/served: the signature serving_default for 1 × 16 frames, weights in float32.*, \d+\.\d KB/);
      expect(readdirSync(out).sort()).toEqual(['assets', 'saved_model.pb']);
    });
  });

  it('shows its help, and one for each action', async () => {
    const all = await kumpas('convert', '--help');
    expect(all.code).toBe(0);
    for (const action of ['inspect FILE', 'import FILE|FOLDER', 'export FOLDER|FILE']) expect(all.output).toContain(`  ${action} `);
    const one = await kumpas('convert', 'export', '--help');
    expect(one.output).toMatch(/Usage: npm run convert -- export FOLDER\|FILE \[flags\][^]*\[default: float32\]/);
    expect(one.output).not.toContain('--labels');
  });

  it.each<[string[], RegExp]>([
    [[], /say first what to do: inspect, import, export/],
    [['inpect', 'x.pt'], /convert inpect: did you mean inspect\?/],
    [['inspect'], /name a checkpoint/],
    [['inspect', 'a.pt', 'b.pt'], /"b\.pt": expected one path alone/],
    [['import', fixture('tiny_full'), '--model', 'resnet'], /--model: expected auto, transformer.*, found "resnet"/],
    [['import', fixture('tiny_full'), '--description', '../x'], /--description: expected up to 64 letters/],
    [['export', fixture('tiny_full')], /--format is missing: give torch, safetensors, saved-model/],
    [['export', fixture('tiny_full'), '--format', 'onnx'], /--format: expected torch, safetensors, saved-model, web, found "onnx"/],
    [['export', fixture('tiny_full'), '--format', 'torch', '--labels', 'x'], /--labels: unknown flag/],
  ])('refuses %j in a line', async (args, message) => {
    const { code, output, errors } = await kumpas('convert', ...args);
    expect({ code, output }).toEqual({ code: 1, output: '' });
    expect(errors).toMatch(message);
    expect(errors.trim()).not.toMatch(/\n +at /);
  });
});

describe('convert import', () => {
  it.each(bad)('refuses %s in one line that names it, and writes nothing', async (name) => {
    await inTemporaryFolder(async (folder) => {
      const { code, output, errors } = await importing({ save_dir: path.join(folder, 'models') }, path.join(torchFolder, name));
      expect({ code, output }).toEqual({ code: 1, output: '' });
      expect(errors).toMatch(new RegExp(`^.*${name}: [^\\n]+\\n$`));
      expect(readdirSync(folder)).toEqual([]);
    });
  });

  it('prints a table of a folder, and fails where one of it does', async () => {
    await inTemporaryFolder(async (folder) => {
      mkdirSync(path.join(folder, 'old'));
      for (const name of ['tiny_full', 'tiny_half']) copyFileSync(fixture(name), path.join(folder, 'old', `${name}.pt`));
      const typed = { save_dir: path.join(folder, 'models'), num_heads: '4', pooling: 'mean' };
      const table = await importing(typed, path.join(folder, 'old'));
      expect(table).toMatchObject({ code: 0, errors: '' });
      expect(table.output).toMatch(
        /checkpoint +model +epoch +best +classes +resume +folder\n.*tiny_full\.pt +transformer +12 +84\.6 % +7\/3 +yes +.*\n.*tiny_half\.pt +transformer +– +– +7\/3 +no/,
      );
      expect(table.output).toMatch(
        /note: it names no classes; give --labels-reference labels_reference\.csv\n {2}all of them\n[^]*2 imported, 0 not\n$/,
      );
      copyFileSync(fixture('bad_empty'), path.join(folder, 'old', 'bad_empty.pt'));
      const json = await importing({ ...typed, json: true }, path.join(folder, 'old'));
      expect(json.code).toBe(1);
      expect(JSON.parse(json.output)).toMatchObject({
        imported: [{}, {}],
        failed: [{ reason: expect.stringMatching(/bad_empty\.pt: it is empty/) as unknown }],
      });
      expect(await importing({ ...typed, log: 'x.csv' }, path.join(folder, 'old'))).toMatchObject({
        code: 1,
        errors: expect.stringMatching(/^--log belongs to one checkpoint/) as unknown,
      });
    });
  });
});

describe('convert inspect', () => {
  it('reports for people', async () => {
    const { code, output } = await inspecting(fixture('tiny_full'));
    expect(code).toBe(0);
    expect(output).toMatch(/form +PyTorch zip file.*442\.9 KB\n.*46 tensors, 33,802 values, float32; under "model"/);
    expect(output).toMatch(/fits +yes[^]*optimizer +Adam, 44 of 45 parameters with a state, step 3, lr 0\.001, weight decay 0\.001/);
    expect(output).toMatch(/Tensors\n {2}cls_token +float32 +\[1, 1, 32\] +128 bytes/);
  });

  it('says nothing of rates that an optimiser does not tell', async () => {
    await inTemporaryFolder(async (folder) => {
      const model = new Map<PythonValue, PythonValue>([['a.b', tensorOf('float32', [1], Float32Array.of(1))]]);
      const group = new Map<PythonValue, PythonValue>([
        ['lr', 0.5],
        ['etas', 1],
        ['params', [0]],
      ]);
      const rprop = new Map<PythonValue, PythonValue>([
        ['state', new Map()],
        ['param_groups', [group]],
      ]);
      const inspected = async (optimizer: PythonValue): Promise<string> => {
        const file = path.join(folder, 'o.pt');
        writeTorchFile(
          file,
          new Map<PythonValue, PythonValue>([
            ['model', model],
            ['optimizer', optimizer],
          ]),
        );
        return (await inspecting(file)).output;
      };
      expect(await inspected('adam')).toMatch(/\n {2}optimizer +not known\n/);
      expect(await inspected(rprop)).toMatch(/\n {2}optimizer +Rprop, 0 of 1 parameters with a state, step 0, lr 0\.5\n/);
    });
  });

  it.each(bad)('ends with 1 and a line for %s', async (name) => {
    const { code, errors } = await inspecting(path.join(torchFolder, name));
    expect(code).toBe(1);
    expect(errors).toMatch(new RegExp(`^.*${name}: [^\\n]+\\n$`));
  });

  it('prints no control characters that a file carries', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = path.join(folder, 'escape.pt');
      const escape = '\u001b[2Jevil\u0007';
      const tensor = tensorOf('float32', [1], Float32Array.of(1));
      const model = new Map<PythonValue, PythonValue>([[escape, tensor]]);
      const value = new Map<PythonValue, PythonValue>([
        [escape, 1],
        ['model', model],
      ]);
      writeTorchFile(file, value);
      const { output } = await inspecting(file);
      expect(output).toContain('\ufffd[2Jevil\ufffd');
      expect(output.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    });
  });

  it('says of a checkpoint of no known model what it is made of', async () => {
    const { code, output } = await inspecting(fixture('tensor_attributes'));
    expect(code).toBe(0);
    expect(output).toMatch(/model +none that Kumpas knows/);
    expect(output).toMatch(/with_attribute +float32 +\[3\] +12 bytes/);
  });
});
