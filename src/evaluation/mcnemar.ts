/** What two models' predictions on the same clips say of their difference. */
export interface PairedTest {
  /** Clips that only the first has right. */
  readonly onlyFirst: number;
  /** Clips that only the second has right. */
  readonly onlySecond: number;
  /** The chance of a difference at least as large between two equally good models, both sides counted. */
  readonly p: number;
}

/**
 * McNemar's exact test: whether two models err equally often, from the clips on which just one of them is right (a two-sided binomial test).
 * @param first whether the first model has each clip right; `second` likewise, in the same order.
 */
export function mcnemarTest(first: readonly boolean[], second: readonly boolean[]): PairedTest {
  const onlyFirst = first.filter((right, clip) => right && second[clip] === false).length;
  const onlySecond = first.filter((right, clip) => !right && second[clip] === true).length;
  const differing = onlyFirst + onlySecond;
  const fewer = Math.min(onlyFirst, onlySecond);
  let tail = 0;
  let logChoices = 0;
  for (let hits = 0; hits <= fewer; hits++) {
    tail += Math.exp(logChoices - differing * Math.LN2);
    logChoices += Math.log(differing - hits) - Math.log(hits + 1);
  }
  return { onlyFirst, onlySecond, p: Math.min(1, 2 * tail) };
}
