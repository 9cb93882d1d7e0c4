import { BatchSource } from '../data/batches';
import { bucketLengths, planEpoch } from '../data/plan-epoch';
import type { Dataset } from '../data/clip-set';
import { UserError } from '../foundation/errors';
import { classDifferences } from './class-differences';
import { featureInputs } from './inference';
import { inferenceProgram, shownLabels, type LoadedModel } from './load-model';
import { clipsNotFinite, collectOutputs, type SplitOutputs } from './split-outputs';
import { scoreSplit, type SplitScores } from './split-scores';

/** What an evaluation found. */
export interface Evaluation {
  readonly outputs: SplitOutputs;
  readonly scores: SplitScores;
  /** Clips that were longer than the model takes, and were cut to their first frames. */
  readonly cutClips: number;
  /** What the model's passes over all clips took, recording its graphs included. */
  readonly seconds: number;
}

/**
 * Runs a model over the validation clips of a dataset and scores it.
 * @throws UserError where the classes of model and data are not the same, there are no clips, or the model gives something that is not finite.
 */
export async function evaluateModel(loaded: LoadedModel, dataset: Dataset, batchSize: number): Promise<Evaluation> {
  const { validation: set } = dataset;
  if (set.entries.length === 0) throw new UserError(`${dataset.title}: there are no validation clips to evaluate on`);
  refuseOtherClasses(loaded, dataset);
  const { maxFrames } = loaded.model;
  const lengths = bucketLengths(set.entries, { maxBuckets: 4, maxFrames, batchSize });
  const plans = planEpoch(set, { batchSize, maxFrames, seed: 0, epoch: 0, shuffle: false, bucketLengths: lengths });
  const source = new BatchSource(set, { batchSize });
  const start = performance.now();
  const program = inferenceProgram(loaded, { mode: plans.length < WORTH_CAPTURING ? 'eager' : 'captured' });
  try {
    const outputs = await collectOutputs(set, source.epoch(plans), (batch) => program.evaluate(featureInputs(batch)));
    const broken = clipsNotFinite(outputs, set);
    if (broken !== undefined) throw new UserError(`${loaded.file}: the model gives ${broken}; nothing can be said of that`);
    const seconds = (performance.now() - start) / 1000;
    return { outputs, scores: scoreSplit(outputs), cutClips: set.entries.filter(({ frames }) => frames > maxFrames).length, seconds };
  } finally {
    await source.close();
    program.dispose();
  }
}

/** Batches from which on capturing the graph pays. */
const WORTH_CAPTURING = 6;

/** Class ids mean something only where model and data name the same classes. */
function refuseOtherClasses(loaded: LoadedModel, { title, labels: found, validation }: Dataset): void {
  const { file, labels } = loaded;
  const trained = { labels: shownLabels(loaded), known: labels !== undefined, calledBy: 'the model' };
  const problems = classDifferences(trained, found, validation.entries);
  if (problems.length === 0) return;
  throw new UserError(
    [`${file} was trained on other classes than ${title} has; evaluate it on data with its own classes`, ...problems].join('\n'),
  );
}
