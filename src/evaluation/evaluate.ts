import { existsSync } from 'node:fs';
import path from 'node:path';
import { checkOptions, type OptionsInput, type Options } from '../config/layers';
import type { Settings } from '../config/model-settings';
import { BatchSource } from '../data/batch-source';
import type { Dataset } from '../data/clip-set';
import { planEvaluation } from '../data/even-batches';
import { openData, type DataRequest } from '../data/open-clips';
import { TransformPipeline } from '../data/transforms/pipeline';
import { isLow, type MatrixType } from '../engine/captured/matrix-type';
import { startRuntime } from '../engine/runtime';
import { RESULT_FILES } from '../folder/contents';
import { ModelFolder } from '../folder/model-folder';
import { modelFile } from '../folder/named-checkpoint';
import { cacheFolder, featuresIn } from '../foundation/caches';
import { UserError } from '../foundation/errors';
import { removeIfEmpty } from '../foundation/folders';
import { notesTo, warningsTo, type Hooks } from '../foundation/hooks';
import { memoryBudget, memoryFacts } from '../foundation/memory-limit';
import type { ClipLocation } from '../models/clips';
import { openAsFeatures } from './frame-features/encode-clips';
import {
  modelOfFile,
  inferenceProgram,
  shownLabels,
  classDifferences,
  evaluationInputs,
  trainedAs,
  validationNames,
  wantedKeypoints,
  type LoadedModel,
} from './loaded-model';
import { bfloat16Products } from './low-precision';
import { evaluateOptions, readingOf, shapeOf, type labelledDataOptions } from './options';
import type { WithModels } from './recognise';
import { describeEvaluation, occlusionGroups, type EvaluationResult, type OcclusionGroup } from './result';
import { evaluationDocument } from './results/contents';
import { prepareResultsFolder, saveResults } from './results/write-results';
import { clipsNotFinite, collectOutputs, scoreSplit, type Evaluation } from './split-outputs';
import { curvesBeside } from './training-curves';

/** What {@link evaluate} is asked for: a model, and the clips to evaluate it on; without any, those that it was trained with. */
export type EvaluateOptions = OptionsInput<typeof evaluateOptions>;

/** What {@link evaluate} found and wrote. */
export interface Evaluated {
  /** Everything: of each head its figures, classes, predictions and confusions. */
  readonly result: EvaluationResult;
  /** The figures alone, as `evaluation.json` has them. */
  readonly document: Readonly<Record<string, unknown>>;
  /** The occluded clips and the others; empty where the labels do not tell them apart. */
  readonly occlusion: readonly OcclusionGroup[];
  /** Where tables, pictures and report were written. */
  readonly folder: string;
  /** The page that holds all of it. */
  readonly report: string;
}

/**
 * Evaluates a model on labelled clips and writes its `evaluation_results`. Clips that cannot be used are left out, with a warning each, and listed in the result.
 * @throws UserError where there is no such model or data, or they do not fit each other.
 */
export async function evaluate(options: EvaluateOptions, watchedBy: Hooks & WithModels = {}): Promise<Evaluated> {
  const { hooks, said } = keepingWhatIsSaid(watchedBy);
  const {
    model,
    batch_size: batchSize,
    amp,
    out,
    ...given
  } = checkOptions(evaluateOptions, {
    source: 'evaluate()',
    values: options,
  });
  const file = modelFile(model);
  const folder = out ?? ModelFolder.holding(file).resultsOf(file);
  return await holdingModelOf(folder, async () => {
    const loaded = modelOfFile(file, shapeOf(given), readingOf(given, hooks));
    loaded.notes.forEach(notesTo(hooks));
    const runtime = await startRuntime({ verbose: hooks.verbose === true });
    if (runtime.warning !== undefined) warningsTo(hooks)(runtime.warning);
    const matrixType = await bfloat16Products(amp, hooks);
    const result = await evaluateInto(folder, { loaded, data: given, batchSize, matrixType, said }, hooks);
    return {
      result,
      document: { ...evaluationDocument(result), results: folder },
      occlusion: occlusionGroups(result),
      folder,
      report: path.join(folder, RESULT_FILES.report),
    };
  });
}

/** Hooks that keep the notes and warnings that pass through them, for the record of the evaluation. */
function keepingWhatIsSaid(hooks: Hooks & WithModels): { readonly hooks: Hooks & WithModels; readonly said: readonly string[] } {
  const said: string[] = [];
  const onEvent: Hooks['onEvent'] = (event) => {
    if (event.kind === 'note' || event.kind === 'warning') said.push(event.text);
    hooks.onEvent?.(event);
  };
  return { hooks: { ...hooks, onEvent }, said };
}

/** Holds the model folder that results are written into, where it is one: its README.md changes too. */
async function holdingModelOf<Result>(results: string, action: () => Promise<Result>): Promise<Result> {
  const owner = new ModelFolder(path.dirname(path.resolve(results)));
  return owner.hasConfig() ? await owner.whileLocked('evaluate', action) : await action();
}

interface ToEvaluate {
  readonly loaded: ReturnType<typeof modelOfFile>;
  readonly data: EvaluationDataRequest;
  readonly batchSize: number;
  readonly matrixType: MatrixType;
  /** The notes and warnings so far. */
  readonly said: readonly string[];
}

/** Makes the folder before the model runs, so that it is known at once where that cannot be done; it goes again where nothing comes of it. */
async function evaluateInto(
  folder: string,
  { loaded, data, batchSize, matrixType, said }: ToEvaluate,
  hooks: Hooks & WithModels,
): Promise<EvaluationResult> {
  const dataset = await openEvaluationData(loaded, data, dataWatchOf(hooks));
  const isNew = !existsSync(folder);
  const place = prepareResultsFolder(folder);
  try {
    const evaluation = await evaluateModel(loaded, dataset, batchSize, hooks.signal, matrixType);
    const result = { ...describeEvaluation(loaded, dataset, evaluation), warnings: [...said] };
    const onWarning = warningsTo(hooks);
    await saveResults(folder, result, {
      curves: curvesBeside(loaded.file),
      created: new Date(),
      onWarning,
      place,
      set: dataset.validation,
    });
    return result;
  } catch (error) {
    if (isNew) removeIfEmpty(place.placeNow() ?? folder);
    throw error;
  } finally {
    place.release();
  }
}

/** The data to evaluate on, as a user names it; nothing for the data that the model was trained with. */
export type EvaluationDataRequest = Partial<Omit<Options<typeof labelledDataOptions>, 'batch_size'>>;

/** How the opening of data is watched. */
export interface DataWatch {
  readonly onWarning: (text: string) => void;
  /** Is told what was made of the data, as which ids names got. */
  readonly onNote?: (text: string) => void;
  /** How many clips have been read and checked, of how many. */
  readonly onProgress: (done: number, total: number) => void;
  /** Where what can be made again is kept, as features of pictures; the user's cache folder otherwise. */
  readonly cacheFolder?: string | undefined;
}

/** {@link DataWatch} for whoever watches a verb of the library; it stops where that is aborted. */
export function dataWatchOf(hooks: Hooks): DataWatch {
  return {
    onWarning: warningsTo(hooks),
    onNote: notesTo(hooks),
    onProgress: (done, total) => {
      hooks.signal?.throwIfAborted();
      hooks.onEvent?.({ kind: 'clips-read', done, total });
    },
    cacheFolder: hooks.cacheFolder,
  };
}

/**
 * Opens the data that is asked for, or that the model was trained with. Clips that cannot be used are left out, with a warning each. The runtime must have been started.
 * @throws UserError where there is no such data, or no clip of it can be used.
 */
export async function openEvaluationData(loaded: LoadedModel, request: EvaluationDataRequest, watch: DataWatch): Promise<Dataset> {
  const { onWarning, onNote, onProgress, cacheFolder: cache = cacheFolder({}) } = watch;
  const { model } = loaded;
  const { definition } = model;
  const trained = trainedAs(loaded);
  const recorded = trained && definition.clipLocation(trained);
  const source = sourceOf(request) ?? recorded?.source;
  if (source === undefined && (trained === undefined || loaded.data['title'] === undefined)) {
    throw new UserError(`${loaded.file} does not say what it was trained on: give --data, or --keypoints-val and --labels-val-csv`);
  }
  const data: DataRequest = {
    source,
    key: request.kp_key ?? recorded?.key ?? definition.usualClips.key,
    layout: recorded?.layout ?? definition.usualClips.layout,
    width: loaded.clipWidth,
    keypoints: wantedKeypoints(loaded.file, loaded.keypoints),
    demoSeed: trained?.seed ?? 0, // Of no account where there is a source.
    memoryBudgetBytes: memoryBudget(memoryFacts()),
    cacheFolder: cache,
    needTrain: false,
    leaveOutBroken: true,
    validationShare: shareOf(loaded, trained),
    namesOfModel: loaded.labels,
    onProgress,
    ...(onNote === undefined ? {} : { onNote }),
    onWarning,
  };
  // A model that was trained on pictures sees their features; those of its own weights.
  const dataset =
    recorded?.pictures === undefined ? await openData(data) : await openAsFeatures(data, model, loaded.weights, featuresIn(cache));
  for (const { file, problem } of dataset.leftOut) onWarning(`left out: ${file}: ${problem}`);
  if (source === undefined && loaded.data['fingerprint'] !== dataset.fingerprint) {
    // The demo set is made anew each time, and another version of Kumpas may make another one.
    onWarning(`the demo set is not the one that ${loaded.file} was trained on: another version of Kumpas made that`);
  }
  return dataset;
}

/** Where a share of the training clips validated: these very clips are what the model is judged by, unless the data has validation clips of its own. */
function shareOf({ data }: LoadedModel, trained: Settings | undefined): DataRequest['validationShare'] {
  if (trained === undefined || trained.val_share === null) return undefined;
  return { share: trained.val_share, seed: trained.seed, kept: validationNames(data), refuseOwn: false };
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

/**
 * Runs a model over the validation clips of a dataset and scores it.
 * @param signal aborted: it ends with the signal's reason, at the next batch.
 * @param matrixType in what its matrix products are computed; only a captured program can do so in bfloat16.
 * @throws UserError where the classes of model and data are not the same, there are no clips, or the model gives something that is not finite.
 */
export async function evaluateModel(
  loaded: LoadedModel,
  dataset: Dataset,
  batchSize: number,
  signal?: AbortSignal,
  matrixType: MatrixType = 'float32',
): Promise<Evaluation> {
  const { validation: set } = dataset;
  if (set.entries.length === 0) throw new UserError(`${dataset.title}: there are no validation clips to evaluate on`);
  refuseOtherClasses(loaded, dataset);
  const { maxFrames } = loaded.model;
  const transforms = TransformPipeline.of(loaded.transforms, set.keypoints);
  const plans = planEvaluation(set, { leavesPaddingOut: loaded.model.leavesPaddingOut === true, batchSize, maxFrames, transforms });
  const source = new BatchSource(set, { batchSize, transforms: loaded.transforms });
  const start = performance.now();
  const program = inferenceProgram(loaded, {
    mode: plans.length < WORTH_CAPTURING && !isLow(matrixType) ? 'eager' : 'captured',
    matrixType,
  });
  try {
    const outputs = await collectOutputs(set, source.epoch(plans), async (batch) => {
      signal?.throwIfAborted();
      return program.evaluateLater(evaluationInputs(batch, loaded.model));
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
