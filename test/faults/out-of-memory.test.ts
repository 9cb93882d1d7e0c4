import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { inTemporaryFolder } from '../support/clip-files';
import { checkout } from '../support/commands';

const onLinux = process.platform === 'linux' ? it : it.skip;

/** Runs a program of this folder. WebAssembly, which tsx would still be preparing when the limit is set, reserves gigabytes: tsx does without where there is none. */
function run(name: string, ...argv: string[]): { stdout: string; stderr: string; status: number | null; signal: string | null } {
  const program = ['--no-expose-wasm', '--conditions=kumpas-source', '--import', 'tsx', path.join(__dirname, name), ...argv];
  // Kumpas's own kernels never hold a batch's attention scores, which are what memory is refused for here.
  return spawnSync(process.execPath, program, { cwd: checkout, encoding: 'utf8', env: { ...process.env, KUMPAS_KERNELS: 'tensorflow' } });
}

describe('a training whose memory is limited', () => {
  onLinux('is told where there is none for a copy of a batch, and does not end with a segmentation fault', () => {
    expect(run('limited-upload.ts')).toMatchObject({
      ...{ stderr: '', status: 0, signal: null },
      stdout: 'OOM when allocating tensor with shape[268435456]\n',
    });
  });

  onLinux('goes on with fewer clips at once where TensorFlow refuses a tensor, and comes to its end', async () => {
    await inTemporaryFolder((folder) => {
      // The scores of one clip take 128 MB, those of a batch 2 GB.
      const { stdout, stderr, status, signal } = run('limited-training.ts', folder, '1500');
      expect({ stderr, status, signal }).toEqual({ stderr: '', status: 0, signal: null });
      const lines = stdout.trim().split('\n');
      expect(lines[0]).toMatch(
        /^the memory did not suffice for 16 clips at once in epoch 1 \(OOM when allocating tensor with shape\[16,8,2000,2000\]\): it goes on from epoch 0 with 8 at once/,
      );
      expect(lines.at(-1)).toMatch(/^finished, [1248] at once, 1 step$/);
    });
  });
});
