import path from 'node:path';
import { RESULTS_FOLDER } from '../../folder/model-folder';
import type { EvaluationResult } from '../result';
import { updateReadme } from './readme-figures';
import { writeResults, type ResultSurroundings } from './write-results';

/** Writes an evaluation's files, and puts its figures into the README.md of the model's folder where they lie within that. */
export async function saveResults(folder: string, result: EvaluationResult, surroundings: ResultSurroundings): Promise<void> {
  await writeResults(folder, result, surroundings);
  const own = path.join(path.dirname(path.resolve(result.model.file)), RESULTS_FOLDER);
  if (path.resolve(folder) === own) updateReadme(folder, result);
}
