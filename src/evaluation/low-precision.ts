import { precisionHere } from '../engine/bfloat16-gains';
import { precisionText, type AskedPrecision, type ProductKind } from '../engine/precision';
import { notesTo, type Hooks } from '../foundation/hooks';

/**
 * The kinds of matrix products that a model is to compute in bfloat16, and a note of what was chosen and why. The runtime must have been started.
 * @param amp what is asked for.
 */
export async function bfloat16Products(amp: AskedPrecision, hooks: Hooks): Promise<readonly ProductKind[]> {
  if (amp === false) return [];
  const precision = await precisionHere(amp, { captured: true }, hooks);
  notesTo(hooks)(`amp: ${precisionText(precision)}`);
  return precision.bfloat16;
}
