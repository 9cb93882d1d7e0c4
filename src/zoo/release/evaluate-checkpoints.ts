import { evaluateModel, type Evaluation, openEvaluationData, type DataWatch, type EvaluationDataRequest } from '../../evaluation/evaluate';
import type { LoadedModel } from '../../evaluation/load-model';
import { describeEvaluation, type EvaluationResult } from '../../evaluation/result';
import { sameBits } from './weights';

/** The clips that checkpoints are evaluated on, and how many at a time. */
export interface CheckpointData extends EvaluationDataRequest {
  readonly batchSize: number;
}

/** What a checkpoint gave for the clips. */
export interface EvaluatedCheckpoint {
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
export async function evaluateCheckpoints(
  checkpoints: readonly LoadedModel[],
  data: CheckpointData,
  watch: DataWatch,
): Promise<EvaluatedCheckpoint[]> {
  const evaluated: EvaluatedCheckpoint[] = [];
  let opened: { readonly by: LoadedModel; readonly dataset: Awaited<ReturnType<typeof openEvaluationData>> } | undefined;
  for (const loaded of checkpoints) {
    if (opened === undefined || !seesTheSame(opened.by, loaded)) {
      const location = { ...loaded, settings: checkpoints[0]?.settings ?? {}, data: checkpoints[0]?.data ?? {} };
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
  if (encoder === undefined && otherEncoder === undefined) return one.model.width === other.model.width;
  if (encoder?.identity !== otherEncoder?.identity) return false;
  const [values, others] = [encoder?.prepare(one.weights) ?? new Map<string, Float32Array>(), otherEncoder?.prepare(other.weights)];
  return [...values].every(([name, tensor]) => sameBits(tensor, others?.get(name)));
}
