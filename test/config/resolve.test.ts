import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeIdle } from '../../src/config/idle-settings';
import { describeOverrides, resolveLayers, resolveSettings, type SettingsRequest } from '../../src/config/resolve';
import { optimizerText } from '../../src/config/optimizer-settings';
import { UserError } from '../../src/foundation/errors';
import { ownModels } from '../../src/models/model-table';

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kumpas-settings-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function settingsFile(name: string, content: unknown): string {
  const file = path.join(folder, name);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

function problemsOf(request: SettingsRequest): string[] {
  try {
    resolveSettings(request, ownModels);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return error instanceof UserError ? error.message.split('\n') : [];
  }
  return [];
}

describe('which value wins', () => {
  it('takes the command line over the file, the file over the preset, the preset over the default', () => {
    const file = settingsFile('layers.json', { lr: 2e-4, batch_size: 16 });
    const { settings, origins } = resolveSettings({ file, commandLine: { lr: '3e-4', data: 'clips' } }, ownModels);
    expect(settings).toMatchObject({ lr: 3e-4, batch_size: 16, num_layers: 6, kp_key: 'X' });
    expect(origins['lr']).toEqual({ source: 'command line', instead: { source: 'configs/transformer.json', value: 1e-4 } });
    expect(origins['batch_size']?.source).toBe(file);
    expect(origins['num_layers']).toEqual({ source: 'configs/transformer.json' });
    expect(origins['kp_key']).toEqual({ source: 'default' });
  });

  it('describes each override with what it replaced, and nothing that was not changed', () => {
    const resolved = resolveSettings({ commandLine: { data: 'clips', lr: '3e-4', batch_size: '32', early_stop: '4' } }, ownModels);
    expect(describeOverrides(resolved)).toEqual([
      'data "clips" (command line; default: none)',
      'lr 0.0003 (command line; configs/transformer.json: 0.0001)',
      'early_stop 4 (command line; configs/transformer.json: none)',
    ]);
  });

  it.each([
    [{ ema_decay: '0.9' }, 'ema', { ema: 'true' }],
    [{ teacher_weight: '0.3', teacher_temperature: '4' }, 'teacher', { teacher: 'a.pt' }],
    [{ weight_decay_on: 'weights' }, 'weight_decay', { weight_decay: '0.1' }],
    [{ focal_gamma: '3', focal_alpha: '2' }, 'loss focal', { loss: 'focal' }],
    [{ label_smoothing: '0.3' }, 'loss label_smoothing', { loss: 'label_smoothing' }],
    [{ curriculum_schedule: 'cosine', curriculum_epochs: '3', curriculum_min_weight: '0.2' }, 'curriculum', { curriculum: 'gloss-first' }],
    [{ curriculum_warmup: '2' }, 'curriculum dynamic', { curriculum: 'dynamic' }],
    [{ plateau_factor: '0.1', plateau_patience: '2' }, 'scheduler plateau', { scheduler: 'plateau' }],
    [{ warmup_epochs: '3' }, 'scheduler warmup_cosine', { scheduler: 'warmup_cosine' }],
    [{ pct_start: '0.2', div_factor: '10', final_div_factor: '100' }, 'scheduler one_cycle', { scheduler: 'one_cycle' }],
    [{ step_size: '3', step_gamma: '0.5' }, 'scheduler step', { scheduler: 'step' }],
  ])('says of %j that it changes nothing without %s, and nothing with it', (typed, needed, more) => {
    const idle = (commandLine: Record<string, string>): string[] =>
      describeIdle(resolveSettings({ commandLine: { data: 'clips', scheduler: 'none', ...commandLine } }, ownModels));
    const lines = Object.entries<string>(typed).map(([key, value]) => `${key} ${value} changes nothing without ${needed}`);
    expect(idle(typed)).toEqual(lines);
    expect(idle({ ...typed, ...more })).toEqual([]);
  });

  it('says of a warm-up that never ends what it does', () => {
    const said = (epochs: string): string[] =>
      describeIdle(resolveSettings({ file: 'transformer-strong', commandLine: { data: 'clips', epochs } }, ownModels));
    expect(said('5')).toEqual([
      'the warm-up takes 5 epochs and the training 5: the learning rate never reaches 0.001; fewer warmup_epochs mend that',
    ]);
    expect(said('6')).toEqual([]);
  });

  it("uses the demo preset where no data is given, and the model's own where it is", () => {
    expect(resolveSettings({ commandLine: {} }, ownModels).origins['lr']?.source).toBe('configs/transformer-demo.json');
    const file = settingsFile('data.json', { data: 'clips' });
    expect(resolveSettings({ file, commandLine: {} }, ownModels).origins['lr']?.source).toBe('configs/transformer.json');
    expect(resolveSettings({ file, commandLine: { data: 'none' } }, ownModels).settings.data).toBeNull();
    expect(resolveSettings({ preset: 'transformer', commandLine: {} }, ownModels).settings).toMatchObject({ emb_dim: 256 });
  });

  it('takes a shipped preset by its name as a file of settings', () => {
    const { settings, origins } = resolveSettings({ file: 'transformer-strong', commandLine: { data: 'clips', lr: '2e-3' } }, ownModels);
    expect(settings).toMatchObject({ emb_dim: 128, normalize: 'shoulders', augment: 'strong', ema: true, epochs: 60, lr: 2e-3 });
    expect(origins['ema']?.source).toBe('configs/transformer-strong.json');
    expect(origins['lr']).toEqual({ source: 'command line', instead: { source: 'configs/transformer.json', value: 1e-4 } });
    expect(() => resolveSettings({ file: 'transformer-strog' }, ownModels)).toThrow(
      /no preset of that name; did you mean transformer-strong\?$/,
    );
    expect(() => resolveSettings({ file: 'mine' }, ownModels)).toThrow(/mine: no such file.*the presets are iv3_gru, .*transformer-strong/);
    expect(() => resolveSettings({ file: 'mine/transformer-strong' }, ownModels)).toThrow(/cannot be read/);
  });

  it("puts the model's name into save_dir", () => {
    expect(resolveSettings({ commandLine: {} }, ownModels).settings.save_dir).toBe('trained_models/transformer');
    expect(resolveSettings({ commandLine: { save_dir: 'runs/<model>/today' } }, ownModels).settings.save_dir).toBe(
      'runs/transformer/today',
    );
  });

  it('goes on from recorded settings without any preset', () => {
    const recorded = {
      source: 'run/config.json',
      values: { ...resolveSettings({ commandLine: { data: 'clips' } }, ownModels).settings, epochs: 3 },
    };
    const resolved = resolveLayers([recorded, { source: 'command line', values: { epochs: '6' } }], ownModels);
    expect(resolved.settings).toEqual({ ...recorded.values, epochs: 6 });
    expect(describeOverrides(resolved)).toEqual(['epochs 6 (command line; run/config.json: 3)']);
  });
});

describe('spellings', () => {
  it('understands aliases in files and on the command line', () => {
    const file = settingsFile('aliases.json', { n_heads: 4, pooling_method: 'cls' });
    const { settings } = resolveSettings(
      { file, commandLine: { n_layers: '2', max_grad_norm: '0.5', gradient_accumulation_steps: '3' } },
      ownModels,
    );
    expect(settings).toMatchObject({ num_heads: 4, pooling: 'cls', num_layers: 2, grad_clip: 0.5, accumulation_steps: 3 });
  });

  it('refuses a setting and its alias side by side', () => {
    expect(problemsOf({ commandLine: { num_heads: '4', n_heads: '8' } })).toEqual([
      '--n-heads: is given twice: n_heads and num_heads are one setting',
    ]);
  });

  it('turns a setting off with none, off, null and --no-…, but keeps none where it is a choice', () => {
    for (const given of ['none', 'off', 'null', false]) {
      expect(resolveSettings({ commandLine: { early_stop: given } }, ownModels).settings.early_stop).toBeNull();
    }
    expect(resolveSettings({ commandLine: { scheduler: 'none' } }, ownModels).settings.scheduler).toBe('none');
  });
});

describe('what is refused', () => {
  it('lists everything that is wrong, in the file and on the command line, each with its place', () => {
    const file = settingsFile('wrong.json', { batch_size: 'abc', emb_dimm: 64, dropout: 1, epochs: 2.5, pooling: null });
    const commandLine = { lr: '-1', resum: true, zzzzzz: 'x', seed: '', num_gloss: '0', no_such: false };
    expect(problemsOf({ file, commandLine, otherFlags: ['resume'] })).toEqual([
      `${file}: batch_size: expected a whole number from 1 to 65536, found "abc"`,
      `${file}: emb_dimm: unknown key; did you mean emb_dim?`,
      `${file}: dropout: expected a number of at least 0 and below 1, found 1`,
      `${file}: epochs: expected a whole number from 1 to 1000000, found 2.5`,
      `${file}: pooling: expected one of mean, max, cls, found null`,
      '--lr: expected a number above 0, found "-1"',
      '--resum: unknown flag; did you mean --resume?',
      '--zzzzzz: unknown flag',
      '--seed: expected a whole number from 0 to 2147483647, found nothing',
      '--num-gloss: expected a whole number from 1 to 1000000, or none (from labels_reference or the labels), found "0"',
      '--no-such: unknown flag',
    ]);
  });

  it.each([
    [{ emb_dim: '100' }, '--emb-dim: expected a multiple of num_heads (8), found 100'],
    [{ num_heads: '7' }, '--num-heads: expected a divisor of emb_dim (128), found 7'],
    [{ emb_dim: '100', num_heads: '7' }, '--emb-dim: expected a multiple of num_heads (7), found 100'],
    [{ emb_dim: '7', num_heads: '7' }, '--emb-dim: expected an even number, found 7'],
    [{ alpha: '0', beta: '0' }, '--alpha: expected a number above 0 in alpha or beta, found 0 in both: nothing would be learnt'],
    [{ model: 'transfromer' }, '--model: expected transformer or iv3_gru, found "transfromer"; did you mean transformer?'],
    [{ model: '__proto__' }, '--model: expected transformer or iv3_gru, found "__proto__"'],
    [{ data: 'a', kp_key: 'X', keypoints_val: 'b' }, /^--keypoints-val: cannot be combined with data/],
    [{ data: 'a', val_share: 0.2, labels_val_csv: 'b' }, /^--labels-val-csv: cannot be combined with val_share/],
    [{ val_share: 0.2 }, /^--val-share: needs clips to share: give data, or keypoints_train and labels_train_csv/],
    [{ data: 'a', val_share: 1 }, /^--val-share: .*above 0 and below 1/],
    [{ keypoints_train: 'a' }, /^--keypoints-train: needs keypoints_val, labels_train_csv, labels_val_csv too/],
    [{ description: '../elsewhere' }, /^--description: expected up to 64 letters/],
  ] as const)('refuses %j', (commandLine, expected) => {
    const problems = problemsOf({ commandLine });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toEqual(typeof expected === 'string' ? expected : expect.stringMatching(expected));
  });

  it('names the file for what is wrong between its values', () => {
    const file = settingsFile('between.json', { emb_dim: 100 });
    expect(problemsOf({ file, commandLine: {} })).toEqual([`${file}: emb_dim: expected a multiple of num_heads (8), found 100`]);
  });

  it('says line and column of a fault in JSON', () => {
    const file = settingsFile('comma.json', '{\n  "lr": 1e-3,\n}\n');
    expect(problemsOf({ file, commandLine: {} })).toEqual([
      `${file}: no valid JSON: line 3, column 1: expected a key in double quotes (no comma after the last value, no comments), found }`,
    ]);
  });

  it('refuses what is no object, is not there, or is no shipped preset', () => {
    const list = settingsFile('list.json', [1]);
    expect(problemsOf({ file: list, commandLine: {} })).toEqual([`${list}: expected one JSON object of settings, as {"batch_size": 32}`]);
    expect(problemsOf({ file: path.join(folder, 'absent.json'), commandLine: {} })[0]).toMatch(
      /absent\.json: the file of settings cannot be read/,
    );
    expect(problemsOf({ preset: '../package', commandLine: {} })[0]).toMatch(
      /^configs\/package\.json: the file of settings cannot be read/,
    );
  });

  it('does not take __proto__ for a setting', () => {
    const file = settingsFile('proto.json', '{"__proto__": {"lr": 5}}');
    expect(problemsOf({ file, commandLine: {} })).toEqual([`${file}: __proto__: unknown key`]);
  });
});

describe('the optimiser', () => {
  const resolved = (commandLine: Record<string, unknown>): unknown =>
    resolveSettings({ commandLine: { data: 'clips', ...commandLine } }, ownModels).settings;

  it('is Adam with PyTorch’s betas, or what is asked for', () => {
    const usual = { weight_decay: 0, adam_beta1: 0.9, adam_beta2: 0.999, eps: 1e-8, momentum: 0, nesterov: false };
    expect(resolved({})).toMatchObject({ optimizer: 'adam', ...usual });
    expect(resolved({ optimizer: 'adamw', beta2: '0.98', adam_epsilon: '1e-6' })).toMatchObject({
      optimizer: 'adamw',
      adam_beta2: 0.98,
      eps: 1e-6,
    });
    expect(resolved({ optimizer: 'sgd', momentum: '0.9', nesterov: true })).toMatchObject({
      optimizer: 'sgd',
      momentum: 0.9,
      nesterov: true,
    });
  });

  it.each([
    [{ optimizer: 'lion' }, '--optimizer: expected one of adam, adamw, sgd, found "lion"'],
    [{ momentum: '0.9' }, '--momentum: expected with the optimizer sgd, found with adam: leave one out'],
    [{ nesterov: true, optimizer: 'adamw' }, '--nesterov: expected with the optimizer sgd, found with adamw'],
    [{ nesterov: true, optimizer: 'sgd' }, '--nesterov: needs a momentum above 0: give --momentum, as 0.9'],
    [{ beta1: '0.8', optimizer: 'sgd' }, '--adam-beta1: expected with the optimizer adam or adamw, found with sgd'],
    [{ adam_beta2: '1' }, '--adam-beta2: expected a number from 0 to 0.999999, found "1"'],
    [{ optimizer: 'sgd', momentum: '1' }, '--momentum: expected a number of at least 0 and below 1, found "1"'],
  ])('is refused where it cannot be meant: %p', (commandLine, message) => {
    expect(() => resolved(commandLine)).toThrow(message);
  });

  it('is told in a few words where it is not the usual one', () => {
    expect(optimizerText({ optimizer: 'adam', weight_decay: 0.1 })).toBeUndefined();
    expect(optimizerText({})).toBeUndefined();
    expect(optimizerText({ optimizer: 'adam', eps: 1e-6 })).toBe('adam, eps 0.000001');
    expect(optimizerText({ optimizer: 'sgd', momentum: 0.9, nesterov: true, weight_decay: 0.1 })).toBe(
      'sgd, weight decay 0.1, momentum 0.9, nesterov',
    );
  });
});

describe('switches', () => {
  const resolved = (commandLine: Record<string, unknown>): unknown => {
    const { amp, compile_model } = resolveSettings({ commandLine: { data: 'clips', ...commandLine } }, ownModels).settings;
    return { amp, compile_model };
  };

  it('are on or off, as typed or in words', () => {
    expect(resolved({})).toEqual({ amp: false, compile_model: true });
    expect(resolved({ amp: true })).toEqual({ amp: true, compile_model: true });
    expect(resolved({ amp: 'true', compile_model: true })).toEqual({ amp: true, compile_model: true });
    expect(resolved({ compile_model: false })).toEqual({ amp: false, compile_model: false });
    expect(resolved({ amp: 'force' })).toEqual({ amp: 'force', compile_model: true });
    expect(() => resolved({ amp: 'perhaps' })).toThrow('--amp: expected true, false or force, found "perhaps"');
  });

  it('have TensorFloat-32 and cuDNN’s GRUs on unless they are switched off', () => {
    const { tf32, cudnn_gru } = resolveSettings({ commandLine: { data: 'clips' } }, ownModels).settings;
    expect({ tf32, cudnn_gru }).toEqual({ tf32: true, cudnn_gru: true });
  });

  it('refuse --amp without a captured step', () => {
    expect(() => resolved({ amp: true, compile_model: false })).toThrow('--amp: needs the captured step');
    expect(() => resolved({ amp: 'force', compile_model: false })).toThrow('--amp: needs the captured step');
  });
});
