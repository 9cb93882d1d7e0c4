/** Predictions whose confidence lies in one interval. */
export interface ReliabilityBin {
  /** Confidences above `from` and up to `to`. */
  readonly from: number;
  readonly to: number;
  readonly clips: number;
  /** Mean over the bin's clips; 0 where it has none. */
  readonly confidence: number;
  readonly accuracy: number;
}

/** Intervals of equal width that confidences are put into. */
const BINS = 10;

/** Sorts predictions by their confidence, into ten intervals of equal width. */
export function reliabilityBins(confidences: ArrayLike<number>, correct: readonly boolean[]): ReliabilityBin[] {
  const sums = Array.from({ length: BINS }, () => ({ clips: 0, confidence: 0, correct: 0 }));
  correct.forEach((hit, clip) => {
    const confidence = confidences[clip] ?? 0;
    const bin = sums[Math.min(BINS - 1, Math.max(0, Math.ceil(confidence * BINS) - 1))];
    if (bin === undefined) return;
    bin.clips++;
    bin.confidence += confidence;
    bin.correct += hit ? 1 : 0;
  });
  return sums.map(({ clips, confidence, correct: hits }, index) => ({
    from: index / BINS,
    to: (index + 1) / BINS,
    clips,
    confidence: clips === 0 ? 0 : confidence / clips,
    accuracy: clips === 0 ? 0 : hits / clips,
  }));
}

/** The mean distance of confidence and accuracy over the bins, each counted by its clips (Guo et al. 2017). */
export function expectedCalibrationError(bins: readonly ReliabilityBin[]): number {
  const clips = bins.reduce((sum, bin) => sum + bin.clips, 0);
  const distances = bins.reduce((sum, bin) => sum + bin.clips * Math.abs(bin.accuracy - bin.confidence), 0);
  return clips === 0 ? 0 : distances / clips;
}
