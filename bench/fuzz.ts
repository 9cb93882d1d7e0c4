import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { UserError } from '../src/foundation/errors';
import { damages, readDamaged, zipOf } from './damaged-checkpoints';
import { round, type Figures } from './figures';
import type { BenchFlags } from './flags';
import { measureGrowth, type Growth } from './growth';
import { hostilePickles } from './hostile-pickles';
import { peakMemoryMb } from './peak-memory';

/** What no case may pass: a damaged file is never worth more. */
const LONGEST_MS = 5_000;
const MOST_MEMORY_MB = 600;

/**
 * Damages valid checkpoints in many ways and reads them, and hand-made hostile ones: each must end in a result or a clear error. Then files of every kind that grow.
 * @throws UserError where one takes too long or too much memory, or costs more than in proportion to its size; Error where one ends otherwise.
 */
export async function benchFuzz(flags: BenchFlags): Promise<Figures> {
  const { runs: cases = 25_000 } = flags;
  const counts = { read: 0, refused: 0 };
  let slowest = { ms: 0, what: '' };
  const startMb = process.memoryUsage.rss() / 1e6;
  const read = (bytes: Uint8Array, what: string): void => {
    const start = performance.now();
    counts[readDamaged(bytes)]++;
    const ms = performance.now() - start;
    if (ms > slowest.ms) slowest = { ms: round(ms), what };
  };
  for (const { title, pickle } of hostilePickles) {
    read(
      zipOf([
        ['m/data.pkl', pickle],
        ['m/data/0', new Uint8Array(4)],
      ]),
      title,
    );
    read(pickle, title);
  }
  const files = validFiles();
  const kinds = files.flatMap(({ name, bytes }) =>
    damages.flatMap(({ title, casesOf }) => {
      const arbitrary = casesOf(bytes);
      return arbitrary === undefined ? [] : [{ what: `${name} ${title}`, arbitrary }];
    }),
  );
  const each = Math.ceil(cases / kinds.length);
  for (const [seed, { what, arbitrary }] of kinds.entries()) {
    process.stderr.write(`${seed + 1}/${kinds.length} ${what}: ${each} cases\n`);
    fc.assert(
      fc.property(arbitrary, (bytes) => {
        read(bytes, what);
      }),
      { numRuns: each, seed },
    );
    await new Promise(setImmediate);
  }
  const growth = peakMemoryMb() - startMb;
  if (slowest.ms > LONGEST_MS) throw new UserError(`fuzz: ${slowest.what} took ${slowest.ms} ms, more than ${LONGEST_MS}`);
  if (growth > MOST_MEMORY_MB) throw new UserError(`fuzz: the process grew by ${Math.round(growth)} MB, more than ${MOST_MEMORY_MB}`);
  const families = measureGrowth((family, done, all) => {
    process.stderr.write(`${done}/${all} ${family.family}: ${growthText(family)}${family.problems.length > 0 ? ' - too much' : ''}\n`);
  });
  const wrong = families.flatMap(({ family, problems }) => problems.map((problem) => `fuzz: ${family}: ${problem}`));
  if (wrong.length > 0) throw new UserError(wrong.join('\n'));
  return {
    cases: counts.read + counts.refused,
    ...counts,
    crashed: 0,
    slowest_ms: slowest.ms,
    slowest_case: slowest.what,
    peak_memory_growth_mb: Math.round(growth),
    families: families.length,
    growth: flags.json ? families : Object.fromEntries(families.map((growth) => [growth.family, growthText(growth)])),
    setting: { files: files.map(({ name }) => name), hostile_pickles: hostilePickles.length },
  };
}

/** `131 ms, 190 MB for 960000 bytes; time grows with the power 0.9`. */
function growthText({ ms, memory_mb, bytes, time_exponent, memory_exponent }: Growth): string {
  const exponents = [
    ...(time_exponent === undefined ? [] : [`time grows with the power ${time_exponent}`]),
    ...(memory_exponent === undefined ? [] : [`memory with the power ${memory_exponent}`]),
  ];
  return [`${ms} ms, ${memory_mb} MB for ${bytes} bytes`, ...exponents].join('; ');
}

/** The small fixtures of the tests, which a checkout has. */
function validFiles(): { name: string; bytes: Uint8Array }[] {
  const folder = path.resolve(__dirname, '../test/fixtures/torch');
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const chosen = names.filter((name) => /^(tiny_half|tiny_full|tiny_full_legacy_nonzip|every_dtype|python)\.(pt|safetensors)$/.test(name));
  if (chosen.length < 5) throw new UserError(`${folder}: the valid checkpoints to damage are not there`);
  return chosen.map((name) => ({ name, bytes: readFileSync(path.join(folder, name)) }));
}
