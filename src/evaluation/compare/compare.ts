import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { checkOptions, type OptionsInput } from '../../config/layers';
import { startRuntime } from '../../engine/runtime';
import { RESULT_FILES } from '../../folder/contents';
import { ModelFolder, releaseHolding } from '../../folder/model-folder';
import { modelFile, titleOfModel } from '../../folder/named-checkpoint';
import { writeFileAtomically, writeTextAtomically } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { notesTo, warningsTo, type Hooks } from '../../foundation/hooks';
import { required, elementAt } from '../../foundation/required';
import { dataWatchOf, evaluateModel, openEvaluationData, type EvaluationDataRequest } from '../evaluate';
import { modelOfFile } from '../loaded-model';
import { compareOptions, readingOf, shapeOf } from '../options';
import { canDraw, drawnOrTold } from '../pictures/drawing';
import type { WithModels } from '../recognise';
import { describeEvaluation, modelTitle, tellsCategories, type HeadName, type EvaluationResult } from '../result';
import { readEvaluation } from '../results/contents';
import { readPredictions } from '../results/stored-predictions';
import { compareModels, regressions, type ComparedClip, type ComparedModel, type Comparison } from './comparison';
import { comparisonJson, comparisonMarkdown, judgementMarkdown } from './comparison-text';

/** What {@link compare} is asked for: models, the baseline first; and data, where they are to be evaluated on it now. */
export type CompareOptions = OptionsInput<typeof compareOptions> & {
  /** What models are called, by how they are named in `models`; their own titles otherwise. */
  readonly titles?: ReadonlyMap<string, string>;
  /** Whether comparison.md says in words what got better and worse. */
  readonly judged?: boolean;
};

/** A model that is worse than the baseline by more than it may be. */
export interface Regression {
  readonly model: string;
  readonly head: HeadName;
  readonly accuracy: number;
  readonly baseline: number;
}

/** What {@link compare} found. */
export interface Compared {
  readonly comparison: Comparison;
  /** By more than `fail_if_worse`; empty where that was left out. */
  readonly regressions: readonly Regression[];
  /** What was written. */
  readonly files: readonly string[];
}

/**
 * Compares models on the same clips by their evaluation results, or by evaluating them now where data is named.
 * @throws UserError where there are no two models, a model has no results, or they are of different data and that was not allowed.
 */
export async function compare(options: CompareOptions, hooks: Hooks & WithModels = {}): Promise<Compared> {
  const { titles, judged, ...asked } = options;
  const given = checkOptions(compareOptions, { source: 'compare()', values: asked });
  const models = typeof given.models === 'string' ? [given.models] : [...new Set(given.models)];
  if (models.length < 2) throw new UserError(`expected at least two models to compare, found ${models.length}`);
  const { batch_size: batchSize } = given;
  const compared = isDataNamed(given) ? await evaluateAll(models, { ...given, batchSize }, hooks) : models.map(comparedFromFiles);
  const titled = withOwnTitles(compared.map((model) => ({ ...model, title: titles?.get(model.named) ?? model.title })));
  for (const warning of titled.flatMap(({ warnings }) => warnings)) warningsTo(hooks)(warning);
  const [baseline, ...others] = titled;
  const comparison = compareModels(required(baseline, 'the baseline'), others, given.allow_different_data === true);
  const files = given.out === undefined ? [] : await writeFiles(given.out, judged === true, comparison, hooks);
  return { comparison, regressions: regressionsOf(comparison, given.fail_if_worse), files };
}

function isDataNamed({ data, keypoints_val, labels_val_csv }: EvaluationDataRequest): boolean {
  return data !== undefined || keypoints_val !== undefined || labels_val_csv !== undefined;
}

type EvaluatedNow = EvaluationDataRequest & Parameters<typeof shapeOf>[0] & { readonly batchSize: number };

async function evaluateAll(models: readonly string[], given: EvaluatedNow, hooks: Hooks & WithModels): Promise<ComparedModel[]> {
  const loaded = models.map((named) => ({ named, model: modelOfFile(modelFile(named, named), shapeOf(given), readingOf(given, hooks)) }));
  for (const { model } of loaded) for (const note of model.notes) notesTo(hooks)(`${model.file}: ${note}`);
  const runtime = await startRuntime({ verbose: hooks.verbose === true });
  if (runtime.warning !== undefined) warningsTo(hooks)(runtime.warning);
  const compared: ComparedModel[] = [];
  for (const { named, model } of loaded) {
    const dataset = await openEvaluationData(model, given, dataWatchOf(hooks));
    const evaluation = await evaluateModel(model, dataset, given.batchSize, hooks.signal);
    compared.push(comparedFromResult(named, describeEvaluation(model, dataset, evaluation)));
  }
  return compared;
}

/** Models that are called the same are told apart by how they were named. */
function withOwnTitles(models: readonly ComparedModel[]): ComparedModel[] {
  return models.map((model) => {
    const taken = models.some((other) => other !== model && other.title === model.title);
    return taken ? { ...model, title: model.named } : model;
  });
}

function regressionsOf(comparison: Comparison, tolerance: number | undefined): Regression[] {
  if (tolerance === undefined) return [];
  return regressions(comparison, tolerance).map(({ model, head }) => ({
    model: model.named,
    head,
    accuracy: model.figures[head].accuracy,
    baseline: comparison.baseline.figures[head].accuracy,
  }));
}

async function writeFiles(folder: string, judged: boolean, comparison: Comparison, hooks: Hooks & WithModels): Promise<string[]> {
  const { markdown, json, picture } = {
    markdown: path.join(folder, 'comparison.md'),
    json: path.join(folder, 'comparison.json'),
    picture: path.join(folder, 'comparison.png'),
  };
  writeTextAtomically(markdown, comparisonMarkdown(comparison) + (judged ? judgementMarkdown(comparison) : ''));
  writeTextAtomically(json, comparisonJson(comparison));
  const drawn = await drawComparison(picture, comparison, warningsTo(hooks));
  return [markdown, json, ...(drawn ? [picture] : [])];
}

/** Returns whether the picture is there. */
async function drawComparison(file: string, { baseline, contrasts }: Comparison, onWarning: (warning: string) => void): Promise<boolean> {
  if (!(await canDraw(onWarning))) return false;
  const [{ comparisonPicture }, { lightTheme }] = await Promise.all([import('../pictures/charts.js'), import('../pictures/drawing.js')]);
  const models = [baseline, ...contrasts.map(({ model }) => model)];
  const draw = (): Buffer => comparisonPicture(models, path.basename(baseline.data.title), lightTheme);
  const png = drawnOrTold(file, draw, onWarning);
  if (png === undefined) return false;
  writeFileAtomically(file, (append) => {
    append(png);
  });
  return true;
}

/** A model that was evaluated just now. */
export function comparedFromResult(named: string, result: EvaluationResult): ComparedModel {
  const { gloss, category } = result;
  return {
    title: modelTitle(result),
    named,
    data: result.data,
    figures: { gloss: gloss.metrics, category: category.metrics },
    ...(tellsCategories(result) ? {} : { oneCategory: true }),
    clips: new Map(
      result.clips.map((clip, index) => [
        clip.name,
        {
          truth: { gloss: clip.gloss, category: clip.category },
          label: elementAt(gloss.labels, clip.gloss),
          correct: { gloss: gloss.predictions[index]?.correct === true, category: category.predictions[index]?.correct === true },
          predictedGloss: gloss.predictions[index]?.predicted,
        },
      ]),
    ),
    warnings: [],
  };
}

/**
 * A model as its `evaluation_results` have it.
 * @param named a model folder, a `.pt` file, or a folder of results
 * @throws UserError where there are no results, or they cannot be read.
 */
export function comparedFromFiles(named: string): ComparedModel {
  const folder = resultsFolder(named);
  const file = path.join(folder, RESULT_FILES.document);
  if (!existsSync(file)) {
    throw new UserError(
      `${named}: it has no ${path.basename(folder)}/${RESULT_FILES.document}; run \`npm run evaluate -- --model-path ${named}\` first, or give --data to evaluate all models now`,
    );
  }
  const document = readEvaluation(file);
  return {
    title: titleOfModel(document.model, document.architecture),
    named,
    data: document.data,
    figures: { gloss: document.gloss, category: document.category },
    ...readClips(path.join(folder, RESULT_FILES.predictions)),
    warnings: stalenessOf(named, file),
  };
}

function resultsFolder(named: string): string {
  if (existsSync(path.join(named, RESULT_FILES.document))) return named;
  const { results } = new ModelFolder(named);
  if (existsSync(results)) return results;
  const checkpoint = modelFile(named, named);
  const own = new ModelFolder(path.dirname(checkpoint)).results;
  return releaseHolding(checkpoint) !== undefined && existsSync(own) ? own : ModelFolder.holding(checkpoint).resultsOf(checkpoint);
}

function readClips(file: string): Pick<ComparedModel, 'clips' | 'oneCategory'> {
  const predictions = readPredictions(file);
  const clips = new Map(
    predictions.map(({ file: name, gloss, category }): [string, ComparedClip] => [
      name,
      {
        // Without columns of categories all clips are of one, and right in it.
        truth: { gloss: gloss.truth.id, category: category?.truth.id ?? 0 },
        label: gloss.truth.label,
        correct: { gloss: gloss.correct, category: category?.correct ?? true },
        predictedGloss: gloss.predicted?.id,
      },
    ]),
  );
  return { clips, ...(predictions.some(({ category }) => category !== undefined) ? {} : { oneCategory: true }) };
}

/** Results that are older than the checkpoint may be of another one. */
function stalenessOf(named: string, document: string): string[] {
  let checkpoint: string;
  try {
    checkpoint = modelFile(named, named);
  } catch {
    return []; // Results alone, without their model, are compared as they are.
  }
  if (!checkpoint.endsWith('.pt') || statSync(checkpoint).mtimeMs <= statSync(document).mtimeMs) return [];
  return [`${named}: ${path.basename(checkpoint)} is newer than its results; evaluate it again`];
}
