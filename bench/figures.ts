/** The figures of a bench: numbers with their unit in the name, and what they were measured with. */
export type Figures = Readonly<Record<string, unknown>>;

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2;
}

/** Median and minimum of times in milliseconds, to a tenth. */
export function timeFigures(milliseconds: readonly number[]): { median_ms: number; min_ms: number; runs: number } {
  return { median_ms: round(median(milliseconds)), min_ms: round(Math.min(...milliseconds)), runs: milliseconds.length };
}

export function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}

/** How long something takes, in milliseconds. */
export async function timed(run: () => unknown): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

/** A line a figure; those that belong together are set in. */
export function figuresText(figures: Figures, indent = ''): string {
  return Object.entries(figures)
    .map(([name, value]) =>
      typeof value === 'object' && value !== null
        ? `${indent}${name}\n${figuresText(value as Figures, `${indent}  `)}`
        : `${indent}${name}  ${String(value)}\n`,
    )
    .join('');
}
