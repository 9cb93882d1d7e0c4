import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { gainOfTimes, gainsKeptIn, measureBfloat16Gains, precisionHere } from '../../src/engine/bfloat16-gains';
import { choosePrecision, precisionText, productKinds, winningProducts, type Bfloat16Gains } from '../../src/engine/precision';
import { startRuntime } from '../../src/engine/runtime';
import { elementAt } from '../../src/foundation/required';
import { inTemporaryFolder } from '../support/clip-files';

const withUnits: Bfloat16Gains = { large: 1.9, small: 1.3, batched: 1.4 };
const withInstructions: Bfloat16Gains = { large: 1.4, small: 0.7, batched: 0.9 };
const without: Bfloat16Gains = { large: 0.8, small: 0.05, batched: 1.09 };

describe('what is computed in bfloat16', () => {
  it('are the kinds of products that gain by more than a measurement may be wrong', () => {
    expect([withUnits, withInstructions, without].map(winningProducts)).toEqual([['large', 'small', 'batched'], ['large'], []]);
  });

  const never = (): never => {
    throw new Error('nothing is to be measured');
  };

  it('is what was measured to win, and nothing where nothing does', () => {
    const captured = { captured: true };
    expect(choosePrecision(true, captured, () => withInstructions)).toMatchObject({ bfloat16: ['large'], because: 'measured' });
    expect(choosePrecision(true, captured, () => without)).toMatchObject({ bfloat16: [], because: 'measured', gains: without });
  });

  it('is not measured where that decides nothing', () => {
    expect(choosePrecision(false, { captured: true }, never)).toMatchObject({ bfloat16: [], because: 'not asked' });
    expect(choosePrecision('force', { captured: true, deterministic: true }, never)).toMatchObject({
      bfloat16: productKinds,
      because: 'forced',
    });
    expect(choosePrecision(true, { captured: true, deterministic: true }, never)).toMatchObject({ bfloat16: [], because: 'deterministic' });
    expect(choosePrecision('force', { captured: false }, never)).toMatchObject({ bfloat16: [], because: 'eager' });
  });

  it('stays what it was in a run that goes on, whatever another machine gains', () => {
    expect(choosePrecision(true, { captured: true, kept: ['large'] }, () => without)).toMatchObject({
      bfloat16: ['large'],
      because: 'kept',
    });
    expect(choosePrecision(true, { captured: true, kept: [] }, () => withUnits)).toMatchObject({ bfloat16: [], because: 'kept' });
    expect(choosePrecision(true, { captured: true, deterministic: true, kept: ['large'] }, never)).toMatchObject({ bfloat16: ['large'] });
  });

  it.each([
    [withUnits, 'matrix products in bfloat16 (large products run 1.9 times as fast, small ones 1.3, batched ones 1.4)'],
    [
      withInstructions,
      'large matrix products in bfloat16, others in float32 (large products run 1.4 times as fast, small ones 0.7, batched ones 0.9)',
    ],
    [
      without,
      'float32: in bfloat16 nothing wins on this machine (large products run 0.8 times as fast, small ones 0.05, batched ones 1.1); --amp force insists',
    ],
  ])('is said in a line: %j', (gains, said) => {
    expect(precisionText(choosePrecision(true, { captured: true }, () => gains))).toBe(said);
  });

  it('is said not to be decided by a measurement where machines are to agree', () => {
    expect(precisionText(choosePrecision(true, { captured: true, deterministic: true }, never))).toMatch(
      /^float32: with --deterministic no measurement decides, .*--amp force computes in bfloat16 on all of them$/,
    );
  });
});

describe('a measurement', () => {
  beforeAll(async () => {
    await startRuntime();
  });

  it('goes by the fastest or the medians, whichever says less: one disturbance makes nothing win', () => {
    expect(gainOfTimes([[2, 1], [2, 1], [2, 1]])).toBe(2); // prettier-ignore
    expect(gainOfTimes([[10, 10], [90, 10], [90, 10]])).toBe(1); // prettier-ignore
    expect(gainOfTimes([[10, 1], [10, 10], [10, 10]])).toBe(1); // prettier-ignore
  });

  it('is of this machine, and short', () => {
    for (const gain of Object.values(measureBfloat16Gains())) {
      expect(gain).toBeGreaterThan(0);
      expect(gain).toBeLessThan(1000);
    }
  });

  it('says of this machine what it computes in', async () => {
    const { bfloat16, because, gains } = await precisionHere(true, { captured: true });
    expect(because).toBe('measured');
    expect(gains && winningProducts(gains)).toEqual(bfloat16);
    expect(await precisionHere(true, { captured: true })).toEqual({ asked: true, bfloat16, because, gains });
  });

  const machine = { processor: 'A', instructionSets: 'AVX2', device: 'CPU', threads: 2, tensorflow: '2', kumpas: '1' };
  const counting = (gains: Bfloat16Gains): { measure: () => Bfloat16Gains; times: () => number } => {
    let count = 0;
    return { measure: () => (count++, gains), times: () => count };
  };

  const quiet = (): boolean => false;

  it('is kept for the machine, its threads and the versions, and taken again for another', async () => {
    await inTemporaryFolder((folder) => {
      const first = counting(withUnits);
      expect(gainsKeptIn(folder, machine, first.measure, quiet)).toEqual(withUnits);
      expect(gainsKeptIn(folder, machine, first.measure, quiet)).toEqual(withUnits);
      expect(first.times()).toBe(1);
      const other = counting(without);
      for (const change of [
        { processor: 'B' },
        { instructionSets: 'AVX2 AMX' },
        { threads: 4 },
        { tensorflow: '3' },
        { kumpas: '2' },
        { device: 'GPU' },
      ])
        expect(gainsKeptIn(folder, { ...machine, ...change }, other.measure, quiet)).toEqual(without);
      expect(other.times()).toBe(6);
      expect(gainsKeptIn(folder, machine, first.measure, quiet)).toEqual(withUnits);
    });
  });

  it.each(['', '{', '[]', 'null', '{"machine":{},"gains":{}}', '{"gains":{"large":1}}'])(
    'is taken again where the cache holds %j',
    async (text) => {
      await inTemporaryFolder((folder) => {
        gainsKeptIn(folder, machine, () => withUnits, quiet);
        const file = path.join(folder, elementAt(readdirSync(folder), 0));
        const kept = JSON.parse(readFileSync(file, 'utf8')) as object;
        for (const damaged of [text, JSON.stringify({ ...kept, gains: { large: 1, small: -1, batched: 'fast' } })]) {
          writeFileSync(file, damaged);
          expect(gainsKeptIn(folder, machine, () => without, quiet)).toEqual(without);
          expect(gainsKeptIn(folder, machine, () => withUnits, quiet)).toEqual(without);
        }
      });
    },
  );

  it('is not kept where others are at work on the machine', async () => {
    await inTemporaryFolder((folder) => {
      expect(
        gainsKeptIn(
          folder,
          machine,
          () => without,
          () => true,
        ),
      ).toEqual(without);
      expect(gainsKeptIn(folder, machine, () => withUnits, quiet)).toEqual(withUnits);
    });
  });

  it('is taken each time where there is no cache, or none that can be written', async () => {
    await inTemporaryFolder((folder) => {
      const inTheWay = path.join(folder, 'file');
      writeFileSync(inTheWay, '');
      const readOnly = path.join(folder, 'read-only');
      mkdirSync(readOnly);
      chmodSync(readOnly, 0o500);
      for (const place of [undefined, path.join(inTheWay, 'low-precision'), path.join(readOnly, 'low-precision')]) {
        expect(gainsKeptIn(place, machine, () => withUnits, quiet)).toEqual(withUnits);
      }
    });
  });
});
