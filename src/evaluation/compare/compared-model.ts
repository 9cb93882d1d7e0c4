import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { parseCsvTable, type CsvRow, textOfCell } from '../../data/csv-table';
import { UserError } from '../../foundation/errors';
import { readRegularText } from '../../foundation/regular-file';
import { modelFile, releaseHolding, RESULTS_FOLDER, resultsFolderOf, titleOfModel } from '../../folder/model-folder';
import { HEADS, modelTitle, type EvaluationResult, type HeadName } from '../result';
import { readEvaluation, type ReadFigures } from '../results/document';
import { RESULT_FILES } from '../../folder/contents';
import { elementAt, required } from '../../foundation/required';

/** Whether a model had one clip right, by head. */
export interface ComparedClip {
  readonly truth: Readonly<Record<HeadName, number>>;
  /** The true gloss by name. */
  readonly label: string;
  readonly correct: Readonly<Record<HeadName, boolean>>;
  /** The gloss that the model took it for. */
  readonly predictedGloss?: number | undefined;
}

/** One model of a comparison: what its evaluation found. */
export interface ComparedModel {
  readonly title: string;
  /** As it was named. */
  readonly named: string;
  readonly data: { readonly title: string; readonly fingerprint: string; readonly synthetic: boolean };
  readonly figures: Readonly<Record<HeadName, ReadFigures>>;
  /** By the clip's name. */
  readonly clips: ReadonlyMap<string, ComparedClip>;
  /** What is odd about its results, a line each. */
  readonly warnings: readonly string[];
}

/** A model that was evaluated just now. */
export function comparedFromResult(named: string, result: EvaluationResult): ComparedModel {
  const { gloss, category } = result;
  return {
    title: modelTitle(result),
    named,
    data: result.data,
    figures: { gloss: gloss.metrics, category: category.metrics },
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
    clips: readClips(path.join(folder, RESULT_FILES.predictions)),
    warnings: stalenessOf(named, file),
  };
}

function resultsFolder(named: string): string {
  if (existsSync(path.join(named, RESULT_FILES.document))) return named;
  if (existsSync(path.join(named, RESULTS_FOLDER))) return path.join(named, RESULTS_FOLDER);
  const checkpoint = modelFile(named, named);
  const own = path.join(path.dirname(checkpoint), RESULTS_FOLDER);
  return releaseHolding(checkpoint) !== undefined && existsSync(own) ? own : resultsFolderOf(checkpoint);
}

const LARGEST_TABLE = 64_000_000;
const CORRECT = { gloss: 'correct', category: 'category_correct' } as const;

function readClips(file: string): Map<string, ComparedClip> {
  if (!existsSync(file)) throw new UserError(`${file}: no such file; evaluate the model again`);
  const columns = ['file', 'true_gloss_label', ...HEADS.flatMap((head) => [`true_${head}`, CORRECT[head]])];
  const { rows, problems } = parseCsvTable(readRegularText(file, LARGEST_TABLE), file, columns);
  const [problem] = problems;
  if (problem !== undefined) throw new UserError(`${problem.file}: ${problem.problem}; evaluate the model again`);
  const ofBoth = <T>(read: (row: CsvRow, head: HeadName) => T, row: CsvRow): Record<HeadName, T> => ({
    gloss: read(row, 'gloss'),
    category: read(row, 'category'),
  });
  return new Map(
    rows.map((row) => [
      textOfCell(required(row.cell('file'), 'the column file')),
      {
        truth: ofBoth((cells, head) => Number(cells.cell(`true_${head}`)), row),
        label: textOfCell(required(row.cell('true_gloss_label'), 'the column true_gloss_label')),
        correct: ofBoth((cells, head) => cells.cell(CORRECT[head]) === '1', row),
        predictedGloss: idOf(row.cell('pred_gloss')),
      },
    ]),
  );
}

function idOf(cell: string | undefined): number | undefined {
  return cell !== undefined && /^\d+$/.test(cell) ? Number(cell) : undefined;
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
