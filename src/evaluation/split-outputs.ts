import { setImmediate } from 'node:timers/promises';
import type { Batch } from '../data/batch';
import type { ClipSet } from '../data/clip-set';
import { valuesNamed, type NamedArrays } from '../engine/parameters';
import { countNotFinite, elementAt, required } from '../foundation/required';
import { accuracy, classMetrics, predictedClasses, topKAccuracy, weightedAverage } from './metrics';

/** What a model gave for every clip of a set, in the set's order. */
export interface SplitOutputs {
  readonly clips: number;
  /** `[clips, num_gloss]` */
  readonly glossLogits: Float32Array;
  /** `[clips, num_cat]` */
  readonly categoryLogits: Float32Array;
  readonly glossTargets: Int32Array;
  readonly categoryTargets: Int32Array;
  /** `[clips]`, where the program gives losses; empty otherwise. */
  readonly losses: Float32Array;
}

/** Batches that are computed at once: while one is in a part that does not use all threads, the other uses them. */
const AT_ONCE = 3;

/**
 * Runs a whole set through a program and puts the results back in the set's order.
 * @param evaluate gives `gloss_logits`, `category_logits` and perhaps `losses` for a batch; the next batch is assembled and begun meanwhile.
 */
export async function collectOutputs(
  set: ClipSet,
  batches: AsyncIterable<Batch>,
  evaluate: (batch: Batch) => Promise<NamedArrays>,
): Promise<SplitOutputs> {
  const clips = set.entries.length;
  const gloss = new RowCollector(clips);
  const category = new RowCollector(clips);
  const losses = new RowCollector(clips);
  const begun: { readonly batch: Batch; readonly outputs: Promise<NamedArrays> }[] = [];
  const takeOldest = async (): Promise<void> => {
    const { batch, outputs: promised } = required(begun.shift(), 'a batch that was begun');
    const outputs = await promised;
    gloss.take(batch, valuesNamed(outputs, 'gloss_logits'));
    category.take(batch, valuesNamed(outputs, 'category_logits'));
    if (outputs['losses'] !== undefined) losses.take(batch, outputs['losses'].values);
  };
  try {
    for await (const batch of batches) {
      await setImmediate(); // A server that evaluates answers in between.
      const outputs = evaluate(batch);
      outputs.catch(() => undefined); // Whoever takes them sees their error, even where one before them fails later.
      begun.push({ batch, outputs });
      if (begun.length === AT_ONCE) await takeOldest();
    }
    while (begun.length > 0) await takeOldest();
  } finally {
    // What was begun ends before whoever fails frees what it computes with.
    await Promise.allSettled(begun.map(({ outputs }) => outputs));
  }
  return {
    clips,
    glossLogits: gloss.rows,
    categoryLogits: category.rows,
    glossTargets: Int32Array.from(set.entries, (entry) => entry.gloss),
    categoryTargets: Int32Array.from(set.entries, (entry) => entry.category),
    losses: losses.rows,
  };
}

/**
 * The clips for which a model gave something that is not finite, as a text: `values that are not finite (NaN or infinite) for 2 of 7 clips, the first val_3`.
 * Undefined where all is finite.
 */
export function clipsNotFinite({ clips, glossLogits, categoryLogits, losses }: SplitOutputs, { entries }: ClipSet): string | undefined {
  const rows = [glossLogits, categoryLogits, losses].filter(({ length }) => length > 0);
  const isFinite = (clip: number, values: Float32Array): boolean => {
    const width = values.length / clips;
    return countNotFinite(values.subarray(clip * width, (clip + 1) * width)) === 0;
  };
  const broken = entries.filter((_, clip) => !rows.every((values) => isFinite(clip, values)));
  const [first] = broken;
  return first && `values that are not finite (NaN or infinite) for ${broken.length} of ${clips} clips, the first ${first.name}`;
}

/** The outputs of some of the clips, by their positions. */
export function outputsOf(positions: readonly number[], outputs: SplitOutputs): SplitOutputs {
  const { clips, glossLogits, categoryLogits, glossTargets, categoryTargets, losses } = outputs;
  if (positions.length === clips) return outputs;
  const floats = (rows: Float32Array): Float32Array => {
    const width = rows.length / clips;
    return Float32Array.from({ length: positions.length * width }, (_, place) =>
      elementAt(rows, elementAt(positions, Math.floor(place / width)) * width + (place % width)),
    );
  };
  const ids = (targets: Int32Array): Int32Array => Int32Array.from(positions, (clip) => elementAt(targets, clip));
  return {
    clips: positions.length,
    glossLogits: floats(glossLogits),
    categoryLogits: floats(categoryLogits),
    glossTargets: ids(glossTargets),
    categoryTargets: ids(categoryTargets),
    losses: floats(losses),
  };
}

/** Gathers rows of batches into one array in the set's order. */
class RowCollector {
  rows = new Float32Array();

  constructor(private readonly clips: number) {}

  take(batch: Batch, values: ArrayLike<number>): void {
    const width = values.length / batch.size;
    if (this.rows.length === 0) this.rows = new Float32Array(this.clips * width);
    batch.indices.forEach((clip, row) => {
      for (let place = 0; place < width; place++) this.rows[clip * width + place] = elementAt(values, row * width + place);
    });
  }
}

/** The figures of one head; shares are between 0 and 1. */
interface HeadScores {
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

/** What an evaluation found. */
export interface Evaluation {
  readonly outputs: SplitOutputs;
  readonly scores: SplitScores;
  /** Clips that were longer than the model takes, and were cut to their first frames. */
  readonly cutClips: number;
  /** What the model's passes over all clips took, recording its graphs included. */
  readonly seconds: number;
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
