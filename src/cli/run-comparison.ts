import path from 'node:path';
import type { CheckpointReading, PlainRecord } from '../checkpoint/training-checkpoint';
import { startRuntime } from '../engine/runtime';
import { comparedFromFiles, comparedFromResult, type ComparedModel } from '../evaluation/compare/compared-model';
import { compareModels, regressions, type Comparison } from '../evaluation/compare/comparison';
import { evaluateModel, openEvaluationData, type EvaluationDataRequest } from '../evaluation/evaluate';
import { canDraw, drawnOrTold } from '../evaluation/pictures/drawing';
import { loadModel } from '../evaluation/load-model';
import { modelFile } from '../folder/model-folder';
import { describeEvaluation } from '../evaluation/result';
import { writeFileAtomically, writeTextAtomically } from '../foundation/atomic-file';
import type { Terminal } from './terminal';
import { dataWatch } from './progress';
import { comparisonJson, comparisonMarkdown, comparisonText, judgementMarkdown, judgementText } from './comparison-text';
import { tellNotes } from './flags';
import { percentText } from './quantities';

/** The exit code for a model that is worse than it may be. */
const REGRESSION_EXIT_CODE = 2;

export interface ComparisonRequest extends EvaluationDataRequest {
  /** The baseline first. */
  readonly models: readonly string[];
  /** What they are called, by how they are named here; their own titles where absent. */
  readonly titles?: ReadonlyMap<string, string>;
  /** Whether it is said in words what got better and worse. */
  readonly judged?: boolean;
  readonly shape: PlainRecord;
  readonly reading?: CheckpointReading;
  readonly batchSize: number;
  readonly allowDifferentData: boolean;
  /** The share of the clips by which a model may be worse. */
  readonly failIfWorse: number | undefined;
  readonly outputDir: string | undefined;
  readonly format: 'text' | 'markdown' | 'json';
  readonly verbose: boolean;
}

/**
 * Compares models by their evaluation results, or by evaluating them now where data is named.
 * @returns the process's exit code: 2 where a model is worse than the request allows.
 */
export async function runComparison(request: ComparisonRequest, terminal: Terminal): Promise<number> {
  const titled = (await gather(request, terminal)).map((model) => ({ ...model, title: request.titles?.get(model.named) ?? model.title }));
  const [baseline, ...others] = withOwnTitles(titled);
  if (baseline === undefined) return 0;
  for (const warning of [baseline, ...others].flatMap(({ warnings }) => warnings)) terminal.errors.write(`warning: ${warning}\n`);
  const comparison = compareModels(baseline, others, request.allowDifferentData);
  terminal.output.write(TEXTS[request.format](comparison));
  if (request.judged === true && request.format !== 'json') terminal.output.write(JUDGEMENTS[request.format](comparison));
  if (request.outputDir !== undefined) await writeFiles(request.outputDir, request.judged === true, comparison, terminal);
  return request.failIfWorse === undefined ? 0 : tellRegressions(comparison, request.failIfWorse, terminal);
}

const TEXTS = { text: comparisonText, markdown: comparisonMarkdown, json: comparisonJson };
const JUDGEMENTS = { text: judgementText, markdown: judgementMarkdown };

async function gather(request: ComparisonRequest, terminal: Terminal): Promise<ComparedModel[]> {
  const { data, keypointsVal, labelsValCsv } = request;
  if (data === undefined && keypointsVal === undefined && labelsValCsv === undefined) return request.models.map(comparedFromFiles);
  const loaded = request.models.map((named) => ({ named, model: loadModel(modelFile(named, named), request.shape, request.reading) }));
  for (const { model } of loaded) tellNotes(model, true, terminal);
  const runtime = await startRuntime({ verbose: request.verbose });
  if (runtime.warning !== undefined) terminal.errors.write(`warning: ${runtime.warning}\n`);
  const compared: ComparedModel[] = [];
  for (const { named, model } of loaded) {
    const dataset = await openEvaluationData(model, request, dataWatch(terminal));
    compared.push(comparedFromResult(named, describeEvaluation(model, dataset, await evaluateModel(model, dataset, request.batchSize))));
  }
  return compared;
}

/** Models that are called the same are told apart by what was typed. */
function withOwnTitles(models: readonly ComparedModel[]): ComparedModel[] {
  return models.map((model) => {
    const taken = models.some((other) => other !== model && other.title === model.title);
    return taken ? { ...model, title: model.named } : model;
  });
}

async function writeFiles(folder: string, judged: boolean, comparison: Comparison, terminal: Terminal): Promise<void> {
  const judgement = judged ? judgementMarkdown(comparison) : '';
  writeTextAtomically(path.join(folder, 'comparison.md'), comparisonMarkdown(comparison) + judgement);
  writeTextAtomically(path.join(folder, 'comparison.json'), comparisonJson(comparison));
  const drawn = await drawComparison(path.join(folder, 'comparison.png'), comparison, terminal);
  terminal.errors.write(`written: ${path.join(folder, 'comparison.md')}, comparison.json${drawn ? ' and comparison.png' : ''}\n`);
}

/** Returns whether the picture is there. */
async function drawComparison(file: string, { baseline, contrasts }: Comparison, terminal: Terminal): Promise<boolean> {
  const { onWarning } = dataWatch(terminal);
  if (!(await canDraw(onWarning))) return false;
  const [{ comparisonPicture }, { lightTheme }] = await Promise.all([
    import('../evaluation/pictures/charts.js'),
    import('../evaluation/pictures/drawing.js'),
  ]);
  const models = [baseline, ...contrasts.map(({ model }) => model)];
  const draw = (): Buffer => comparisonPicture(models, path.basename(baseline.data.title), lightTheme);
  const png = drawnOrTold(file, draw, onWarning);
  if (png === undefined) return false;
  writeFileAtomically(file, (append) => {
    append(png);
  });
  return true;
}

function tellRegressions(comparison: Comparison, tolerance: number, { errors }: Terminal): number {
  const found = regressions(comparison, tolerance);
  for (const { model, head } of found) {
    const [now, before] = [model.figures[head].accuracy, comparison.baseline.figures[head].accuracy];
    errors.write(
      `worse: ${model.named}: ${head} accuracy ${percentText(now)}, the baseline has ${percentText(before)}; it may be worse by ${percentText(tolerance)}\n`,
    );
  }
  return found.length === 0 ? 0 : REGRESSION_EXIT_CODE;
}
