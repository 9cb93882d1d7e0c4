import type { TrainingSettings } from '../config/training-settings';
import type { Batch } from '../data/batch';
import type { ClipSet } from '../data/clip-set';
import { elementAt } from '../foundation/required';

/** How much a clip of each class counts in the loss of each head. */
export interface ClassWeights {
  /** `[num_gloss]` */
  readonly gloss: Float32Array;
  /** `[num_cat]` */
  readonly category: Float32Array;
}

/** The class ids of some clips. */
export interface ClassTargets {
  readonly gloss: ArrayLike<number>;
  readonly category: ArrayLike<number>;
  /** Where they are mixed with others: the ids of these, and the share of each clip's own. */
  readonly mixed?: Pick<ClassTargets, 'gloss' | 'category'> & { readonly share: ArrayLike<number> };
}

/** The class ids of a set's clips. */
export function classTargets({ entries }: Pick<ClipSet, 'entries'>): ClassTargets {
  return { gloss: entries.map(({ gloss }) => gloss), category: entries.map(({ category }) => category) };
}

/** The class ids of the clips of a batch that count. */
export function targetsOfBatch({ count, gloss, category, mixed }: Batch): ClassTargets {
  return { gloss: gloss.subarray(0, count), category: category.subarray(0, count), ...(mixed === undefined ? {} : { mixed }) };
}

/** The beta of {@link effectiveWeights}, as Cui et al. recommend it for sets of some hundreds or thousands of clips. */
const EFFECTIVE_BETA = 0.999;

/** The class weights by the word that `--class-weights` takes, as functions of how many clips each class has. */
const kinds: Readonly<Record<Exclude<TrainingSettings['class_weights'], 'none'>, (counts: readonly number[]) => Float32Array>> = {
  balanced: balancedWeights,
  effective: (counts) => effectiveWeights(counts, EFFECTIVE_BETA),
};

/**
 * The class weights that a training's settings ask for, from the counts of its training clips; undefined where every clip counts alike.
 * @param classes how many classes each head tells apart.
 */
export function classWeightsFor(
  { class_weights: kind }: Pick<TrainingSettings, 'class_weights'>,
  targets: ClassTargets,
  classes: { readonly gloss: number; readonly category: number },
): ClassWeights | undefined {
  if (kind === 'none') return undefined;
  const weightsOf = kinds[kind];
  return {
    gloss: weightsOf(countsOf(targets.gloss, classes.gloss)),
    category: weightsOf(countsOf(targets.category, classes.category)),
  };
}

/**
 * `n / (k · n_c)` for `n` clips of `k` classes, `n_c` of them of class c, as scikit-learn's `compute_class_weight('balanced')`. A class without clips is none of
 * the `k`, and has weight 1.
 */
export function balancedWeights(counts: readonly number[]): Float32Array {
  const clips = counts.reduce((sum, count) => sum + count, 0);
  const present = counts.filter((count) => count > 0).length;
  return Float32Array.from(counts, (count) => (count === 0 ? 1 : clips / (present * count)));
}

/**
 * One over the effective number of clips, `(1 − beta) / (1 − beta^n_c)`, scaled to a mean of 1 over the classes that have clips (Cui et al. 2019). A class without
 * clips has weight 1.
 */
export function effectiveWeights(counts: readonly number[], beta: number): Float32Array {
  const inverse = counts.map((count) => (count === 0 ? 0 : (1 - beta) / (1 - beta ** count)));
  const present = counts.filter((count) => count > 0).length;
  const sum = inverse.reduce((total, weight) => total + weight, 0);
  return Float32Array.from(inverse, (weight) => (weight === 0 ? 1 : (weight * present) / sum));
}

/** What the mean loss of each head is multiplied by: see {@link meanCorrection}. */
export type MeanCorrections = Readonly<Record<keyof ClassWeights, number>>;

/** {@link meanCorrection} of both heads; 1 where classes have no weights. */
export function meanCorrections(weights: ClassWeights | undefined, { mixed, ...targets }: ClassTargets): MeanCorrections {
  if (weights === undefined) return { gloss: 1, category: 1 };
  const ofHead = (head: keyof ClassWeights): number =>
    meanCorrection(weights[head], targets[head], mixed && { targets: mixed[head], share: mixed.share });
  return { gloss: ofHead('gloss'), category: ofHead('category') };
}

/**
 * What brings a mean over clips of class-weighted losses to PyTorch's, which divides by the sum of the weights of the targets and not by the number of clips.
 * @param weights of the classes.
 * @param targets class ids of the clips that the mean is over.
 * @param mixed where each clip is mixed with another: the others' ids, and the share of its own; its target is both, by their shares.
 */
export function meanCorrection(
  weights: Float32Array,
  targets: ArrayLike<number>,
  mixed?: { readonly targets: ArrayLike<number>; readonly share: ArrayLike<number> },
): number {
  if (targets.length === 0) return 1; // No clip of the batch could be read.
  const weightOfClip = (target: number, row: number): number => {
    const own = elementAt(weights, target);
    if (mixed === undefined) return own;
    const share = elementAt(mixed.share, row);
    return share * own + (1 - share) * elementAt(weights, elementAt(mixed.targets, row));
  };
  return targets.length / Array.from(targets).reduce((total, target, row) => total + weightOfClip(target, row), 0);
}

function countsOf(targets: ArrayLike<number>, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const target of Array.from(targets)) counts[target] = elementAt(counts, target) + 1;
  return counts;
}
