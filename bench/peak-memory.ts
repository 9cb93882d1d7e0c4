import { readFileSync } from 'node:fs';

/**
 * The most memory that this process has had, in megabytes. Linux counts in `maxRSS` what the process that started it had too; the peak of its own is in
 * `/proc/self/status`.
 */
export function peakMemoryMb(): number {
  const own = ownPeakKb();
  return (own ?? process.resourceUsage().maxRSS) / 1000;
}

function ownPeakKb(): number | undefined {
  try {
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    return peak === undefined ? undefined : Number(peak);
  } catch {
    return undefined; // Another system than Linux.
  }
}
