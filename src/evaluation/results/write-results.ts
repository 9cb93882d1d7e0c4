import { existsSync, mkdirSync, lstatSync, readdirSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { readClip } from '../../data/clip';
import type { ClipSet } from '../../data/clip-set';
import { FileError } from '../../data/data-error';
import { RESULT_FILES } from '../../folder/contents';
import { ModelFolder } from '../../folder/model-folder';
import { flushFolder, replaceFile } from '../../foundation/atomic-file';
import { messageOf, UserError } from '../../foundation/errors';
import { whileWriting, FileSystemProblem, unfinishedNameOf } from '../../foundation/file-system-problem';
import { keepFolder, makeFolders, removeIfEmpty, type KeptFolder } from '../../foundation/folders';
import { counted, plainMarkdown as plain, percent } from '../../foundation/text';
import { fewLikeliest, topAccuracy } from '../metrics';
import type { drawPictures } from '../pictures/charts';
import { canDraw, darkTheme, lightTheme } from '../pictures/drawing';
import { findings } from '../report/findings';
import { reportPage, WORST_CLIPS, type ReportPictures } from '../report/page';
import { worstClips, type EvaluationResult, tellsCategories, tellingHeads } from '../result';
import type { CurvePoint } from '../training-curves';
import { evaluationDocument, confusionPairsTable, confusionTable, perClassTable, predictionsTable, summaryTable } from './contents';

/** Writes an evaluation's files, and puts its figures into the README.md of the model's folder where they lie within that. */
export async function saveResults(folder: string, result: EvaluationResult, context: ResultContext): Promise<void> {
  await writeResults(folder, result, context);
  const model = new ModelFolder(path.dirname(path.resolve(result.model.file)));
  if (path.resolve(folder) === model.results) model.writeFigures(() => readmeFigures(folder, result));
}

/** What surrounds the files of an evaluation. */
interface ResultContext {
  /** Of the model's training; empty where nothing is known of it. */
  readonly curves: readonly CurvePoint[];
  readonly created: Date;
  /** Takes a line where pictures cannot be drawn. */
  readonly onWarning: (warning: string) => void;
  /** The folder that must still be there when the files are written: that of the results, or the one above. */
  readonly place?: KeptFolder;
  /** The clips themselves, of which the report shows the worst; without them it names them. */
  readonly set?: ClipSet;
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
    throw new UserError(`${messageOf(error)}; no results can be written there, choose another folder with --out`, { cause: error });
  }
}

/**
 * Writes the files of an evaluation into a folder, in the place of those of an earlier one: where `evaluation.json` is there, all of them are of one evaluation.
 * Files that this evaluation does not have, as curves without a log, are removed; those of others stay. The folder above must be there.
 * @throws FileSystemProblem where one cannot be written; then those of the earlier one are as they were.
 */
export async function writeResults(folder: string, result: EvaluationResult, context: ResultContext): Promise<void> {
  const { created, place } = context;
  const pictures = await draw(result, context);
  const document = { ...evaluationDocument(result), created: created.toISOString() };
  place?.requireThere();
  const ofCategories = <Content>(content: Content): Content | undefined => (tellsCategories(result) ? content : undefined);
  const isNew = makeOwnFolder(folder);
  const contents: readonly (readonly [string, ResultContent])[] = [
    [RESULT_FILES.summary, summaryTable(result)],
    [RESULT_FILES.perClass, perClassTable(result.gloss)],
    [RESULT_FILES.perCategory, ofCategories(perClassTable(result.category))],
    [RESULT_FILES.predictions, predictionsTable(result)],
    [RESULT_FILES.confusionTable, confusionTable(result.gloss)],
    [RESULT_FILES.categoryConfusionTable, ofCategories(confusionTable(result.category))],
    [RESULT_FILES.confusionPairs, confusionPairsTable(result.gloss)],
    [RESULT_FILES.categoryConfusionPairs, ofCategories(confusionPairsTable(result.category))],
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

async function draw(result: EvaluationResult, { curves, onWarning, set }: ResultContext): Promise<ReportPictures> {
  const drawIn = await loadDrawing(onWarning);
  // What cannot be drawn in one theme cannot be drawn in the other: once is enough to tell.
  const light = await drawIn?.(result, curves, lightTheme, onWarning);
  const dark = await drawIn?.(result, curves, darkTheme, () => undefined);
  return light && dark && { light, dark, strips: set === undefined ? new Map() : await stripsOf(result, set) };
}

/** Of the worst clips, where they are of key points, a strip of skeletons each, by their places among all. */
async function stripsOf(result: EvaluationResult, set: ClipSet): Promise<Map<number, Buffer>> {
  const strips = new Map<number, Buffer>();
  const { values, keypoints } = set;
  if (keypoints === undefined) return strips;
  const { clipStrip } = await import('../pictures/clip-strip.js');
  for (const { clip, index } of worstClips(result, WORST_CLIPS)) {
    const read = values?.[index];
    if (read === undefined && clip.file === '') continue;
    try {
      const frames = read === undefined ? await readClip(clip.file, set) : { values: read, frames: clip.frames };
      strips.set(index, clipStrip(frames, keypoints));
    } catch (error) {
      if (!(error instanceof FileError)) throw error; // It was there when it was evaluated: it is shown by name alone.
    }
  }
  return strips;
}

/** The canvas and chart.js, loaded only when pictures are drawn. Undefined, after a warning, where the canvas has no build for this machine. */
async function loadDrawing(onWarning: (warning: string) => void): Promise<typeof drawPictures | undefined> {
  return (await canDraw(onWarning)) ? (await import('../pictures/charts.js')).drawPictures : undefined;
}

/** Within a folder of results: new ones that are whole, and take the places of the old ones. */
const COMPLETE = '.complete_results';

/** The content of a file of results; undefined for one that this evaluation does not have. */
export type ResultContent = string | Uint8Array | undefined;

/**
 * Puts new results in the place of those in a folder. They are written beside them first, whole, so that whatever keeps that from being done leaves the old ones as
 * they are; only then does each file take its place, `evaluation.json` last. Other files of the folder stay.
 * @throws FileSystemProblem where one cannot be written.
 */
export function replaceResults(folder: string, contents: ReadonlyMap<string, ResultContent>): void {
  finishReplacing(folder);
  for (const name of contents.keys()) refuseFolder(path.join(folder, name));
  const unfinished = unfinishedNameOf(path.join(folder, 'results'));
  try {
    whileWriting(folder, () => {
      mkdirSync(unfinished);
    });
    for (const [name, content] of contents) {
      const write = (append: (bytes: string | Uint8Array) => void): void => {
        append(content ?? '');
      };
      replaceFile(path.join(unfinished, name), write, path.join(folder, name));
    }
    whileWriting(folder, () => {
      renameSync(unfinished, path.join(folder, COMPLETE));
    });
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    throw error;
  }
  finishReplacing(folder);
}

/** Whether a process was killed in the moment in which new results took the places of old ones: {@link finishReplacing} does the rest. */
export function isBeingReplaced(folder: string): boolean {
  return existsSync(path.join(folder, COMPLETE));
}

/** Lets whole new results take their places, as far as they have not. An empty file stands for one that is no longer there. */
export function finishReplacing(folder: string): void {
  const complete = path.join(folder, COMPLETE);
  if (!existsSync(complete)) return;
  whileWriting(folder, () => {
    const names = readdirSync(complete);
    const inOrder = [...names.filter((name) => name !== RESULT_FILES.document), ...names.filter((name) => name === RESULT_FILES.document)];
    if (names.includes(RESULT_FILES.document)) rmSync(path.join(folder, RESULT_FILES.document), { force: true });
    for (const name of inOrder) takePlace(path.join(complete, name), path.join(folder, name));
    rmdirSync(complete);
  });
  flushFolder(folder);
}

function takePlace(from: string, to: string): void {
  if (statSync(from).size > 0) {
    renameSync(from, to);
    return;
  }
  rmSync(to, { force: true });
  rmSync(from);
}

function refuseFolder(file: string): void {
  if (lstatSync(file, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  throw new FileSystemProblem(`${file}: a folder lies where a file is expected; move it away, or choose another place with --out`);
}

/**
 * An evaluation's figures for the README.md of the model's folder.
 * @param folder of the results, within the model's folder
 */
export function readmeFigures(folder: string, result: EvaluationResult): string[] {
  return [...figureLines(path.basename(folder), result), ...pictureLines(folder)];
}

function figureLines(folder: string, result: EvaluationResult): string[] {
  const { gloss, model, data, clips } = result;
  const heads = tellingHeads(result);
  const row = (title: string, show: (head: EvaluationResult['gloss']) => string): string =>
    `| ${[title, ...heads.map((head) => show(result[head]))].join(' | ')} |`;
  const epoch = model.epoch === undefined ? '' : `, epoch ${model.epoch}`;
  const among = fewLikeliest(gloss);
  const shareText = (share: number | undefined): string => (share === undefined ? '–' : percent(share));
  return [
    `| ${['figure', ...heads].join(' | ')} |`,
    `|${' --- |'.repeat(1 + heads.length)}`,
    row('accuracy', ({ metrics }) => percent(metrics.accuracy)),
    row('95 % interval', ({ metrics }) => `${percent(metrics.accuracy_ci95_low)} to ${percent(metrics.accuracy_ci95_high)}`),
    ...(among === undefined ? [] : [row(`top-${among} accuracy`, (head) => shareText(topAccuracy(head, among)))]),
    row('weighted F1', ({ metrics }) => metrics.f1_weighted.toFixed(4)),
    row('macro F1', ({ metrics }) => metrics.f1_macro.toFixed(4)),
    row('expected calibration error', ({ metrics }) => percent(metrics.expected_calibration_error)),
    '',
    `Of \`${path.basename(model.file)}\`${epoch}, on the ${counted(clips.length, 'validation clip')} of ${plain(path.basename(data.title))} (fingerprint \`${data.fingerprint.slice(0, 16)}\`).`,
    '',
    ...findings(result).map((finding) => `- ${plain(finding)}`),
    '',
    `All of it: [${RESULT_FILES.report}](${folder}/${RESULT_FILES.report}); figures and predictions as CSV beside it.`,
  ];
}

/** A picture that could not be drawn is not there to be shown. */
function pictureLines(folder: string): string[] {
  const name = RESULT_FILES.confusionPicture;
  return existsSync(path.join(folder, name)) ? ['', `![Confusion matrix of the glosses](${path.basename(folder)}/${name})`] : [];
}
