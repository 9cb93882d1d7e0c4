import { readFileSync } from 'node:fs';

/**
 * The most memory that this process has had, in megabytes. Linux counts in `maxRSS` what the process that started it had too; the peak of its own is in
 * `/proc/self/status`.
 */
export function peakMemoryMb(): number {
  return (peakKb('self') ?? process.resourceUsage().maxRSS) / 1000;
}

/** The same of another process, on Linux; undefined where it is no more, or not to be seen. */
export function peakMemoryOfMb(process_: number): number | undefined {
  const peak = peakKb(process_);
  return peak === undefined ? undefined : peak / 1000;
}

function peakKb(process_: number | 'self'): number | undefined {
  try {
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${process_}/status`, 'utf8'))?.[1];
    return peak === undefined ? undefined : Number(peak);
  } catch {
    return undefined; // Another system than Linux.
  }
}
