import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { readWeights } from '../checkpoint/training-checkpoint';
import { evaluateModel } from '../evaluation/evaluate';
import { loadModel } from '../evaluation/load-model';
import { resultsFolderOf, type ModelFolder } from '../folder/model-folder';
import { describeEvaluation, type EvaluationResult } from '../evaluation/result';
import { readEvaluation } from '../evaluation/results/document';
import { RESULT_FILES } from '../folder/contents';
import { saveResults } from '../evaluation/results/write-results';
import { curvesBeside } from '../evaluation/training-curves';
import { UserError } from '../foundation/errors';
import { ownModels } from '../models/model-table';
import type { TrainingRun } from './run';

/**
 * Evaluates a run that has ended on its own validation clips and writes `evaluation_results` into its folder: its best checkpoint, or the last where it
 * went on from a better one. The folder's README.md takes its figures from there.
 */
export async function evaluateRun(run: TrainingRun): Promise<EvaluationResult> {
  const { data, learner, settings, folder, report, now } = run;
  const { files, place } = folder;
  place.requireThere();
  const loaded = loadModel(evaluatedCheckpoint(files), {}, { models: ownModels.with([learner.model.definition]) });
  const result = describeEvaluation(loaded, data.dataset, await evaluateModel(loaded, data.dataset, settings.batch_size));
  await saveResults(resultsFolderOf(loaded.file), result, {
    curves: curvesBeside(loaded.file),
    created: now(),
    place,
    onWarning: (text) => {
      report({ kind: 'warning', text });
    },
  });
  return result;
}

/**
 * Whether a run lacks the results of the evaluation at its end, as where it was killed in the middle of it: there are none, they are of another epoch, or they
 * are older than the run's last state.
 */
export function lacksFinalEvaluation(files: ModelFolder): boolean {
  const evaluated = evaluatedCheckpoint(files);
  const document = path.join(resultsFolderOf(evaluated), RESULT_FILES.document);
  const changed = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? -Infinity;
  if (changed(document) < Math.max(changed(evaluated), changed(files.last))) return true;
  const { epoch } = readWeights(evaluated);
  try {
    return readEvaluation(document).epoch !== epoch;
  } catch (error) {
    if (error instanceof UserError) return true;
    throw error;
  }
}

/** The checkpoint that a run is judged by. */
function evaluatedCheckpoint({ best, last }: Pick<ModelFolder, 'best' | 'last'>): string {
  return existsSync(best) ? best : last;
}
