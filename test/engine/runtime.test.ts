import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { driverVersion, instructionSets } from '../../src/engine/hardware';
import { startRuntime } from '../../src/engine/runtime';
import { tf } from '../../src/engine/tensorflow';

const project = path.resolve(__dirname, '../..');

/** Starts the runtime in a process of its own, computes something and prints the runtime as JSON. */
function startInChild(environment: NodeJS.ProcessEnv): { stderr: string; runtime: Record<string, unknown> } {
  const program = `
    const { startRuntime } = require('./src/engine/runtime');
    const { tf } = require('./src/engine/tensorflow');
    startRuntime().then((runtime) => {
      tf.ones([2, 2]).matMul(tf.ones([2, 2])).dataSync();
      console.log(JSON.stringify(runtime));
    });`;
  const child = spawnSync(process.execPath, ['--require', 'tsx/cjs', '-e', program], {
    cwd: project,
    encoding: 'utf8',
    env: { ...process.env, ...environment },
  });
  return { stderr: child.stderr, runtime: JSON.parse(child.stdout) as Record<string, unknown> };
}

describe('startRuntime', () => {
  it('starts once, and TensorFlow then computes', async () => {
    const runtime = await startRuntime();
    expect(await startRuntime({ verbose: true })).toBe(runtime);
    if (runtime.backend === 'native') expect(process.env['TF_CPU_ALLOCATOR_USE_BFC']).toBeDefined();
    expect(tf.getBackend()).toBe(runtime.backend === 'native' ? 'tensorflow' : 'cpu');
    expect(runtime.threads).toBeGreaterThan(0);
    const { values, indices } = tf.topk(tf.tensor1d([1, 3, 2]), 2);
    expect(Array.from(values.dataSync())).toEqual([3, 2]);
    expect(Array.from(indices.dataSync())).toEqual([1, 2]);
  });

  it('prints nothing, whatever computes', () => {
    expect(startInChild({}).stderr).toBe('');
  });

  it('uses the JavaScript backend where KUMPAS_BACKEND asks for it, without a warning or an advertisement', () => {
    const { stderr, runtime } = startInChild({ KUMPAS_BACKEND: 'js' });
    expect(stderr).toBe('');
    expect(runtime).toMatchObject({
      backend: 'javascript',
      usesGpu: false,
      threads: 1,
      device: expect.stringMatching(/^CPU, .*in JavaScript$/),
    });
    expect(runtime).not.toHaveProperty('warning');
  });

  it('says how many threads an operation may use', () => {
    const { runtime } = startInChild({ TF_NUM_INTRAOP_THREADS: '1' });
    if (runtime['backend'] === 'native') expect(runtime).toMatchObject({ threads: 1, device: expect.stringMatching(/^CPU, 1 thread/) });
    else expect(runtime['threads']).toBe(1);
  });
});

describe('the hardware', () => {
  it('is described by the instruction sets that matter', () => {
    expect(instructionSets('processor\t: 0\nflags\t\t: fpu sse avx avx2 fma avx512f amx_tile\n')).toEqual([
      'AVX',
      'AVX2',
      'FMA',
      'AVX-512',
      'AMX',
    ]);
    expect(instructionSets('Features\t: fp asimd sve bf16\n')).toEqual(['NEON', 'BF16', 'SVE']);
    expect(instructionSets('')).toEqual([]);
  });

  it("gives the NVIDIA driver's version", () => {
    expect(
      driverVersion('NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\nGCC version:  gcc 12.3.0'),
    ).toBe('535.104.05');
    expect(driverVersion('NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release Build')).toBe('550.54.14');
    expect(driverVersion('')).toBeUndefined();
  });
});
