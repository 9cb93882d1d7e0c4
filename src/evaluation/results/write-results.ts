import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { writeFileAtomically, writeTextAtomically } from '../../foundation/atomic-file';
import { messageOf, UserError } from '../../foundation/errors';
import { canDraw } from '../pictures/attempt';
import { darkTheme, lightTheme } from '../pictures/theme';
import { reportPage, type ReportPictures } from '../report/page';
import type { EvaluationResult } from '../result';
import type { CurvePoint } from '../training-curves';
import { evaluationDocument } from './document';
import { RESULT_FILES } from './result-files';
import type { drawPictures } from './draw-pictures';
import { confusionPairsTable, confusionTable, perClassTable, predictionsTable, summaryTable } from './tables';

/** What surrounds the files of an evaluation. */
export interface ResultSurroundings {
  /** Of the model's training; empty where nothing is known of it. */
  readonly curves: readonly CurvePoint[];
  readonly created: Date;
  /** Is told where pictures cannot be drawn, in one line. */
  readonly onWarning: (warning: string) => void;
}

/**
 * Makes the folder that results are to be written to, and finds out at once whether that can be done.
 * @throws UserError where it cannot.
 */
export function prepareResultsFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new UserError(`${folder}: no results can be written there (${messageOf(error)}); choose another folder with --output-dir`, {
      cause: error,
    });
  }
}

/**
 * Writes the files of an evaluation into a folder. `evaluation.json` is removed first and written last: where it is there, all of them are of one
 * evaluation. Files that this evaluation does not have, as curves without a log, are removed.
 */
export async function writeResults(folder: string, result: EvaluationResult, surroundings: ResultSurroundings): Promise<void> {
  const { created, onWarning } = surroundings;
  prepareResultsFolder(folder);
  const file = (name: string): string => path.join(folder, name);
  rmSync(file(RESULT_FILES.document), { force: true });
  const pictures = await draw(result, surroundings.curves, onWarning);
  const texts = [
    [RESULT_FILES.summary, summaryTable(result)],
    [RESULT_FILES.perClass, perClassTable(result.gloss)],
    [RESULT_FILES.perCategory, perClassTable(result.category)],
    [RESULT_FILES.predictions, predictionsTable(result)],
    [RESULT_FILES.confusionTable, confusionTable(result.gloss)],
    [RESULT_FILES.categoryConfusionTable, confusionTable(result.category)],
    [RESULT_FILES.confusionPairs, confusionPairsTable(result.gloss)],
    [RESULT_FILES.categoryConfusionPairs, confusionPairsTable(result.category)],
    [RESULT_FILES.report, reportPage(result, pictures, created)],
  ] as const;
  for (const [name, text] of texts) {
    if (text === undefined) rmSync(file(name), { force: true });
    else writeTextAtomically(file(name), text);
  }
  for (const [name, png] of [
    [RESULT_FILES.confusionPicture, pictures?.light.confusion],
    [RESULT_FILES.categoryConfusionPicture, pictures?.light.categoryConfusion],
    [RESULT_FILES.curves, pictures?.light.curves],
    [RESULT_FILES.reliability, pictures?.light.reliability],
  ] as const) {
    if (png === undefined) rmSync(file(name), { force: true });
    else
      writeFileAtomically(file(name), (append) => {
        append(png);
      });
  }
  const document = { ...evaluationDocument(result), created: created.toISOString() };
  writeTextAtomically(file(RESULT_FILES.document), `${JSON.stringify(document, null, 2)}\n`);
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
