import { elementAt } from './required';

/** Longer names are nobody's slip of the keyboard, and comparing them would take their lengths' product. */
const LONGEST = 200;

/**
 * The valid name closest to a misspelt one, or undefined where none is near (Damerau–Levenshtein: two letters off, or a third of them, and never all).
 */
export function nearestName(misspelt: string, valid: Iterable<string>): string | undefined {
  if (misspelt.length > LONGEST) return undefined;
  let best: string | undefined;
  let bestDistance = Math.min(Math.max(2, Math.floor(misspelt.length / 3)), misspelt.length - 1) + 1;
  for (const name of valid) {
    // Each letter that one has more than the other is a letter off.
    if (Math.abs(name.length - misspelt.length) >= bestDistance) continue;
    const distance = editDistance(misspelt.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(elementAt(previous, j) + 1, elementAt(current, j - 1) + 1, elementAt(previous, j - 1) + change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, elementAt(beforePrevious, j - 2) + 1);
      current.push(cost);
    }
    beforePrevious = previous;
    previous = current;
  }
  return elementAt(previous, b.length);
}
