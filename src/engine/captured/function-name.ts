import { createHash } from 'node:crypto';
import type { GraphFunction } from './recording';

const names = new WeakMap<GraphFunction, string>();

/** The name under which a graph's library holds a function: made from what it computes, so that equal functions are one. */
export function functionName(definition: GraphFunction): string {
  const known = names.get(definition) ?? `kumpas_${createHash('sha256').update(JSON.stringify(definition)).digest('hex').slice(0, 32)}`;
  names.set(definition, known);
  return known;
}
