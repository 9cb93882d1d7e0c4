import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { exponentOf } from '../../bench/growth';
import { growthFamilies } from '../../bench/growth-families';
import { readGrown } from '../../bench/growth-readers';

const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-growth-test-'));
/** A quarter of what `npm run bench -- fuzz` goes up to. */
const BYTES = 240_000;
/** What is looked for takes minutes; what is as it should be, a fraction of a second even on a machine at work. */
const LONGEST_MS = 20_000;

describe('a small file is read or refused, and hangs nothing', () => {
  it.each(growthFamilies.map((family) => [family.title, family] as const))(
    '%s',
    async (_title, { reader, write }) => {
      const file = path.join(folder, 'grown');
      writeFileSync(file, write(BYTES));
      const start = performance.now();
      expect(['read', 'refused']).toContain(await readGrown(reader, file));
      expect(performance.now() - start).toBeLessThan(LONGEST_MS);
    },
    60_000,
  );
});

describe('the power with which a cost grows', () => {
  const of = (cost: (size: number) => number): number | undefined =>
    exponentOf([1, 2, 4, 8].map((size) => [size, cost(size), cost(size) > 3]));

  it('is 1 for a linear one, 2 for a quadratic, and none where all is noise', () => {
    expect(of((size) => 5 * size)).toBe(1);
    expect(of((size) => size * size)).toBe(2);
    expect(of(() => 1)).toBeUndefined();
  });
});
