import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from '@jest/globals';

/** The driver's own file: with a GPU, sessions have TensorFlow's defaults. */
const itWithoutGpu = existsSync('/proc/driver/nvidia/version') ? it.skip : it;

itWithoutGpu('a recorded graph is optimised in one round, without the passes that find nothing in it', () => {
  const project = path.resolve(__dirname, '../..');
  const program = ['--conditions=kumpas-source', '--import', 'tsx', path.join(__dirname, 'programs/heat-equation.mts')];
  const { status, stderr } = spawnSync(process.execPath, program, {
    cwd: project,
    encoding: 'utf8',
    // TensorFlow says each pass that it makes.
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '0', TF_CPP_VMODULE: 'meta_optimizer=1' },
  });
  const count = (text: string): number => stderr.split(text).length - 1;
  expect(status).toBe(0);
  expect(count('Starting optimization')).toBeGreaterThan(0);
  expect(count('arithmetic_optimizer:')).toBe(count('Starting optimization'));
  for (const pass of ['memory_optimizer:', 'loop_optimizer:', 'implementation_selector:']) expect(count(pass)).toBe(0);
});
