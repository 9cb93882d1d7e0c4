/** How often clips of each class were taken for each class; what never happened takes no room, so that thousands of classes cost what their clips cost. */
export interface ConfusionMatrix {
  readonly classes: number;
  /** By true class, then by predicted class: clips, where there are any. */
  readonly rows: ReadonlyMap<number, ReadonlyMap<number, number>>;
}

/** Counts `predicted` against `targets`, as scikit-learn's `confusion_matrix` with `labels=range(classes)`; a clip that was taken for no class (−1) counts nowhere. */
export function confusionMatrix(predicted: Int32Array, targets: Int32Array, classes: number): ConfusionMatrix {
  const rows = new Map<number, Map<number, number>>();
  targets.forEach((target, clip) => {
    const prediction = predicted[clip];
    if (prediction === undefined) throw new Error(`there is no prediction for clip ${clip}`);
    if (prediction < 0) return;
    const row = rows.get(target) ?? new Map<number, number>();
    rows.set(target, row.set(prediction, (row.get(prediction) ?? 0) + 1));
  });
  return { classes, rows };
}

/** How often clips of class `truth` were taken for class `prediction`. */
export function confusionAt({ rows }: ConfusionMatrix, truth: number, prediction: number): number {
  return rows.get(truth)?.get(prediction) ?? 0;
}

/** Clips of class `truth`. */
export function clipsOfClass({ rows }: ConfusionMatrix, truth: number): number {
  return [...(rows.get(truth)?.values() ?? [])].reduce((sum, count) => sum + count, 0);
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
export function mostConfusedWith({ rows }: ConfusionMatrix, truth: number): { readonly id: number; readonly count: number } | undefined {
  let most: { id: number; count: number } | undefined;
  for (const [id, count] of rows.get(truth) ?? []) {
    if (id === truth) continue;
    if (most === undefined || count > most.count || (count === most.count && id < most.id)) most = { id, count };
  }
  return most;
}

/** One kind of outcome: clips of one class that were taken for another, or for itself. */
export interface Confusion {
  readonly truth: number;
  readonly prediction: number;
  readonly count: number;
}

/** All that happened, in the order of the ids. */
export function outcomes({ rows }: ConfusionMatrix): Confusion[] {
  return [...rows]
    .flatMap(([truth, row]) => Array.from(row, ([prediction, count]) => ({ truth, prediction, count })))
    .sort((one, other) => one.truth - other.truth || one.prediction - other.prediction);
}

/** The mistakes that were made, the most frequent first. */
export function confusions(matrix: ConfusionMatrix): Confusion[] {
  return outcomes(matrix)
    .filter(({ truth, prediction }) => truth !== prediction)
    .sort((one, other) => other.count - one.count);
}

/** Classes that are shown one by one. */
const MOST_SHOWN = 150;
/** How many are shown where there are more. */
const MOST_CONFUSED = 50;

/** Whether there are few enough classes to be shown one by one. */
export function isShownWhole({ classes }: ConfusionMatrix): boolean {
  return classes <= MOST_SHOWN;
}

/**
 * The classes that are shown one by one, in the order of their ids: all of them, or of very many those of the most frequent mistakes, filled up with others
 * that have clips.
 */
export function shownClasses(matrix: ConfusionMatrix): number[] {
  if (isShownWhole(matrix)) return Array.from({ length: matrix.classes }, (_, id) => id);
  const chosen = new Set<number>();
  const mistaken = confusions(matrix).map(({ truth, prediction }) => [truth, prediction]);
  const others = [...matrix.rows.keys()].sort((one, other) => one - other).map((id) => [id]);
  for (const ids of [...mistaken, ...others]) {
    const added = ids.filter((id) => !chosen.has(id));
    if (chosen.size + added.length <= MOST_CONFUSED) for (const id of added) chosen.add(id);
  }
  return [...chosen].sort((one, other) => one - other);
}

/** Sums over a matrix: its diagonal, and products of its margins. */
function agreementOf(matrix: ConfusionMatrix): {
  total: number;
  correct: number;
  expected: number;
  truthSquares: number;
  predictionSquares: number;
} {
  const [truths, predictions] = [new Map<number, number>(), new Map<number, number>()];
  const add = (sums: Map<number, number>, id: number, count: number): Map<number, number> => sums.set(id, (sums.get(id) ?? 0) + count);
  let [total, correct, expected] = [0, 0, 0];
  for (const { truth, prediction, count } of outcomes(matrix)) {
    add(truths, truth, count);
    add(predictions, prediction, count);
    total += count;
    if (truth === prediction) correct += count;
  }
  for (const [id, count] of truths) expected += count * (predictions.get(id) ?? 0);
  const squares = (sums: ReadonlyMap<number, number>): number => [...sums.values()].reduce((sum, count) => sum + count ** 2, 0);
  return { total, correct, expected, truthSquares: squares(truths), predictionSquares: squares(predictions) };
}
