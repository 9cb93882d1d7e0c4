import { readWeights } from '../src/checkpoint/training-checkpoint';
import { useLargePages } from '../src/engine/native-process';
import { peakMemoryMb } from './peak-memory';

/** Reads one checkpoint, or looks into it, and prints how long that took and the most memory that this process ever had. */
async function main([what, file = '']: readonly string[]): Promise<void> {
  // With TensorFlow.js: only where it is measured.
  const read = what === 'inspect' ? (await import('../src/conversion/inspect.js')).inspectCheckpoint : readWeights;
  useLargePages(); // As commands that compute do when TensorFlow starts.
  const start = performance.now();
  const held = read(file);
  const ms = performance.now() - start;
  process.stdout.write(JSON.stringify({ ms, peak_mb: peakMemoryMb(), held: Object.keys(held).length }));
}

void main(process.argv.slice(2));
