import { totalmem } from 'node:os';
import path from 'node:path';
import type { PlainRecord } from '../checkpoint/training-checkpoint';
import { resolveLayers } from '../config/resolve';
import type { Dataset } from '../data/clip-set';
import { openData, type DataRequest } from '../data/open-data';
import { startRuntime } from '../engine/runtime';
import { evaluateModel } from '../evaluation/evaluate';
import type { HeadResult } from '../evaluation/head-result';
import { loadModel, type LoadedModel } from '../evaluation/load-model';
import { modelFile, resultsFolderOf } from '../evaluation/model-file';
import { featureCache, openAsFeatures } from '../evaluation/frame-features/open-encoded-data';
import { describeEvaluation, occlusionGroups, type EvaluationResult } from '../evaluation/result';
import { evaluationDocument } from '../evaluation/results/document';
import { RESULT_FILES } from '../evaluation/results/result-files';
import { saveResults } from '../evaluation/results/save-results';
import { prepareResultsFolder } from '../evaluation/results/write-results';
import { curvesBeside } from '../evaluation/training-curves';
import { UserError } from '../foundation/errors';
import { modelEntry } from '../models/model-table';
import type { ClipLocation } from '../models/model-entry';
import type { Terminal } from './command';
import { USER_ERROR_EXIT_CODE } from './failure';
import { showLoading } from './loading';
import { paceText, percentText } from './quantities';

/** The data to evaluate on, as the command line names it; all undefined for the data that the model was trained with. */
export interface EvaluationDataRequest {
  readonly data: string | undefined;
  readonly keypointsVal: string | undefined;
  readonly labelsValCsv: string | undefined;
  readonly labelsReference: string | undefined;
  readonly key: string | undefined;
}

export interface EvaluationRequest extends EvaluationDataRequest {
  readonly modelPath: string;
  readonly shape: PlainRecord;
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
  const loaded = loadModel(modelFile(request.modelPath), request.shape);
  const warn = warnTo(terminal);
  const runtime = await startRuntime({ verbose: request.verbose });
  if (runtime.warning !== undefined) warn(runtime.warning);
  const dataset = await openEvaluationData(loaded, request, terminal);
  const folder = request.outputDir ?? resultsFolderOf(loaded.file);
  prepareResultsFolder(folder);
  const result = describeEvaluation(loaded, dataset, await evaluateModel(loaded, dataset, request.batchSize));
  await saveResults(folder, result, { curves: curvesBeside(loaded.file), created: new Date(), onWarning: warn });
  terminal.output.write(
    request.json ? `${JSON.stringify({ ...evaluationDocument(result), results: folder }, null, 2)}\n` : plainText(result, folder),
  );
  return request.strict && result.leftOut.length > 0 ? USER_ERROR_EXIT_CODE : 0;
}

function warnTo({ errors }: Terminal): (text: string) => void {
  return (text) => {
    errors.write(`warning: ${text}\n`);
  };
}

/**
 * Opens the data that is asked for, or that the model was trained with. Clips that cannot be used are left out, and told. The runtime must have been started.
 * @throws UserError where there is no such data, or no clip of it can be used.
 */
export async function openEvaluationData(loaded: LoadedModel, request: EvaluationDataRequest, terminal: Terminal): Promise<Dataset> {
  const onWarning = warnTo(terminal);
  const { settings, model, name } = loaded;
  const trained = Object.keys(settings).length === 0 ? undefined : resolveLayers([{ source: loaded.file, values: settings }]).settings;
  const recorded = trained === undefined ? undefined : modelEntry(trained.model).clipLocation(trained);
  const entry = modelEntry(name);
  const source = sourceOf(request) ?? recorded?.source;
  if (source === undefined && loaded.data['title'] === undefined) {
    throw new UserError(`${loaded.file} does not say what it was trained on: give --data, or --keypoints-val and --labels-val-csv`);
  }
  const data: DataRequest = {
    source,
    key: request.key ?? recorded?.key ?? entry.usualClips.key,
    layout: recorded?.layout ?? entry.usualClips.layout,
    width: entry.width,
    demoSeed: trained?.seed ?? 0,
    memoryBudgetBytes: totalmem() / 4,
    needTrain: false,
    leaveOutBroken: true,
    onProgress: showLoading(terminal.errors),
    onWarning,
  };
  // A model that was trained on pictures sees their features; those of its own weights.
  const dataset =
    recorded?.pictures === undefined ? await openData(data) : await openAsFeatures(data, model, loaded.weights, featureCache(process.env));
  for (const { file, problem } of dataset.leftOut) onWarning(`left out: ${file}: ${problem}`);
  if (source === undefined && loaded.data['fingerprint'] !== dataset.fingerprint) {
    // The demo set is made anew each time, and another version of Kumpas may make another one.
    onWarning(`the demo set is not the one that ${loaded.file} was trained on: another version of Kumpas made that`);
  }
  return dataset;
}

function sourceOf({ data, keypointsVal, labelsValCsv, labelsReference }: EvaluationDataRequest): ClipLocation['source'] {
  if (data !== undefined) {
    if (keypointsVal !== undefined || labelsValCsv !== undefined)
      throw new UserError('--data cannot be combined with --keypoints-val and --labels-val-csv');
    return { folder: data };
  }
  if (keypointsVal === undefined && labelsValCsv === undefined) return undefined;
  if (keypointsVal === undefined || labelsValCsv === undefined)
    throw new UserError('--keypoints-val and --labels-val-csv belong together: give both');
  return { keypoints_val: keypointsVal, labels_val_csv: labelsValCsv, labels_reference: labelsReference };
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
