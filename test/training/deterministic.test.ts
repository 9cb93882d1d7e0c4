import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { startRuntime } from '../../src/engine/runtime';
import { train } from '../../src/training/train';

const project = path.resolve(__dirname, '../..');

/** Takes three steps in a process of its own that is told to use so many threads. @returns what its weights are, and how many threads it used. */
function threeSteps(
  threads: number,
  deterministic: boolean,
  environment: NodeJS.ProcessEnv = {},
): { backend: string; threads: number; weights: string } {
  const steps = ['--require', 'tsx/cjs', 'test/support/three-steps.ts', deterministic ? 'deterministic' : ''];
  const child = spawnSync(process.execPath, steps, {
    cwd: project,
    encoding: 'utf8',
    env: { ...process.env, ...environment, TF_NUM_INTRAOP_THREADS: String(threads) },
  });
  if (child.status !== 0) throw new Error(child.stderr);
  return JSON.parse(child.stdout) as ReturnType<typeof threeSteps>;
}

describe('deterministic', () => {
  it('gives the same weights where machines would use other numbers of threads, which without it differ', () => {
    const [one, two] = [threeSteps(1, true), threeSteps(2, true)];
    expect(one).toEqual(two);
    if (one.backend === 'javascript') return;
    expect(one.threads).toBe(4);
    // Kumpas's own kernels add in the same order with any number of threads, and on some processors nearly all is theirs.
    const kernels = { KUMPAS_KERNELS: 'tensorflow' };
    const [fixed, without] = [threeSteps(1, true, kernels), threeSteps(1, false, kernels)];
    expect(without.threads).toBe(1);
    expect(without.weights).not.toBe(fixed.weights);
  });

  it('is refused where TensorFlow computes otherwise in this process already', async () => {
    const { backend } = await startRuntime();
    if (backend !== 'native') return;
    await expect(train({ deterministic: true })).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringMatching(
        /^deterministic: TensorFlow computes in this process already, with \d+ threads?, and cannot change that/,
      ),
    });
  });
});
