import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, it } from '@jest/globals';

it('scripts/gpu-check.sh runs all that it measures on the processor too, in small, and prints one table', () => {
  const script = path.resolve(__dirname, '../../scripts/gpu-check.sh');
  const { status, stdout } = spawnSync('bash', [script, '--cpu'], { encoding: 'utf8', timeout: 600_000 });
  const rows = stdout.split('\n').filter((line) => line.startsWith('| '));
  expect(rows.map((row) => row.split(' | ')[0])).toEqual([
    '| command',
    '| ---',
    '| parity tests',
    ...[
      'step',
      'step --frames 30',
      'step --amp',
      'step --amp force',
      'step --model iv3_gru',
      'epoch',
      'evaluate',
      'features',
      'step: memory, many steps',
      'step --enable-parallel',
    ].map((command) => `| \`${command}\``),
  ]);
  expect(rows[2]).toBe('| parity tests | passed |');
  expect(rows.filter((row) => row.includes('failed'))).toEqual([]);
  expect(status).toBe(0);
}, 600_000);
