import type { ClipEntry, Dataset } from '../data/clip-set';
import type { DataProblem } from '../data/data-error';
import { hasCategories } from '../folder/config-file';
import { titleOfModel } from '../folder/named-checkpoint';
import { elementAt } from '../foundation/required';
import { cohenKappa, confusionMatrix, matthewsCorrelation, type ConfusionMatrix } from './confusion';
import { shownLabels, type LoadedModel } from './loaded-model';
import {
  bootstrapInterval,
  expectedCalibrationError,
  reliabilityBins,
  accuracy,
  balancedAccuracy,
  classMetrics,
  macroAverage,
  meanCrossEntropy,
  predictedClasses,
  ranksOfTargets,
  softmax,
  weightedAverage,
  type ReliabilityBin,
  type ClassMetrics,
} from './metrics';
import type { Evaluation } from './split-outputs';

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
interface LikelyClass {
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
    const choice = elementAt(predicted, clip);
    return {
      truth,
      predicted: choice,
      confidence: elementAt(probabilities, choice),
      truthProbability: elementAt(probabilities, truth),
      rankOfTruth: elementAt(ranks, clip),
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

/** The two things that a model says of a clip. */
export const HEADS = ['gloss', 'category'] as const;
export type HeadName = (typeof HEADS)[number];

/** All that an evaluation found: what every file of `evaluation_results` is made from. */
export interface EvaluationResult {
  readonly model: {
    readonly file: string;
    /** The class's name in PyTorch. */
    readonly architecture: string;
    /** Epochs that it was trained for, where the checkpoint says so. */
    readonly epoch: number | undefined;
    readonly assumptions: readonly string[];
    /** Frames that it takes; longer clips were cut. */
    readonly maxFrames: number;
  };
  readonly data: {
    readonly title: string;
    readonly synthetic: boolean;
    /** Of the clips that were evaluated. */
    readonly fingerprint: string;
  };
  /** What was odd about the model, the data or the machine; a line each. */
  readonly warnings?: readonly string[];
  readonly clips: readonly ClipEntry[];
  readonly cutClips: number;
  /** What was wrong with clips that were left out. */
  readonly leftOut: readonly DataProblem[];
  readonly clipsPerSecond: number;
  readonly gloss: HeadResult;
  readonly category: HeadResult;
  /** Position = gloss id: the category of its clips; undefined where it has none. */
  readonly categoryOfGloss: readonly (number | undefined)[];
}

/** {@link hasCategories} of what was evaluated. */
export function tellsCategories({ category }: Pick<EvaluationResult, 'category'>): boolean {
  return hasCategories({ category: category.labels.length });
}

/** The heads whose figures say something. */
export function tellingHeads(result: Pick<EvaluationResult, 'category'>): readonly HeadName[] {
  return tellsCategories(result) ? HEADS : ['gloss'];
}

/** A part of the clips that the labels' `occluded` column sets apart. */
export interface OcclusionGroup {
  readonly occluded: boolean;
  readonly clips: number;
  /** Shares of its clips; undefined where it has none. */
  readonly accuracy: Readonly<Record<HeadName, number>> | undefined;
}

/** Scores an evaluation in full. */
export function describeEvaluation(loaded: LoadedModel, dataset: Dataset, { outputs, cutClips, seconds }: Evaluation): EvaluationResult {
  const labels = shownLabels(loaded, dataset.labels);
  const clips = dataset.validation.entries;
  const categories = new Map(clips.toReversed().map(({ gloss, category }) => [gloss, category]));
  return {
    model: {
      file: loaded.file,
      architecture: loaded.model.definition.checkpointName,
      epoch: loaded.epoch,
      assumptions: loaded.assumptions,
      maxFrames: loaded.model.maxFrames,
    },
    data: { title: dataset.title, synthetic: dataset.synthetic, fingerprint: dataset.validationFingerprint },
    clips,
    cutClips,
    leftOut: dataset.leftOut,
    clipsPerSecond: outputs.clips / seconds,
    gloss: describeHead(outputs.glossLogits, outputs.glossTargets, labels.gloss),
    category: describeHead(outputs.categoryLogits, outputs.categoryTargets, labels.category),
    categoryOfGloss: labels.gloss.map((_, id) => categories.get(id)),
  };
}

/** The occluded clips and the others; nothing where the labels have no such column. */
export function occlusionGroups({ clips, gloss, category }: EvaluationResult): OcclusionGroup[] {
  if (clips.every(({ occluded }) => occluded === undefined)) return [];
  const accuracyOf = (head: HeadResult, chosen: readonly number[]): number =>
    chosen.filter((clip) => head.predictions[clip]?.correct).length / chosen.length;
  return [true, false].map((occluded) => {
    const chosen = [...clips.keys()].filter((clip) => clips[clip]?.occluded === occluded);
    const accuracy = chosen.length === 0 ? undefined : { gloss: accuracyOf(gloss, chosen), category: accuracyOf(category, chosen) };
    return { occluded, clips: chosen.length, accuracy };
  });
}

/** A clip with what the gloss head said of it. */
export interface JudgedClip {
  readonly clip: ClipEntry;
  /** Its place among the clips that were evaluated. */
  readonly index: number;
  readonly gloss: HeadPrediction;
  readonly category: HeadPrediction;
}

/** The clips that the model did worst on: those with a wrong gloss first, and the less likely it thought the true gloss. */
export function worstClips({ clips, gloss, category }: EvaluationResult, count: number): JudgedClip[] {
  return clips
    .map((clip, index): JudgedClip => ({
      clip,
      index,
      gloss: elementAt(gloss.predictions, index),
      category: elementAt(category.predictions, index),
    }))
    .sort(
      (one, other) => Number(one.gloss.correct) - Number(other.gloss.correct) || one.gloss.truthProbability - other.gloss.truthProbability,
    )
    .slice(0, count);
}

/** What the evaluated model is called. */
export function modelTitle({ model }: EvaluationResult): string {
  return titleOfModel(model.file, model.architecture);
}
