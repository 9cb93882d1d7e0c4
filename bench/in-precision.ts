import { precisionHere } from '../src/engine/bfloat16-gains';
import { precisionText, type ChosenPrecision } from '../src/engine/precision';
import { cacheFolder } from '../src/foundation/caches';
import type { BenchFlags } from './flags';

/** Flags with `amp` as it is computed here, for PyTorch's side too, and why. With `--amp` stderr is told. */
export async function inPrecision(flags: BenchFlags): Promise<{ readonly flags: BenchFlags; readonly precision: ChosenPrecision }> {
  const precision = await precisionHere(flags.amp, { captured: !flags.eager }, { cacheFolder: cacheFolder(process.env) });
  if (flags.amp !== false) process.stderr.write(`amp: ${precisionText(precision)}\n`);
  return { flags: { ...flags, amp: precision.bfloat16.length > 0 }, precision };
}
