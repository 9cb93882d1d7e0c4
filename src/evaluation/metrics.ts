import { RandomStream } from '../foundation/random';
import { elementAt } from '../foundation/required';

/** Precision, recall and F1 of one class, as scikit-learn computes them with `zero_division=0`. */
export interface ClassMetrics {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Clips of this class. */
  readonly support: number;
  /** Clips that were taken for this class. */
  readonly predictions: number;
}

/** Averages over classes. */
interface AveragedMetrics {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** The class with the highest logit, for each of `count` rows of `[count, classes]`; −1, which is none, where a row holds NaN. */
export function predictedClasses(logits: Float32Array, count: number): Int32Array {
  const classes = logits.length / Math.max(1, count);
  return Int32Array.from({ length: count }, (_, row) => {
    let best = 0;
    for (let id = 0; id < classes; id++) {
      const logit = logitAt(logits, row * classes + id);
      if (Number.isNaN(logit)) return -1;
      if (logit > logitAt(logits, row * classes + best)) best = id;
    }
    return best;
  });
}

/** The share of rows whose prediction is the target. */
export function accuracy(predicted: Int32Array, targets: Int32Array): number {
  let correct = 0;
  for (let row = 0; row < targets.length; row++) if (predicted[row] === targets[row]) correct++;
  return targets.length === 0 ? 0 : correct / targets.length;
}

/** The share of rows whose target is among the `k` highest logits. Of equal logits the lower class id counts as higher. */
export function topKAccuracy(logits: Float32Array, targets: Int32Array, k: number): number {
  const hits = ranksOfTargets(logits, targets).filter((rank) => rank <= k).length;
  return ratio(hits, targets.length);
}

/** A head's classes, and how often the truth is among its likeliest three and five. */
interface TopAccuracies {
  readonly labels: readonly string[];
  readonly metrics: { readonly top_3_accuracy: number; readonly top_5_accuracy: number };
}

/** Of how many likeliest classes it is worth saying that the truth is among them: five; three of four or five classes; undefined of fewer. */
export function fewLikeliest({ labels }: TopAccuracies): 3 | 5 | undefined {
  if (labels.length > 5) return 5;
  return labels.length > 3 ? 3 : undefined;
}

/** The share of clips whose truth is among so many likeliest classes; undefined where there are no more classes than that. */
export function topAccuracy({ labels, metrics }: TopAccuracies, among: 3 | 5): number | undefined {
  return labels.length <= among ? undefined : metrics[`top_${among}_accuracy`];
}

/** Per class, in the order of the ids. */
export function classMetrics(predicted: Int32Array, targets: Int32Array, classes: number): ClassMetrics[] {
  const correct = new Float64Array(classes);
  const predictedCount = new Float64Array(classes);
  const support = new Float64Array(classes);
  targets.forEach((target, row) => {
    const prediction = elementAt(predicted, row);
    addOne(support, target);
    addOne(predictedCount, prediction);
    if (prediction === target) addOne(correct, target);
  });
  return Array.from({ length: classes }, (_, id) => {
    const precision = ratio(correct[id], predictedCount[id]);
    const recall = ratio(correct[id], support[id]);
    return {
      precision,
      recall,
      f1: ratio(2 * precision * recall, precision + recall),
      support: elementAt(support, id),
      predictions: elementAt(predictedCount, id),
    };
  });
}

/** The mean over classes, each counted by its support. */
export function weightedAverage(perClass: readonly ClassMetrics[]): AveragedMetrics {
  const total = perClass.reduce((sum, { support }) => sum + support, 0);
  const mean = (pick: (metrics: ClassMetrics) => number): number =>
    ratio(
      perClass.reduce((sum, metrics) => sum + pick(metrics) * metrics.support, 0),
      total,
    );
  return { precision: mean(({ precision }) => precision), recall: mean(({ recall }) => recall), f1: mean(({ f1 }) => f1) };
}

/** The mean over the classes that occur among targets or predictions, as scikit-learn takes it where no labels are given. */
export function macroAverage(perClass: readonly ClassMetrics[]): AveragedMetrics {
  const occurring = perClass.filter(({ support, predictions }) => support + predictions > 0);
  const mean = (pick: (metrics: ClassMetrics) => number): number =>
    ratio(
      occurring.reduce((sum, metrics) => sum + pick(metrics), 0),
      occurring.length,
    );
  return { precision: mean(({ precision }) => precision), recall: mean(({ recall }) => recall), f1: mean(({ f1 }) => f1) };
}

/** The mean recall of the classes that have clips (`balanced_accuracy_score`). */
export function balancedAccuracy(perClass: readonly ClassMetrics[]): number {
  const present = perClass.filter(({ support }) => support > 0);
  return ratio(
    present.reduce((sum, { recall }) => sum + recall, 0),
    present.length,
  );
}

/** The place of each row's target among its logits, from 1. Of equal logits the lower class id counts as higher; what is no number counts as higher than any. */
export function ranksOfTargets(logits: Float32Array, targets: Int32Array): Int32Array {
  const classes = logits.length / Math.max(1, targets.length);
  return targets.map((target, row) => {
    const own = logitAt(logits, row * classes + target);
    let rank = 1;
    for (let id = 0; id < classes; id++) {
      const other = logitAt(logits, row * classes + id);
      const isLower = other < own || (other === own && id >= target);
      if (!isLower) rank++;
    }
    return rank;
  });
}

/** The mean over rows of `−log softmax(logits)[target]` (`log_loss`, `torch.nn.CrossEntropyLoss`). */
export function meanCrossEntropy(logits: Float32Array, targets: Int32Array): number {
  const classes = logits.length / Math.max(1, targets.length);
  let sum = 0;
  targets.forEach((target, row) => {
    const values = logits.subarray(row * classes, (row + 1) * classes);
    const highest = values.reduce((most, value) => Math.max(most, value), -Infinity);
    const total = values.reduce((powers, value) => powers + Math.exp(value - highest), 0);
    sum += Math.log(total) + highest - logitAt(values, target);
  });
  return ratio(sum, targets.length);
}

/** The softmax of one row of logits. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(logits);
  const highest = values.reduce((most, value) => Math.max(most, value), -Infinity);
  const powers = values.map((value) => Math.exp(value - highest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

function logitAt(logits: Float32Array, place: number): number {
  return elementAt(logits, place);
}

function addOne(counts: Float64Array, id: number): void {
  const count = counts[id];
  if (count !== undefined) counts[id] = count + 1;
}

function ratio(part: number | undefined, whole: number | undefined): number {
  return whole === undefined || part === undefined || whole === 0 ? 0 : part / whole;
}

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
    const confidence = elementAt(confidences, clip);
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

/** An interval that holds the true value in so many of a hundred cases. */
interface Interval {
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 2000;

/**
 * A 95 % interval of the share of correct clips, by the percentile bootstrap (Efron 1979): the share over 2,000 draws, with replacement, of as many clips.
 * @param seed what the draws are a function of.
 */
export function bootstrapInterval(correct: readonly boolean[], seed: number): Interval {
  const clips = correct.length;
  if (clips === 0) return { low: 0, high: 0 };
  const random = new RandomStream(seed, clips);
  const shares = new Float64Array(RESAMPLES);
  for (let resample = 0; resample < RESAMPLES; resample++) {
    let hits = 0;
    for (let draw = 0; draw < clips; draw++) if (correct[random.below(clips)] === true) hits++;
    shares[resample] = hits / clips;
  }
  shares.sort();
  return { low: percentile(shares, 0.025), high: percentile(shares, 0.975) };
}

/** The value below which a share of sorted values lies, in a straight line between neighbours, as numpy's `percentile`. */
function percentile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = elementAt(sorted, Math.floor(place));
  const above = elementAt(sorted, Math.ceil(place));
  return below + (above - below) * (place - Math.floor(place));
}

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
