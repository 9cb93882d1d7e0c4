import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { round } from './figures';
import { growthFamilies } from './growth-families';
import type { GrowthFamily } from './growth-family';

/** What no file of less than a megabyte may cost. */
const LONGEST_MS = 2_000;
const MOST_MEMORY_MB = 500;
/** The exponent of a quadratic is 2; noise, caches and collections of garbage make that of a linear growth up to so much. */
const LARGEST_EXPONENT = 1.6;
/** Shorter times and smaller amounts are noise, and no exponent is made of them. */
const NOISE_MS = 50;
const NOISE_MB = 50;

const LARGEST_BYTES = 960_000;
const DOUBLINGS = [8, 4, 2, 1];
const GIVEN_UP_MS = 30_000;

/** One file of a family: its size, and what reading it cost. */
interface Sample {
  readonly bytes: number;
  readonly ms: number;
  /** The most memory that the process had had by then. */
  readonly peak_mb: number;
}

/** What a family was found to cost. */
export interface Growth {
  readonly family: string;
  readonly bytes: number;
  readonly ms: number;
  readonly memory_mb: number;
  /** Of time and of memory against size; undefined where both are within noise. */
  readonly time_exponent: number | undefined;
  readonly memory_exponent: number | undefined;
  readonly problems: readonly string[];
}

/**
 * Reads the files of every family at doubling sizes, each family in a process of its own.
 * @param onFamily is told what each cost, as soon as it is known.
 */
export function measureGrowth(onFamily: (growth: Growth, done: number, families: number) => void): Growth[] {
  const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-growth-'));
  try {
    return growthFamilies.map((family, index) => {
      const growth = judged(family.title, samplesOf(family, folder));
      onFamily(growth, index + 1, growthFamilies.length);
      return growth;
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What is wrong with what a family cost; `end` is how its process ended, where that was before its time. */
function judged(family: string, { samples, end }: { readonly samples: readonly Sample[]; readonly end: string | undefined }): Growth {
  const largest = samples.at(-1) ?? { bytes: 0, ms: 0, peak_mb: 0 };
  const base = samples[0]?.peak_mb ?? 0;
  const time_exponent = exponentOf(samples.map(({ bytes, ms }) => [bytes, ms, ms >= NOISE_MS]));
  const memory_exponent = exponentOf(samples.map(({ bytes, peak_mb }) => [bytes, peak_mb - base, peak_mb - base >= NOISE_MB]));
  const problems = [
    ...(end === undefined ? [] : [end]),
    ...(largest.ms > LONGEST_MS ? [`${Math.round(largest.ms)} ms, more than ${LONGEST_MS}`] : []),
    ...(largest.peak_mb > MOST_MEMORY_MB ? [`${Math.round(largest.peak_mb)} MB, more than ${MOST_MEMORY_MB}`] : []),
    ...steep('time', time_exponent),
    ...steep('memory', memory_exponent),
  ];
  return {
    family,
    bytes: largest.bytes,
    ms: round(largest.ms),
    memory_mb: Math.round(largest.peak_mb),
    time_exponent,
    memory_exponent,
    problems,
  };
}

function steep(what: string, exponent: number | undefined): string[] {
  return exponent !== undefined && exponent > LARGEST_EXPONENT ? [`${what} grows with the power ${exponent} of the size`] : [];
}

/** The slope of the straight line closest to the logarithms; undefined where fewer than two points are above noise. */
export function exponentOf(points: readonly (readonly [size: number, cost: number, counts: boolean])[]): number | undefined {
  const logarithms = points.filter(([, , counts]) => counts).map(([size, cost]) => [Math.log(size), Math.log(cost)] as const);
  if (logarithms.length < 2) return undefined;
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [sizes, costs] = [mean(logarithms.map(([size]) => size)), mean(logarithms.map(([, cost]) => cost))];
  const covariance = mean(logarithms.map(([size, cost]) => (size - sizes) * (cost - costs)));
  return round(covariance / mean(logarithms.map(([size]) => (size - sizes) ** 2)), 2);
}

function samplesOf({ reader, write }: GrowthFamily, folder: string): { samples: Sample[]; end: string | undefined } {
  const files = DOUBLINGS.map((part) => {
    const content = write(Math.floor(LARGEST_BYTES / part));
    const file = path.join(folder, `part-${part}`);
    writeFileSync(file, content);
    return { file, bytes: content.length };
  });
  const args = ['--import', 'tsx', path.join(__dirname, 'growth-process.ts'), reader, ...files.map(({ file }) => file)];
  const { stdout, stderr, signal, status } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: GIVEN_UP_MS,
    killSignal: 'SIGKILL',
  });
  const costs = stdout.split('\n').filter((line) => line !== '');
  const samples = costs.map((line, index) => ({ bytes: files[index]?.bytes ?? 0, ...(JSON.parse(line) as Omit<Sample, 'bytes'>) }));
  if (signal !== null) return { samples, end: `not read within ${GIVEN_UP_MS / 1000} s: ended by ${signal}` };
  return {
    samples,
    end:
      status === 0
        ? undefined
        : `ended with an error: ${
            stderr
              .trim()
              .split('\n')
              .find((line) => line.includes('Error')) ?? ''
          }`,
  };
}
