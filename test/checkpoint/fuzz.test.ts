import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { damages, readDamaged, zipOf } from '../../bench/damaged-checkpoints';
import { hostilePickles } from '../../bench/hostile-pickles';

const files = ['tiny_half.pt', 'tiny_full_legacy_nonzip.pt', 'every_dtype.pt', 'python.safetensors'].map(
  (name) => [name, readFileSync(path.resolve(__dirname, '../fixtures/torch', name))] as const,
);

/** With the hostile ones, over 20,000 cases. */
const CASES_EACH = 1_600;

const kinds = files.flatMap(([name, bytes]) =>
  damages.flatMap(({ title, casesOf }) => {
    const cases = casesOf(bytes);
    return cases === undefined ? [] : [[`${name}, ${title}`, cases] as const];
  }),
);

describe('a damaged file gives a result or one clear error, never anything else', () => {
  it.each(kinds)('%s', (_what, cases) => {
    const ends = new Set<string>();
    fc.assert(
      fc.property(cases, (bytes) => {
        ends.add(readDamaged(bytes));
      }),
      { numRuns: CASES_EACH, seed: 7 },
    );
    expect(ends).toContain('refused');
  });

  it('in over 20,000 cases', () => {
    expect(kinds.length * CASES_EACH + 2 * hostilePickles.length).toBeGreaterThan(20_000);
  });
});

describe('a pickle that was made to do harm is refused', () => {
  it.each(hostilePickles.map(({ title, pickle }) => [title, pickle] as const))('%s', (_title, pickle) => {
    expect(
      readDamaged(
        zipOf([
          ['m/data.pkl', pickle],
          ['m/data/0', new Uint8Array(4)],
        ]),
      ),
    ).toBe('refused');
    expect(readDamaged(pickle)).toBe('refused');
  });
});
