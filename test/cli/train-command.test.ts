import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { checkout, sharedCommands } from '../support/commands';

const { kumpas } = sharedCommands();

function parsed(...args: string[]): unknown {
  const program = path.join(__dirname, 'print-train-command.ts');
  return JSON.parse(spawnSync(process.execPath, ['--import', 'tsx', program, ...args], { encoding: 'utf8', cwd: checkout }).stdout);
}

describe('the command line', () => {
  it('lists the commands, and refuses one that does not exist with the nearest', async () => {
    expect(await kumpas()).toMatchObject({ code: 0, output: expect.stringMatching(/npm run train +Train a model/) });
    expect(await kumpas('trian')).toEqual({ code: 1, output: '', errors: 'trian: unknown command; did you mean train?\n' });
  });

  it('shows help with flags, aliases, types, defaults and examples', async () => {
    const { code, output } = await kumpas('train', '--help');
    expect(code).toBe(0);
    expect(output).toMatch(/--num-layers, --n-layers +Encoder layers\. +\[number\] \[default: 6\]/);
    expect(output).toMatch(/\[choices: "none", "plateau", "cosine", "warmup_cosine", "one_cycle", "step"\] \[default:\s+plateau\]/);
    expect(output).toMatch(/--resume +Go on with a training/);
    expect(output).toContain('npm run train -- --resume --epochs 60');
    for (const heading of ['Model:', 'Data:', 'Training:', 'Output:', 'General:', 'Examples:']) expect(output).toContain(`\n${heading}\n`);
  });

  it('refuses wrong flags and values in one go, a line each, without a stack', async () => {
    expect(await kumpas('train', '--lr', 'abc', '--emb_dmi', '4', '--resum', '--no-epochs')).toEqual({
      code: 1,
      output: '',
      errors: [
        '--lr: expected a number above 0, found "abc"',
        '--emb-dmi: unknown flag; did you mean --emb-dim?',
        '--resum: unknown flag; did you mean --resume?',
        '--epochs: expected a whole number from 1 to 1000000, found false',
        '',
      ].join('\n'),
    });
    expect((await kumpas('train', 'clips')).errors).toBe('"clips" belongs to no flag; see npm run train -- --help\n');
    expect((await kumpas('train', '--config')).errors).toBe('--config: expected the path of a file, found nothing\n');
  });

  it('shows the stack of a mistake with --verbose', async () => {
    expect((await kumpas('train', '--lr', 'abc', '--verbose')).errors).toMatch(/^UserError: --lr: expected[^\n]*\n +at /);
  });
});

describe('parseTrainCommand', () => {
  it('keeps what was typed as text, the last of two, under the settings’ keys', () => {
    const typed = [
      '--lr',
      '3e-4',
      '--n-heads',
      '4',
      '--batch_size=8',
      '--epochs',
      '7',
      '--epochs',
      '9',
      '--no-grad-clip',
      '--weight-decay',
      '-1',
    ];
    expect(parsed(...typed)).toEqual({
      settings: { lr: '3e-4', num_heads: '4', batch_size: '8', epochs: '9', grad_clip: false, weight_decay: '-1' },
      notes: [],
      smokeTest: false,
      verbose: false,
    });
  });

  it('tells a bare --resume from one with a folder', () => {
    expect(parsed('--resume', '--epochs', '6')).toEqual({
      settings: { epochs: '6' },
      resume: 'newest',
      notes: [],
      smokeTest: false,
      verbose: false,
    });
    expect(parsed('--resume', 'runs/a', '--config=mine.json', '--verbose')).toEqual({
      settings: {},
      notes: [],
      configFile: 'mine.json',
      resume: { from: 'runs/a' },
      smokeTest: false,
      verbose: true,
    });
  });
});
