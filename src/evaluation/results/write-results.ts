import { existsSync, mkdirSync } from 'node:fs';
import { messageOf, UserError } from '../../foundation/errors';
import { whileWriting } from '../../foundation/file-system-problem';
import { keepFolder, type KeptFolder, makeFolders, removeIfEmpty } from '../../foundation/folders';
import { canDraw } from '../pictures/attempt';
import { darkTheme, lightTheme } from '../pictures/theme';
import { reportPage, type ReportPictures } from '../report/page';
import type { EvaluationResult } from '../result';
import type { CurvePoint } from '../training-curves';
import { evaluationDocument } from './document';
import { finishReplacing, replaceResults, type ResultContent } from './replace-results';
import { RESULT_FILES } from '../../folder/contents';
import type { drawPictures } from './draw-pictures';
import { confusionPairsTable, confusionTable, perClassTable, predictionsTable, summaryTable } from './tables';

/** What surrounds the files of an evaluation. */
export interface ResultSurroundings {
  /** Of the model's training; empty where nothing is known of it. */
  readonly curves: readonly CurvePoint[];
  readonly created: Date;
  /** Is told where pictures cannot be drawn, in one line. */
  readonly onWarning: (warning: string) => void;
  /** The folder that must still be there when the files are written: that of the results, or the one above. */
  readonly place?: KeptFolder;
}

/**
 * Makes the folder that results are to be written to, finds out at once whether that can be done, and keeps hold of it.
 * @throws UserError where it cannot.
 */
export function prepareResultsFolder(folder: string): KeptFolder {
  try {
    makeFolders(folder);
    finishReplacing(folder);
    return keepFolder(folder);
  } catch (error) {
    throw new UserError(`${messageOf(error)}; no results can be written there, choose another folder with --output-dir`, { cause: error });
  }
}

/**
 * Writes the files of an evaluation into a folder, in the place of those of an earlier one: where `evaluation.json` is there, all of them are of one evaluation.
 * Files that this evaluation does not have, as curves without a log, are removed; those of others stay. The folder above must be there.
 * @throws FileSystemProblem where one cannot be written; then those of the earlier one are as they were.
 */
export async function writeResults(folder: string, result: EvaluationResult, surroundings: ResultSurroundings): Promise<void> {
  const { created, onWarning, place } = surroundings;
  const pictures = await draw(result, surroundings.curves, onWarning);
  const document = { ...evaluationDocument(result), created: created.toISOString() };
  place?.requireThere();
  const isNew = makeOwnFolder(folder);
  const contents: readonly (readonly [string, ResultContent])[] = [
    [RESULT_FILES.summary, summaryTable(result)],
    [RESULT_FILES.perClass, perClassTable(result.gloss)],
    [RESULT_FILES.perCategory, perClassTable(result.category)],
    [RESULT_FILES.predictions, predictionsTable(result)],
    [RESULT_FILES.confusionTable, confusionTable(result.gloss)],
    [RESULT_FILES.categoryConfusionTable, confusionTable(result.category)],
    [RESULT_FILES.confusionPairs, confusionPairsTable(result.gloss)],
    [RESULT_FILES.categoryConfusionPairs, confusionPairsTable(result.category)],
    [RESULT_FILES.report, reportPage(result, pictures, created)],
    [RESULT_FILES.confusionPicture, pictures?.light.confusion],
    [RESULT_FILES.categoryConfusionPicture, pictures?.light.categoryConfusion],
    [RESULT_FILES.curves, pictures?.light.curves],
    [RESULT_FILES.reliability, pictures?.light.reliability],
    [RESULT_FILES.document, `${JSON.stringify(document, null, 2)}\n`],
  ];
  try {
    replaceResults(folder, new Map(contents));
  } catch (error) {
    if (isNew) removeIfEmpty(folder);
    throw error;
  }
}

/** Within one that is there: a model folder that was taken away is not made again. True where it was not there yet. */
function makeOwnFolder(folder: string): boolean {
  if (existsSync(folder)) return false;
  whileWriting(folder, () => {
    mkdirSync(folder);
  });
  return true;
}

async function draw(
  result: EvaluationResult,
  curves: readonly CurvePoint[],
  onWarning: (warning: string) => void,
): Promise<ReportPictures> {
  const drawIn = await loadDrawing(onWarning);
  // What cannot be drawn in one theme cannot be drawn in the other: once is enough to tell.
  const light = drawIn?.(result, curves, lightTheme, onWarning);
  const dark = drawIn?.(result, curves, darkTheme, () => undefined);
  return light && dark && { light, dark };
}

/** The canvas and chart.js, loaded only when pictures are drawn. Undefined, after a warning, where the canvas has no build for this machine. */
async function loadDrawing(onWarning: (warning: string) => void): Promise<typeof drawPictures | undefined> {
  return (await canDraw(onWarning)) ? (await import('./draw-pictures.js')).drawPictures : undefined;
}
