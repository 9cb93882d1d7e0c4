import { accuracy, classMetrics, predictedClasses, topKAccuracy, weightedAverage } from './metrics';
import type { SplitOutputs } from './split-outputs';

/** The figures of one head; shares are between 0 and 1. */
export interface HeadScores {
  readonly accuracy: number;
  readonly top5Accuracy: number;
  readonly weightedF1: number;
}

/** The figures of a model on a set. */
export interface SplitScores {
  readonly clips: number;
  readonly gloss: HeadScores;
  readonly category: HeadScores;
}

/** Scores what a model gave for a set. */
export function scoreSplit(outputs: SplitOutputs): SplitScores {
  return {
    clips: outputs.clips,
    gloss: scoreHead(outputs.glossLogits, outputs.glossTargets),
    category: scoreHead(outputs.categoryLogits, outputs.categoryTargets),
  };
}

function scoreHead(logits: Float32Array, targets: Int32Array): HeadScores {
  const predicted = predictedClasses(logits, targets.length);
  const classes = logits.length / Math.max(1, targets.length);
  return {
    accuracy: accuracy(predicted, targets),
    top5Accuracy: topKAccuracy(logits, targets, 5),
    weightedF1: weightedAverage(classMetrics(predicted, targets, classes)).f1,
  };
}
