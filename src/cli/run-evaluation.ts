import { existsSync } from 'node:fs';
import path from 'node:path';
import type { CheckpointReading, PlainRecord } from '../checkpoint/training-checkpoint';
import type { Dataset } from '../data/clip-set';
import { startRuntime } from '../engine/runtime';
import { evaluateModel, openEvaluationData, type EvaluationDataRequest } from '../evaluation/evaluate';
import { type HeadResult, describeEvaluation, occlusionGroups, type EvaluationResult } from '../evaluation/result';
import { loadModel, type LoadedModel } from '../evaluation/load-model';
import { modelFile, resultsFolderOf } from '../folder/model-folder';
import { evaluationDocument } from '../evaluation/results/document';
import { RESULT_FILES } from '../folder/contents';
import { saveResults, prepareResultsFolder } from '../evaluation/results/write-results';
import { curvesBeside } from '../evaluation/training-curves';
import { withFolderLock } from '../foundation/folder-lock';
import { removeIfEmpty } from '../foundation/folders';
import type { Terminal } from './terminal';
import { dataWatch } from './progress';
import { USER_ERROR_EXIT_CODE } from './exit';
import { tellNotes } from './flags';
import { paceText, percentText } from './quantities';

export interface EvaluationRequest extends EvaluationDataRequest {
  readonly modelPath: string;
  readonly shape: PlainRecord;
  readonly reading?: CheckpointReading;
  readonly batchSize: number;
  readonly outputDir: string | undefined;
  readonly strict: boolean;
  readonly json: boolean;
  readonly verbose: boolean;
}

/**
 * Evaluates a model, writes its `evaluation_results` and prints its figures.
 * @returns the process's exit code: not 0 where clips were left out and the request is strict.
 */
export async function runEvaluation(request: EvaluationRequest, terminal: Terminal): Promise<number> {
  const file = modelFile(request.modelPath);
  const folder = request.outputDir ?? resultsFolderOf(file);
  return await withModelOf(folder, () => evaluateInto(folder, file, request, terminal));
}

/** Holds the model folder that results are written into, where it is one: its README.md changes too. */
async function withModelOf(results: string, action: () => Promise<number>): Promise<number> {
  const owner = path.dirname(path.resolve(results));
  return existsSync(path.join(owner, 'config.json')) ? await withFolderLock(owner, 'evaluate', action) : await action();
}

async function evaluateInto(folder: string, file: string, request: EvaluationRequest, terminal: Terminal): Promise<number> {
  const loaded = loadModel(file, request.shape, request.reading);
  tellNotes(loaded, false, terminal);
  const { onWarning } = dataWatch(terminal);
  const runtime = await startRuntime({ verbose: request.verbose });
  if (runtime.warning !== undefined) onWarning(runtime.warning);
  const dataset = await openEvaluationData(loaded, request, dataWatch(terminal));
  const result = await evaluateAndSave(folder, { loaded, dataset, batchSize: request.batchSize, onWarning });
  terminal.output.write(
    request.json ? `${JSON.stringify({ ...evaluationDocument(result), results: folder }, null, 2)}\n` : plainText(result, folder),
  );
  return request.strict && result.leftOut.length > 0 ? USER_ERROR_EXIT_CODE : 0;
}

interface ToEvaluate {
  readonly loaded: LoadedModel;
  readonly dataset: Dataset;
  readonly batchSize: number;
  readonly onWarning: (warning: string) => void;
}

/** Makes the folder first, so that it is known at once where that cannot be done; it goes again where nothing comes of it. */
async function evaluateAndSave(folder: string, { loaded, dataset, batchSize, onWarning }: ToEvaluate): Promise<EvaluationResult> {
  const isNew = !existsSync(folder);
  const place = prepareResultsFolder(folder);
  try {
    const result = describeEvaluation(loaded, dataset, await evaluateModel(loaded, dataset, batchSize));
    await saveResults(folder, result, { curves: curvesBeside(loaded.file), created: new Date(), onWarning, place });
    return result;
  } catch (error) {
    if (isNew) removeIfEmpty(place.placeNow() ?? folder);
    throw error;
  } finally {
    place.release();
  }
}

function plainText(result: EvaluationResult, folder: string): string {
  const { model, data, clips, cutClips, leftOut, clipsPerSecond } = result;
  const row = (title: string, { metrics }: HeadResult): string => {
    const cells = [
      percentText(metrics.accuracy),
      percentText(metrics.top_5_accuracy),
      metrics.f1_weighted.toFixed(4),
      metrics.f1_macro.toFixed(4),
    ];
    const interval = `${percentText(metrics.accuracy_ci95_low)} to ${percentText(metrics.accuracy_ci95_high)}`;
    return `${title.padEnd(10)}${tableRow([...cells, interval])}`;
  };
  const left = new Set(leftOut.map(({ file }) => file)).size;
  const lines = [
    `model  ${model.file}`,
    `data   ${data.title}, ${clips.length} clips${data.synthetic ? ' (made by a generator: these figures say nothing about real signs)' : ''}`,
    `pace   ${paceText(clipsPerSecond)}`,
    ...model.assumptions.map((assumption) => `note   the checkpoint does not say: ${assumption} was taken`),
    ...(cutClips === 0 ? [] : [`note   clips longer than ${model.maxFrames} frames, which were cut: ${cutClips}`]),
    ...(left === 0 ? [] : [`note   clips left out, as the warnings say: ${left}`]),
    '',
    `${''.padEnd(10)}${tableRow(['accuracy', 'top-5', 'weighted F1', 'macro F1', '95 % interval of accuracy'])}`,
    row('gloss', result.gloss),
    row('category', result.category),
    ...occlusionLines(result),
    '',
    `results  ${path.join(folder, RESULT_FILES.report)}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** Nothing where the labels tell no occluded clips from others. */
function occlusionLines(result: EvaluationResult): string[] {
  const groups = occlusionGroups(result).filter(({ clips }) => clips > 0);
  if (groups.length < 2) return [];
  return groups.map(({ occluded, clips, accuracy = { gloss: 0, category: 0 } }) => {
    const name = `${clips} ${occluded ? 'occluded' : 'other'} clips`;
    return `${name.padEnd(18)}gloss ${percentText(accuracy.gloss)}, category ${percentText(accuracy.category)}`;
  });
}

function tableRow([accuracy = '', top5 = '', weighted = '', macro = '', interval = '']: readonly string[]): string {
  return `${accuracy.padStart(10)}${top5.padStart(10)}${weighted.padStart(13)}${macro.padStart(10)}${interval.padStart(27)}`;
}
