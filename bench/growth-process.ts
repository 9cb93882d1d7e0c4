import { isReaderName, readGrown } from './growth-readers';
import { peakMemoryMb } from './peak-memory';

/** A reading of so many milliseconds is long enough to count as it is; a shorter one is done again, and the quicker of both counts. */
const LONG_MS = 500;

/** Reads files one after the other, the smallest once more at first, and prints of each how long that took and the most memory that this process had by then. */
async function main([reader = '', ...files]: readonly string[]): Promise<void> {
  if (!isReaderName(reader)) throw new Error(`there is no reader "${reader}"`);
  const measured = async (file: string): Promise<{ readonly ms: number; readonly end: string }> => {
    const start = performance.now();
    const before = process.cpuUsage();
    const end = await readGrown(reader, file);
    const used = process.cpuUsage(before);
    // Others that are at work on the machine lengthen the one, threads of this process's own the other.
    return { ms: Math.min(performance.now() - start, (used.user + used.system) / 1000), end };
  };
  const [smallest] = files;
  if (smallest !== undefined) await readGrown(reader, smallest);
  for (const file of files) {
    const first = await measured(file);
    const ms = first.ms >= LONG_MS ? first.ms : Math.min(first.ms, (await measured(file)).ms);
    process.stdout.write(`${JSON.stringify({ ms, end: first.end, peak_mb: peakMemoryMb() })}\n`);
  }
}

void main(process.argv.slice(2));
