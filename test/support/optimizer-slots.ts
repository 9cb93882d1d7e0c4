import type { OptimizerState } from '../../src/foundation/optimizer-state';

/** What an optimiser remembers in one slot, by parameter. */
export function slotOf({ slots }: OptimizerState, slot: string): ReadonlyMap<string, Float32Array> {
  const found = slots.get(slot);
  if (found === undefined) throw new Error(`there is no slot ${slot}`);
  return found;
}
