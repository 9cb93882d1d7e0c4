import { bootstrapInterval } from './bootstrap';
import { expectedCalibrationError, reliabilityBins, type ReliabilityBin } from './calibration';
import { cohenKappa, confusionMatrix, matthewsCorrelation, type ConfusionMatrix } from './confusion';
import {
  accuracy,
  balancedAccuracy,
  classMetrics,
  macroAverage,
  meanCrossEntropy,
  predictedClasses,
  ranksOfTargets,
  softmax,
  weightedAverage,
  type ClassMetrics,
} from './metrics';

/** The figures of a head, under scikit-learn's names. Shares are between 0 and 1. */
export interface HeadMetrics {
  readonly accuracy: number;
  readonly balanced_accuracy: number;
  readonly top_3_accuracy: number;
  readonly top_5_accuracy: number;
  readonly precision_weighted: number;
  readonly recall_weighted: number;
  readonly f1_weighted: number;
  readonly precision_macro: number;
  readonly recall_macro: number;
  readonly f1_macro: number;
  readonly cohen_kappa: number;
  readonly matthews_corrcoef: number;
  /** Mean cross-entropy. */
  readonly loss: number;
  readonly expected_calibration_error: number;
  /** A 95 % interval of the accuracy, by bootstrap. */
  readonly accuracy_ci95_low: number;
  readonly accuracy_ci95_high: number;
}

/** One class among a clip's likeliest. */
export interface LikelyClass {
  readonly id: number;
  readonly probability: number;
}

/** What one head said of one clip. */
export interface HeadPrediction {
  readonly truth: number;
  readonly predicted: number;
  /** The probability of the class that was predicted. */
  readonly confidence: number;
  /** The probability of the true class. */
  readonly truthProbability: number;
  /** The place of the true class among all, from 1. */
  readonly rankOfTruth: number;
  readonly correct: boolean;
  /** The five likeliest classes, or as many as there are, likeliest first. */
  readonly likeliest: readonly LikelyClass[];
}

/** All that an evaluation found of one head. */
export interface HeadResult {
  /** Position = class id. */
  readonly labels: readonly string[];
  /** In the order of the clips. */
  readonly predictions: readonly HeadPrediction[];
  readonly metrics: HeadMetrics;
  /** Position = class id. */
  readonly perClass: readonly ClassMetrics[];
  readonly confusion: ConfusionMatrix;
  readonly reliability: readonly ReliabilityBin[];
}

const LIKELIEST = 5;
/** The bootstrap's draws are the same for every evaluation, so that the same predictions give the same interval. */
const BOOTSTRAP_SEED = 0;

/**
 * Scores one head in full.
 * @param logits `[clips, classes]`
 * @param labels the classes' names, position = id
 */
export function describeHead(logits: Float32Array, targets: Int32Array, labels: readonly string[]): HeadResult {
  const classes = labels.length;
  const predicted = predictedClasses(logits, targets.length);
  const perClass = classMetrics(predicted, targets, classes);
  const confusion = confusionMatrix(predicted, targets, classes);
  const ranks = ranksOfTargets(logits, targets);
  const predictions = Array.from(targets, (truth, clip): HeadPrediction => {
    const probabilities = softmax(logits.subarray(clip * classes, (clip + 1) * classes));
    const choice = predicted[clip] ?? 0;
    return {
      truth,
      predicted: choice,
      confidence: probabilities[choice] ?? 0,
      truthProbability: probabilities[truth] ?? 0,
      rankOfTruth: ranks[clip] ?? classes,
      correct: choice === truth,
      likeliest: likeliestOf(probabilities),
    };
  });
  const correct = predictions.map((prediction) => prediction.correct);
  const reliability = reliabilityBins(
    predictions.map(({ confidence }) => confidence),
    correct,
  );
  const interval = bootstrapInterval(correct, BOOTSTRAP_SEED);
  const [weighted, macro] = [weightedAverage(perClass), macroAverage(perClass)];
  const within = (rank: number): number => shareOf(ranks, (place) => place <= rank);
  return {
    labels,
    predictions,
    perClass,
    confusion,
    reliability,
    metrics: {
      accuracy: accuracy(predicted, targets),
      balanced_accuracy: balancedAccuracy(perClass),
      top_3_accuracy: within(3),
      top_5_accuracy: within(5),
      precision_weighted: weighted.precision,
      recall_weighted: weighted.recall,
      f1_weighted: weighted.f1,
      precision_macro: macro.precision,
      recall_macro: macro.recall,
      f1_macro: macro.f1,
      cohen_kappa: cohenKappa(confusion),
      matthews_corrcoef: matthewsCorrelation(confusion),
      loss: meanCrossEntropy(logits, targets),
      expected_calibration_error: expectedCalibrationError(reliability),
      accuracy_ci95_low: interval.low,
      accuracy_ci95_high: interval.high,
    },
  };
}

/** Of equally likely classes those with the lower ids. */
function likeliestOf(probabilities: Float64Array): LikelyClass[] {
  const found: LikelyClass[] = [];
  probabilities.forEach((probability, id) => {
    const place = found.findIndex((other) => probability > other.probability);
    if (place === -1 && found.length >= LIKELIEST) return;
    found.splice(place === -1 ? found.length : place, 0, { id, probability });
    if (found.length > LIKELIEST) found.pop();
  });
  return found;
}

function shareOf(values: Int32Array, holds: (value: number) => boolean): number {
  return values.length === 0 ? 0 : values.filter(holds).length / values.length;
}
