import { elementAt } from './required';

// Looked up once: where modules run in a realm of their own, each look-up of a global costs more than what it computes.
const { cos, exp, log, PI, sin, sqrt } = Math;

const GOLDEN = 0x9e3779b9;

/** What splitmix32 makes of a state. */
function mixed(state: number): number {
  let z = state ^ (state >>> 16);
  z = Math.imul(z, 0x21f0aaad);
  z ^= z >>> 15;
  z = Math.imul(z, 0x735a2d97);
  return z ^ (z >>> 15);
}

/**
 * A stream of pseudo-random numbers that is a function of its seed: sfc32 (Chris Doty-Humphrey's Small Fast Counter, from PractRand), seeded through
 * splitmix32. The same seed gives the same stream on every machine.
 */
export class RandomStream {
  private a = 0;
  private b = 0;
  private c = 0;
  private counter = 1;
  private spareNormal = 0;
  private hasSpareNormal = false;

  /** @param seeds any whole numbers that name the stream, as in `new RandomStream(seed, epoch)`. */
  constructor(...seeds: readonly number[]) {
    let state = GOLDEN;
    for (const seed of seeds) {
      state = (state ^ (seed | 0) ^ Math.imul(Math.floor(seed / 0x100000000) | 0, 0x85ebca6b)) | 0;
      state = mixed(state + GOLDEN);
    }
    this.a = mixed(state + GOLDEN);
    this.b = mixed(state + 2 * GOLDEN);
    this.c = mixed(state + 3 * GOLDEN);
    for (let i = 0; i < 12; i++) this.nextUint32();
  }

  /** A whole number in [0, 2³²). */
  nextUint32(): number {
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A number in [low, high). */
  uniform(low = 0, high = 1): number {
    return low + ((high - low) * this.nextUint32()) / 0x100000000;
  }

  /** A whole number in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.uniform(0, bound));
  }

  /** A draw from the normal distribution (Box–Muller). */
  normal(mean = 0, deviation = 1): number {
    if (this.hasSpareNormal) {
      this.hasSpareNormal = false;
      return mean + deviation * this.spareNormal;
    }
    const radius = sqrt(-2 * log(1 - this.uniform()));
    const angle = 2 * PI * this.uniform();
    this.spareNormal = radius * sin(angle);
    this.hasSpareNormal = true;
    return mean + deviation * radius * cos(angle);
  }

  /** A draw from the symmetric beta distribution Beta(alpha, alpha), between 0 and 1: near both ends where alpha is small, near 1/2 where it is large. */
  beta(alpha: number): number {
    const [one, other] = [this.logGamma(alpha), this.logGamma(alpha)];
    return 1 / (1 + exp(other - one));
  }

  /**
   * The logarithm of a draw from the gamma distribution of that shape (Marsaglia & Tsang 2000): one of a small shape may be too small for a number, its logarithm
   * never is.
   */
  private logGamma(shape: number): number {
    if (shape < 1) return this.logGamma(shape + 1) + log(1 - this.uniform()) / shape;
    const d = shape - 1 / 3;
    const c = 1 / sqrt(9 * d);
    for (;;) {
      const normal = this.normal();
      const v = (1 + c * normal) ** 3;
      if (v > 0 && log(1 - this.uniform()) < normal ** 2 / 2 + d - d * v + d * log(v)) return log(d) + log(v);
    }
  }

  /** The numbers 0 … length−1 in a random order (Fisher–Yates). */
  permutation(length: number): Uint32Array {
    const order = Uint32Array.from({ length }, (_, index) => index);
    for (let i = length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const swapped = elementAt(order, i);
      order[i] = elementAt(order, j);
      order[j] = swapped;
    }
    return order;
  }
}
