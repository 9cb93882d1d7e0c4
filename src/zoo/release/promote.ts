import { renameSync } from 'node:fs';
import path from 'node:path';
import { namingFile } from '../../checkpoint/bytes';
import { readWeights, writeTrainingCheckpoint, type CheckpointWeights, type PlainRecord } from '../../checkpoint/training-checkpoint';
import type { LabelNames } from '../../data/clip-set';
import { evaluateModel, openEvaluationData, type DataWatch, type EvaluationDataRequest } from '../../evaluation/evaluate';
import { modelOfCheckpoint, type LoadedModel } from '../../evaluation/loaded-model';
import { HEADS, describeEvaluation, type EvaluationResult } from '../../evaluation/result';
import type { SplitOutputs, Evaluation } from '../../evaluation/split-outputs';
import type { ModelRecord } from '../../folder/config-file';
import { ModelFolder } from '../../folder/model-folder';
import { modelFile } from '../../folder/named-checkpoint';
import { UserError } from '../../foundation/errors';
import { elementAt } from '../../foundation/required';
import { ownModels } from '../../models/model-table';
import { weightsDigest, fileDigest, sameBits, sameWeights } from '../checksums';
import { clearFoldersBeside, clearUnfinishedIn, withFolderBeside } from '../leftovers';
import type { RegisteredModel } from '../registered-models';
import { completeReleases, writeProductionRecord } from './complete-releases';
import { productionFileName, readReleases, type ProductionDtype, type ProductionRecord, type ProductionFacts } from './release-record';

/** What the commands that write a production checkpoint need of the world. */
export interface ReleaseContext {
  readonly now: Date;
  /** The version of Kumpas. */
  readonly kumpas: string;
  readonly watch: DataWatch;
}

/**
 * Makes a model's production checkpoint of its best one, and evaluates both. The runtime must have been started.
 * @throws UserError where the model cannot be evaluated, or the checkpoints do not give the same; then nothing has been written.
 */
export async function promoteModel(
  model: RegisteredModel,
  { dtype, data }: { readonly dtype: ProductionDtype; readonly data: CheckpointData },
  { now, kumpas, watch }: ReleaseContext,
): Promise<ProductionRecord> {
  const { name, folder } = model;
  return await new ModelFolder(folder).whileLocked('promote', async () => {
    const record = new ModelFolder(folder).readConfig();
    tidy(model, watch);
    const file = modelFile(folder, name);
    const contents = readWeights(file);
    const source = modelOfCheckpoint(file, contents, {}, model.models);
    if (path.basename(source.file) === productionFileName(source)) {
      throw new UserError(`${name}: it holds no checkpoint of a training, only ${productionFileName(source)}; there is nothing to promote`);
    }
    const latest = readReleases(folder).at(-1)?.record;
    const released = latest?.weights_sha256 === weightsDigest(contents.model) ? latest.version : undefined;
    const request = { source, contents, dtype, data, version: released, labels: labelsOf(record), alongside: [], created: now, kumpas };
    return await withFolderBeside(folder, async (beside) => {
      const made = await makeProduction(beside, request, watch);
      renameSync(made.file, path.join(folder, made.record.file));
      new ModelFolder(folder).updateRegistryFacts({ stage: 'production' });
      writeProductionRecord(folder, made.record);
      return made.record;
    });
  });
}

/** Completes and clears what commands that were killed left of a model. The caller holds its lock. */
export function tidy(model: RegisteredModel, { onWarning }: DataWatch): readonly string[] {
  const { completed, problems } = completeReleases(model);
  for (const what of completed) onWarning(`${model.name}: a command was stopped before it was done; completed: ${what}`);
  for (const problem of problems) onWarning(problem);
  clearFoldersBeside(model.folder);
  clearUnfinishedIn(model.folder);
  clearUnfinishedIn(new ModelFolder(model.folder).releases);
  return completed;
}

/** The names of the classes, as a model folder's `config.json` has them. */
export function labelsOf({ run }: ModelRecord): LoadedModel['labels'] {
  const { gloss_labels: gloss, category_labels: category, classes } = run;
  if (gloss?.length !== classes.gloss || category?.length !== classes.category) return undefined;
  return { gloss, category };
}

/** A checkpoint that is about to become the production one. */
interface ProductionRequest {
  /** The checkpoint that it is made of. */
  readonly source: LoadedModel;
  /** What that was read from its file. */
  readonly contents: CheckpointWeights;
  readonly dtype: ProductionDtype;
  /** Of the release that it is for. */
  readonly version: string | undefined;
  /** Names of the classes, for a checkpoint that has none. */
  readonly labels: LabelNames | undefined;
  readonly data: CheckpointData;
  /** Checkpoints that are to be evaluated on the same clips. */
  readonly alongside: readonly LoadedModel[];
  readonly created: Date;
  readonly kumpas: string;
}

/** A production checkpoint that has been written and evaluated. */
export interface MadeProduction {
  /** Where it was written. */
  readonly file: string;
  readonly record: ProductionRecord;
  /** What the production checkpoint gave. */
  readonly after: EvaluatedCheckpoint;
  /** What {@link ProductionRequest.alongside} gave. */
  readonly alongside: readonly EvaluatedCheckpoint[];
}

/**
 * Writes a production checkpoint into a folder: weights without a training's state, config, labels and settings. It and the checkpoint that it is made of are
 * evaluated on the same clips: in float32 the logits must be the same, bit for bit; in float16 the difference is measured.
 * @throws UserError where they differ, or float16 cannot hold the weights; and as {@link evaluateCheckpoints}.
 */
export async function makeProduction(folder: string, request: ProductionRequest, watch: DataWatch): Promise<MadeProduction> {
  const { source, contents, dtype, data, alongside, created, kumpas, version } = request;
  const name = productionFileName(source);
  const file = path.join(folder, name);
  const write = (facts?: ProductionFacts): void => {
    namingFile(source.file, () => {
      writeProduction(file, contents, request, facts);
    });
  };
  write();
  const writtenContents = readWeights(file);
  const written = modelOfCheckpoint(file, writtenContents, {}, ownModels.with([source.model.definition]));
  const [before, after, ...others] = await evaluateCheckpoints([source, written, ...alongside], data, watch);
  if (before === undefined || after === undefined) throw new Error('the checkpoints were not evaluated');
  const difference = largestDifference(before.evaluation.outputs, after.evaluation.outputs);
  refuseOtherLogits({ source, dtype, difference, before, after });
  const facts: ProductionFacts = {
    dtype,
    source: { file: path.basename(source.file), sha256: fileDigest(source.file).sha256 },
    epoch: source.epoch ?? null,
    version: version ?? null,
    data: { ...after.result.data, clips: after.result.clips.length },
    before: figuresOf(before.result),
    after: figuresOf(after.result),
    largest_logit_difference: difference,
    created: created.toISOString(),
    kumpas,
  };
  write(facts);
  if (!sameWeights(writtenContents.model, readWeights(file).model))
    throw new Error(`${file}: the weights that were evaluated are not those that were written`);
  return { file, record: { file: name, ...fileDigest(file), ...facts }, after, alongside: others };
}

/** What a config says of a training's course. */
const OF_THE_COURSE: ReadonlySet<string> = new Set(['progress', 'told_settings', 'production', 'version']);

function writeProduction(
  file: string,
  { epoch, bestMetric, model, config, args }: CheckpointWeights,
  { source, dtype, version, labels }: ProductionRequest,
  facts: ProductionFacts | undefined,
): void {
  const said = Object.fromEntries(Object.entries(config ?? {}).filter(([key]) => !OF_THE_COURSE.has(key)));
  const named = source.labels ?? labels;
  const full: PlainRecord = {
    ...said,
    model: source.name,
    ...source.model.config,
    ...(named === undefined ? {} : { gloss_labels: named.gloss, category_labels: named.category }),
    ...(version === undefined ? {} : { version }),
    ...(facts === undefined ? {} : { production: facts }),
  };
  const state = { epoch: epoch ?? 0, bestMetric: bestMetric ?? -Infinity, optimizer: undefined, scheduler: undefined };
  writeTrainingCheckpoint(file, { ...state, model, config: full, args }, dtype);
}

function refuseOtherLogits(found: {
  readonly source: LoadedModel;
  readonly dtype: ProductionDtype;
  readonly difference: number;
  readonly before: EvaluatedCheckpoint;
  readonly after: EvaluatedCheckpoint;
}): void {
  const { source, dtype, difference, before, after } = found;
  const [one, other] = [before.evaluation.outputs, after.evaluation.outputs];
  if (dtype !== 'float32' || (sameBits(one.glossLogits, other.glossLogits) && sameBits(one.categoryLogits, other.categoryLogits))) return;
  throw new UserError(
    `${source.file}: the production checkpoint gives other logits than it (by up to ${difference}), so nothing was written; if evaluating it twice gives other figures too, this machine’s device computes differently each time: try with KUMPAS_BACKEND=cpu`,
  );
}

/** The largest difference of two logits; infinite where one is no number and the other is. */
function largestDifference(one: SplitOutputs, other: SplitOutputs): number {
  return Math.max(differenceOf(one.glossLogits, other.glossLogits), differenceOf(one.categoryLogits, other.categoryLogits));
}

function differenceOf(one: Float32Array, other: Float32Array): number {
  return one.reduce((largest, value, place) => {
    const difference = Math.abs(value - elementAt(other, place));
    return Number.isNaN(difference) ? Infinity : Math.max(largest, difference);
  }, 0);
}

function figuresOf(result: EvaluationResult): ProductionFacts['before'] {
  const [gloss, category] = HEADS.map((head) => {
    const { accuracy, f1_weighted, loss } = result[head].metrics;
    return { accuracy, f1_weighted, loss };
  });
  if (gloss === undefined || category === undefined) throw new Error('there are two heads');
  return { gloss, category };
}

/** The clips that checkpoints are evaluated on, and how many at a time. */
export interface CheckpointData extends EvaluationDataRequest {
  readonly batchSize: number;
}

/** What a checkpoint gave for the clips. */
interface EvaluatedCheckpoint {
  readonly loaded: LoadedModel;
  readonly evaluation: Evaluation;
  readonly result: EvaluationResult;
}

/**
 * Evaluates several checkpoints on the same clips: those that are named, or those that the first was trained with. They are read once; only where a checkpoint has
 * another encoder of pictures than the one before, their features are computed for it. The runtime must have been started.
 * @returns one for each checkpoint, in their order.
 * @throws UserError where the clips cannot be opened, or have other classes than a checkpoint.
 */
async function evaluateCheckpoints(
  checkpoints: readonly LoadedModel[],
  data: CheckpointData,
  watch: DataWatch,
): Promise<EvaluatedCheckpoint[]> {
  const first = elementAt(checkpoints, 0);
  const evaluated: EvaluatedCheckpoint[] = [];
  let opened: { readonly by: LoadedModel; readonly dataset: Awaited<ReturnType<typeof openEvaluationData>> } | undefined;
  for (const loaded of checkpoints) {
    if (opened === undefined || !seesTheSame(opened.by, loaded)) {
      const location = { ...loaded, settings: first.settings, data: first.data };
      opened = { by: loaded, dataset: await openEvaluationData(location, data, watch) };
    }
    const evaluation = await evaluateModel(loaded, opened.dataset, data.batchSize);
    evaluated.push({ loaded, evaluation, result: describeEvaluation(loaded, opened.dataset, evaluation) });
  }
  return evaluated;
}

/** Whether two models see the same of a clip: what they encode pictures with is the same, or nothing. */
function seesTheSame(one: LoadedModel, other: LoadedModel): boolean {
  if (one === other) return true;
  const [encoder, otherEncoder] = [one.model.pictureEncoder, other.model.pictureEncoder];
  if (encoder === undefined && otherEncoder === undefined) return one.clipWidth === other.clipWidth;
  if (encoder?.identity !== otherEncoder?.identity) return false;
  const [values, others] = [encoder?.prepare(one.weights) ?? new Map<string, Float32Array>(), otherEncoder?.prepare(other.weights)];
  return [...values].every(([name, tensor]) => sameBits(tensor, others?.get(name)));
}
