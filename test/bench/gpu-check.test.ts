import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';

const script = path.resolve(__dirname, '../../scripts/gpu-check.sh');

describe('scripts/gpu-check.sh', () => {
  (existsSync('/dev/nvidiactl') ? it.skip : it)('says in a line that there is no GPU, and ends with 1', () => {
    const { status, stdout, stderr } = spawnSync('bash', [script], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^gpu-check: there is no NVIDIA GPU here .*--cpu.*\n$/);
  });

  it('refuses what it does not know', () => {
    const { status, stderr } = spawnSync('bash', [script, '--gpu'], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([1, 'gpu-check: --gpu: unknown; it takes --cpu and --pytorch PYTHON\n']);
  });
});
