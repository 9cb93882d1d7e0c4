/** How often clips of each class were taken for each class. */
export interface ConfusionMatrix {
  readonly classes: number;
  /** `[true class, predicted class]`, row by row. */
  readonly counts: Uint32Array;
}

/** Counts `predicted` against `targets`, as scikit-learn's `confusion_matrix` with `labels=range(classes)`; a clip that was taken for no class (−1) counts nowhere. */
export function confusionMatrix(predicted: Int32Array, targets: Int32Array, classes: number): ConfusionMatrix {
  const counts = new Uint32Array(classes * classes);
  targets.forEach((target, row) => {
    const prediction = predicted[row];
    if (prediction === undefined) throw new Error(`there is no prediction for clip ${row}`);
    const place = target * classes + prediction;
    if (prediction >= 0) counts[place] = (counts[place] ?? 0) + 1;
  });
  return { classes, counts };
}

/** How often clips of class `truth` were taken for class `prediction`. */
export function confusionAt({ classes, counts }: ConfusionMatrix, truth: number, prediction: number): number {
  return counts[truth * classes + prediction] ?? 0;
}

/** Cohen's kappa: agreement beyond chance. Not a number where chance alone agrees always, as with a single class. */
export function cohenKappa(matrix: ConfusionMatrix): number {
  const { total, correct, expected } = agreementOf(matrix);
  return (correct / total - expected / total ** 2) / (1 - expected / total ** 2);
}

/** Matthews' correlation coefficient for several classes (Gorodkin 2004); 0 where it is undefined. */
export function matthewsCorrelation(matrix: ConfusionMatrix): number {
  const { total, correct, expected, truthSquares, predictionSquares } = agreementOf(matrix);
  const scale = Math.sqrt((total ** 2 - predictionSquares) * (total ** 2 - truthSquares));
  return scale === 0 ? 0 : (correct * total - expected) / scale;
}

/** The class that clips of a class are most often mistaken for, and how often; of equal ones the lower id. Undefined where none is mistaken. */
export function mostConfusedWith(matrix: ConfusionMatrix, truth: number): { readonly id: number; readonly count: number } | undefined {
  let most: { id: number; count: number } | undefined;
  for (let id = 0; id < matrix.classes; id++) {
    const count = confusionAt(matrix, truth, id);
    if (id !== truth && count > (most?.count ?? 0)) most = { id, count };
  }
  return most;
}

/** One kind of mistake: clips of one class that were taken for another. */
export interface Confusion {
  readonly truth: number;
  readonly prediction: number;
  readonly count: number;
}

/** The mistakes that were made, the most frequent first. */
export function confusions(matrix: ConfusionMatrix): Confusion[] {
  const { classes, counts } = matrix;
  const found = Array.from(counts, (count, place) => ({ truth: Math.floor(place / classes), prediction: place % classes, count }));
  return found
    .filter(({ truth, prediction, count }) => truth !== prediction && count > 0)
    .sort((one, other) => other.count - one.count || one.truth - other.truth || one.prediction - other.prediction);
}

/** Sums over a matrix: its diagonal, and products of its margins. */
function agreementOf(matrix: ConfusionMatrix): {
  total: number;
  correct: number;
  expected: number;
  truthSquares: number;
  predictionSquares: number;
} {
  const sums = { total: 0, correct: 0, expected: 0, truthSquares: 0, predictionSquares: 0 };
  for (let id = 0; id < matrix.classes; id++) {
    let truths = 0;
    let predictions = 0;
    for (let other = 0; other < matrix.classes; other++) {
      truths += confusionAt(matrix, id, other);
      predictions += confusionAt(matrix, other, id);
    }
    sums.total += truths;
    sums.correct += confusionAt(matrix, id, id);
    sums.expected += truths * predictions;
    sums.truthSquares += truths ** 2;
    sums.predictionSquares += predictions ** 2;
  }
  return sums;
}
