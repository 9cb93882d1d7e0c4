import { isReaderName, readGrown } from './growth-readers';

/** Reads files one after the other, the smallest twice, and prints of each how long that took and the most memory that this process had by then. */
async function main([reader = '', ...files]: readonly string[]): Promise<void> {
  if (!isReaderName(reader)) throw new Error(`there is no reader "${reader}"`);
  const [smallest] = files;
  if (smallest !== undefined) await readGrown(reader, smallest);
  for (const file of files) {
    const start = performance.now();
    const end = await readGrown(reader, file);
    const ms = performance.now() - start;
    process.stdout.write(`${JSON.stringify({ ms, end, peak_mb: process.resourceUsage().maxRSS / 1000 })}\n`);
  }
}

void main(process.argv.slice(2));
