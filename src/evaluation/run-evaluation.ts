import { existsSync } from 'node:fs';
import path from 'node:path';
import { checkOptions, type OptionsInput } from '../config/options';
import { startRuntime } from '../engine/runtime';
import { removeIfEmpty } from '../foundation/folders';
import { withFolderLock } from '../foundation/folder-lock';
import { notesTo, warningsTo, type Hooks } from '../foundation/hooks';
import { dataWatchOf, evaluateModel, openEvaluationData, type EvaluationDataRequest } from './evaluate';
import { loadModel } from './load-model';
import { modelFile, resultsFolderOf, CONFIG_FILE } from '../folder/model-folder';
import { evaluateOptions, readingOf, shapeOf } from './options';
import { describeEvaluation, occlusionGroups, type EvaluationResult, type OcclusionGroup } from './result';
import { evaluationDocument } from './results/document';
import { RESULT_FILES } from '../folder/contents';
import { prepareResultsFolder, saveResults } from './results/write-results';
import { curvesBeside } from './training-curves';
import type { WithModels } from './recognise';

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
 * Evaluates a model on labelled clips and writes its `evaluation_results`. Clips that cannot be used are left out, told as warnings and listed in the result.
 * @throws UserError where there is no such model or data, or they do not fit each other.
 */
export async function evaluate(options: EvaluateOptions, hooks: Hooks & WithModels = {}): Promise<Evaluated> {
  const {
    model,
    batch_size: batchSize,
    output_dir: outputDir,
    ...given
  } = checkOptions(evaluateOptions, {
    source: 'evaluate()',
    values: options,
  });
  const file = modelFile(model);
  const folder = outputDir ?? resultsFolderOf(file);
  return await holdingModelOf(folder, async () => {
    const loaded = loadModel(file, shapeOf(given), readingOf(given, hooks));
    loaded.notes.forEach(notesTo(hooks));
    const runtime = await startRuntime({ verbose: hooks.verbose === true });
    if (runtime.warning !== undefined) warningsTo(hooks)(runtime.warning);
    const result = await evaluateInto(folder, { loaded, data: given, batchSize }, hooks);
    return {
      result,
      document: { ...evaluationDocument(result), results: folder },
      occlusion: occlusionGroups(result),
      folder,
      report: path.join(folder, RESULT_FILES.report),
    };
  });
}

/** Holds the model folder that results are written into, where it is one: its README.md changes too. */
async function holdingModelOf<Result>(results: string, action: () => Promise<Result>): Promise<Result> {
  const owner = path.dirname(path.resolve(results));
  return existsSync(path.join(owner, CONFIG_FILE)) ? await withFolderLock(owner, 'evaluate', action) : await action();
}

interface ToEvaluate {
  readonly loaded: ReturnType<typeof loadModel>;
  readonly data: EvaluationDataRequest;
  readonly batchSize: number;
}

/** Makes the folder before the model runs, so that it is known at once where that cannot be done; it goes again where nothing comes of it. */
async function evaluateInto(folder: string, { loaded, data, batchSize }: ToEvaluate, hooks: Hooks & WithModels): Promise<EvaluationResult> {
  const dataset = await openEvaluationData(loaded, data, dataWatchOf(hooks));
  const isNew = !existsSync(folder);
  const place = prepareResultsFolder(folder);
  try {
    const result = describeEvaluation(loaded, dataset, await evaluateModel(loaded, dataset, batchSize, hooks.signal));
    const onWarning = warningsTo(hooks);
    await saveResults(folder, result, { curves: curvesBeside(loaded.file), created: new Date(), onWarning, place });
    return result;
  } catch (error) {
    if (isNew) removeIfEmpty(place.placeNow() ?? folder);
    throw error;
  } finally {
    place.release();
  }
}
