/** Whether two names are of one sign: clips often say in small letters what the labels say in capitals. */
export function isSameSign(one: string, other: string): boolean {
  return folded(one) === folded(other);
}

function folded(name: string): string {
  return name.normalize().trim().toLowerCase();
}
