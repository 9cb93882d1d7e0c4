import type { Settings } from '../config/model-settings';
import { resolveLayers } from '../config/resolve';
import { onlyModel } from '../config/understood-settings';
import type { Dataset } from '../data/clip-set';
import { openData, type DataRequest } from '../data/open-clips';
import type { Options } from '../config/options';
import { featureCache } from '../foundation/caches';
import { UserError } from '../foundation/errors';
import { warningsTo, type Hooks } from '../foundation/hooks';
import type { labelledDataOptions } from './options';
import { memoryBudget, memoryFacts } from '../foundation/memory-limit';
import type { ClipLocation } from '../models/clips';
import { openAsFeatures } from './frame-features/open-encoded-data';
import { type LoadedModel, inferenceProgram, shownLabels, featureInputs } from './load-model';
import { BatchSource } from '../data/batch-source';
import { bucketLengths, planEpoch } from '../data/batch';
import { TransformPipeline } from '../data/transforms/pipeline';
import { classDifferences } from './class-differences';
import { clipsNotFinite, collectOutputs, type SplitOutputs, scoreSplit, type SplitScores } from './split-outputs';

/** The data to evaluate on, as a user names it; nothing for the data that the model was trained with. */
export type EvaluationDataRequest = Partial<Omit<Options<typeof labelledDataOptions>, 'batch_size'>>;

/** Who is told what happens while data is opened. */
export interface DataWatch {
  readonly onWarning: (text: string) => void;
  /** Is told how many clips have been read and checked, of how many. */
  readonly onProgress: (done: number, total: number) => void;
  /** Where features of pictures are kept; the user's cache folder otherwise. */
  readonly featureCache?: string | undefined;
}

/** {@link DataWatch} for whoever watches a verb of the library; it stops where that is aborted. */
export function dataWatchOf(hooks: Hooks): DataWatch {
  return {
    onWarning: warningsTo(hooks),
    onProgress: (done, total) => {
      hooks.signal?.throwIfAborted();
      hooks.onEvent?.({ kind: 'clips-read', done, total });
    },
    featureCache: hooks.featureCache,
  };
}

/**
 * Opens the data that is asked for, or that the model was trained with. Clips that cannot be used are left out, and told. The runtime must have been started.
 * @throws UserError where there is no such data, or no clip of it can be used.
 */
export async function openEvaluationData(loaded: LoadedModel, request: EvaluationDataRequest, watch: DataWatch): Promise<Dataset> {
  const { onWarning, onProgress, featureCache: cache = featureCache({}) } = watch;
  const { model } = loaded;
  const { definition } = model;
  const trained = trainedAs(loaded);
  const recorded = trained && definition.clipLocation(trained);
  const source = sourceOf(request) ?? recorded?.source;
  if (source === undefined && loaded.data['title'] === undefined) {
    throw new UserError(`${loaded.file} does not say what it was trained on: give --data, or --keypoints-val and --labels-val-csv`);
  }
  const data: DataRequest = {
    source,
    key: request.kp_key ?? recorded?.key ?? definition.usualClips.key,
    layout: recorded?.layout ?? definition.usualClips.layout,
    width: definition.width,
    demoSeed: trained?.seed ?? 0,
    memoryBudgetBytes: memoryBudget(memoryFacts()),
    needTrain: false,
    leaveOutBroken: true,
    onProgress,
    onWarning,
  };
  // A model that was trained on pictures sees their features; those of its own weights.
  const dataset = recorded?.pictures === undefined ? await openData(data) : await openAsFeatures(data, model, loaded.weights, cache);
  for (const { file, problem } of dataset.leftOut) onWarning(`left out: ${file}: ${problem}`);
  if (source === undefined && loaded.data['fingerprint'] !== dataset.fingerprint) {
    // The demo set is made anew each time, and another version of Kumpas may make another one.
    onWarning(`the demo set is not the one that ${loaded.file} was trained on: another version of Kumpas made that`);
  }
  return dataset;
}

/** The settings that a model was trained with, complete; undefined where its checkpoint does not say. */
export function trainedAs({ file, model, settings }: LoadedModel): Settings | undefined {
  if (Object.keys(settings).length === 0) return undefined;
  return resolveLayers([{ source: file, values: settings }], onlyModel(model.definition.settings)).settings;
}

function sourceOf({ data, keypoints_val, labels_val_csv, labels_reference }: EvaluationDataRequest): ClipLocation['source'] {
  if (data !== undefined) {
    if (keypoints_val !== undefined || labels_val_csv !== undefined)
      throw new UserError('--data cannot be combined with --keypoints-val and --labels-val-csv');
    return { folder: data };
  }
  if (keypoints_val === undefined && labels_val_csv === undefined) return undefined;
  if (keypoints_val === undefined || labels_val_csv === undefined)
    throw new UserError('--keypoints-val and --labels-val-csv belong together: give both');
  return { keypoints_val, labels_val_csv, labels_reference };
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

/**
 * Runs a model over the validation clips of a dataset and scores it.
 * @param signal aborted: it ends with the signal's reason, at the next batch.
 * @throws UserError where the classes of model and data are not the same, there are no clips, or the model gives something that is not finite.
 */
export async function evaluateModel(loaded: LoadedModel, dataset: Dataset, batchSize: number, signal?: AbortSignal): Promise<Evaluation> {
  const { validation: set } = dataset;
  if (set.entries.length === 0) throw new UserError(`${dataset.title}: there are no validation clips to evaluate on`);
  refuseOtherClasses(loaded, dataset);
  const { maxFrames } = loaded.model;
  const transforms = TransformPipeline.of(loaded.transforms, set.width);
  const lengths = bucketLengths(set.entries, { maxBuckets: 4, maxFrames, batchSize, transforms });
  const plans = planEpoch(set, { batchSize, maxFrames, seed: 0, epoch: 0, shuffle: false, bucketLengths: lengths, transforms });
  const source = new BatchSource(set, { batchSize, transforms: loaded.transforms });
  const start = performance.now();
  const program = inferenceProgram(loaded, { mode: plans.length < WORTH_CAPTURING ? 'eager' : 'captured' });
  try {
    const outputs = await collectOutputs(set, source.epoch(plans), (batch) => {
      signal?.throwIfAborted();
      return program.evaluate(featureInputs(batch));
    });
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
