import { existsSync } from 'node:fs';
import { evaluateModel } from '../evaluation/evaluate';
import { loadModel } from '../evaluation/load-model';
import { resultsFolderOf } from '../evaluation/model-file';
import { describeEvaluation, type EvaluationResult } from '../evaluation/result';
import { saveResults } from '../evaluation/results/save-results';
import { curvesBeside } from '../evaluation/training-curves';
import type { TrainingRun } from './run';

/**
 * Evaluates a run that has ended on its own validation clips and writes `evaluation_results` into its folder: its best checkpoint, or the last where it
 * went on from a better one. The folder's README.md takes its figures from there.
 */
export async function evaluateRun(run: TrainingRun): Promise<EvaluationResult> {
  const { files, dataset, settings, reporter, now, place } = run;
  place.requireThere();
  const loaded = loadModel(existsSync(files.best) ? files.best : files.last);
  const result = describeEvaluation(loaded, dataset, await evaluateModel(loaded, dataset, settings.batch_size));
  await saveResults(resultsFolderOf(loaded.file), result, {
    curves: curvesBeside(loaded.file),
    created: now(),
    place,
    onWarning: (text) => {
      reporter.report({ kind: 'warning', text });
    },
  });
  return result;
}
