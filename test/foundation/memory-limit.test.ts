import { mkdirSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { groupLimits, memoryBudget, memoryFacts, memoryLimit } from '../../src/foundation/memory-limit';
import { inTemporaryFolder } from '../support/clip-files';

const GB = 1e9;

describe('the memory that clips may take', () => {
  it.each([
    ['the machine alone', { total: 24 * GB, limits: [], available: 23 * GB }, 6 * GB],
    ['a group of 900 MB', { total: 24 * GB, limits: [0.9 * GB], available: 0.85 * GB }, 0.225 * GB],
    ['a group within a smaller one', { total: 24 * GB, limits: [8 * GB, 2 * GB], available: 23 * GB }, 0.5 * GB],
    ['a group without a limit', { total: 24 * GB, limits: [0, 2 ** 64], available: 23 * GB }, 6 * GB],
    ['a machine that others use', { total: 24 * GB, limits: [], available: 1 * GB }, 0.5 * GB],
    ['a system that does not say what is available', { total: 8 * GB, limits: [], available: 0 }, 2 * GB],
  ])('is a share of %s', (_, facts, expected) => {
    expect(memoryBudget(facts)).toBe(expected);
  });

  it('is at most a quarter of what this machine has', () => {
    const facts = memoryFacts();
    expect(memoryLimit(facts)).toBeGreaterThan(0);
    expect(memoryLimit(facts)).toBeLessThanOrEqual(totalmem());
    expect(memoryBudget(facts)).toBeLessThanOrEqual(totalmem() / 4);
  });
});

describe('the limits of control groups', () => {
  const limitsOf = (membership: string, files: Readonly<Record<string, string>>): Promise<number[]> =>
    inTemporaryFolder((folder) => {
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
        writeFileSync(path.join(folder, name), text);
      }
      writeFileSync(path.join(folder, 'membership'), membership);
      return groupLimits(path.join(folder, 'membership'), folder);
    });

  it('are those of version 2, from the innermost group outwards', async () => {
    const files = { 'a/b/memory.max': 'max\n', 'a/b/memory.high': '500\n', 'a/memory.max': '900000000\n', 'memory.max': '7\n' };
    expect(await limitsOf('0::/a/b\n', files)).toEqual([500, 900_000_000, 7]);
  });

  it('are those of version 1, beside other groups', async () => {
    const files = { 'memory/a/memory.limit_in_bytes': '900000000\n', 'memory/memory.limit_in_bytes': '9223372036854775808\n' };
    expect(await limitsOf('5:cpu,cpuacct:/x\n4:memory:/a\n0::/\n', files)).toEqual([900_000_000, 2 ** 63]);
  });

  it('are none where there are no groups', async () => {
    expect(await limitsOf('', {})).toEqual([]);
    expect(groupLimits('/nowhere/cgroup', '/nowhere')).toEqual([]);
  });
});
