import { totalmem } from 'node:os';
import type { PlainRecord } from '../checkpoint/training-checkpoint';
import { resolveLayers } from '../config/resolve';
import type { Dataset } from '../data/clip-set';
import { openData, type DataRequest } from '../data/open-data';
import { startRuntime } from '../engine/runtime';
import { evaluateModel, type Evaluation } from '../evaluation/evaluate';
import { loadModel, type LoadedModel } from '../evaluation/load-model';
import { modelFile } from '../evaluation/model-file';
import { featureCache, openAsFeatures } from '../evaluation/pictures/open-encoded-data';
import type { HeadScores } from '../evaluation/split-scores';
import { UserError } from '../foundation/errors';
import { modelEntry } from '../models/model-table';
import type { ClipLocation } from '../models/model-entry';
import type { Terminal } from './command';
import { showLoading } from './loading';
import { percentText } from './quantities';

export interface EvaluationRequest {
  readonly modelPath: string;
  readonly shape: PlainRecord;
  readonly data: string | undefined;
  readonly keypointsVal: string | undefined;
  readonly labelsValCsv: string | undefined;
  readonly labelsReference: string | undefined;
  readonly key: string | undefined;
  readonly batchSize: number;
  readonly json: boolean;
  readonly verbose: boolean;
}

/**
 * Evaluates a model and prints its figures.
 * @returns the process's exit code.
 */
export async function runEvaluation(request: EvaluationRequest, terminal: Terminal): Promise<number> {
  const loaded = loadModel(modelFile(request.modelPath), request.shape);
  const warn = (text: string): void => {
    terminal.errors.write(`warning: ${text}\n`);
  };
  const runtime = await startRuntime({ verbose: request.verbose });
  if (runtime.warning !== undefined) warn(runtime.warning);
  const dataset = await openEvaluationData(loaded, request, terminal, warn);
  const evaluation = await evaluateModel(loaded, dataset, request.batchSize);
  terminal.output.write(request.json ? jsonText(loaded, dataset, evaluation) : plainText(loaded, dataset, evaluation));
  return 0;
}

async function openEvaluationData(
  loaded: LoadedModel,
  request: EvaluationRequest,
  terminal: Terminal,
  onWarning: (text: string) => void,
): Promise<Dataset> {
  const { settings, model, name } = loaded;
  const trained = Object.keys(settings).length === 0 ? undefined : resolveLayers([{ source: loaded.file, values: settings }]).settings;
  const recorded = trained === undefined ? undefined : modelEntry(trained.model).clipLocation(trained);
  const entry = modelEntry(name);
  const source = sourceOf(request) ?? recorded?.source;
  if (source === undefined && loaded.settings['model'] === undefined) {
    throw new UserError(`${loaded.file} does not say what it was trained on: give --data, or --keypoints-val and --labels-val-csv`);
  }
  const data: DataRequest = {
    source,
    key: request.key ?? recorded?.key ?? entry.usualClips.key,
    layout: recorded?.layout ?? entry.usualClips.layout,
    width: entry.width,
    numGloss: model.numGloss,
    numCat: model.numCategory,
    demoSeed: trained?.seed ?? 0,
    memoryBudgetBytes: totalmem() / 4,
    needTrain: false,
    onProgress: showLoading(terminal.errors),
    onWarning,
  };
  // A model that was trained on pictures sees their features; those of its own weights.
  const dataset =
    recorded?.pictures === undefined ? await openData(data) : await openAsFeatures(data, model, loaded.weights, featureCache(process.env));
  if (source === undefined && loaded.data['fingerprint'] !== dataset.fingerprint) {
    // The demo set is made anew each time, and another version of Kumpas may make another one.
    onWarning(`the demo set is not the one that ${loaded.file} was trained on: another version of Kumpas made that`);
  }
  return dataset;
}

function sourceOf({ data, keypointsVal, labelsValCsv, labelsReference }: EvaluationRequest): ClipLocation['source'] {
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

function plainText(loaded: LoadedModel, dataset: Dataset, { scores, cutClips }: Evaluation): string {
  const row = (title: string, { accuracy, top5Accuracy, weightedF1 }: HeadScores): string =>
    `${title.padEnd(10)}${percentText(accuracy).padStart(10)}${percentText(top5Accuracy).padStart(10)}${weightedF1.toFixed(4).padStart(13)}`;
  const lines = [
    `model  ${loaded.file}`,
    `data   ${dataset.title}, ${scores.clips} clips${dataset.synthetic ? ' (made by a generator: these figures say nothing about real signs)' : ''}`,
    ...loaded.assumptions.map((assumption) => `note   the checkpoint does not say: ${assumption} was taken`),
    ...(cutClips === 0 ? [] : [`note   ${cutClips} clips are longer than ${loaded.model.maxFrames} frames and were cut`]),
    '',
    `${''.padEnd(10)}${'accuracy'.padStart(10)}${'top-5'.padStart(10)}${'weighted F1'.padStart(13)}`,
    row('gloss', scores.gloss),
    row('category', scores.category),
  ];
  return `${lines.join('\n')}\n`;
}

function jsonText(loaded: LoadedModel, dataset: Dataset, { scores, cutClips }: Evaluation): string {
  const head = ({ accuracy, top5Accuracy, weightedF1 }: HeadScores): Record<string, number> => ({
    accuracy,
    top_5_accuracy: top5Accuracy,
    f1_weighted: weightedF1,
  });
  const document = {
    model: loaded.file,
    data: {
      title: dataset.title,
      synthetic: dataset.synthetic,
      clips: scores.clips,
      cut_clips: cutClips,
      fingerprint: dataset.fingerprint,
    },
    assumptions: loaded.assumptions,
    gloss: head(scores.gloss),
    category: head(scores.category),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
