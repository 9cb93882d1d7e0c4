import { existsSync } from 'node:fs';
import path from 'node:path';
import { replaceText } from '../../foundation/atomic-file';
import { handWrittenIn, LARGEST_PAGE } from '../../foundation/hand-written';
import { plainMarkdown as plain } from '../../foundation/text';
import { readTextIfThere } from '../../foundation/regular-file';
import { findings } from '../report/findings';
import type { EvaluationResult } from '../result';
import { RESULT_FILES } from './result-files';

const START = '<!-- figures: npm run evaluate writes them anew -->';
const END = '<!-- end of figures -->';

/** Marks the lines of a model folder's README.md that an evaluation puts its figures in place of. */
export function replaceableFigures(lines: readonly string[]): string[] {
  return [START, '', ...lines, '', END];
}

/** Whether a page has a place for an evaluation's figures. */
export function hasReplaceableFigures(text: string): boolean {
  return text.includes(START);
}

/**
 * Puts an evaluation's figures into the README.md of the model's folder, where there is one with a place for them.
 * @param folder of the results, within the model's folder
 */
export function updateReadme(folder: string, result: EvaluationResult): void {
  const file = path.join(path.dirname(folder), 'README.md');
  const text = readTextIfThere(file, LARGEST_PAGE);
  if (text === undefined) return;
  const [start, end] = [text.indexOf(START), text.indexOf(END)];
  if (start === -1 || end < start) return;
  const block = replaceableFigures([...figureLines(path.basename(folder), result), ...pictureLines(folder)]).join('\n');
  // What a person wrote among the figures stays, below them.
  const written = handWrittenIn(text.slice(start, end));
  replaceText(file, text.slice(0, start) + block + written + text.slice(end + END.length));
}

function figureLines(folder: string, result: EvaluationResult): string[] {
  const { gloss, category, model, data, clips } = result;
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const row = (title: string, show: (head: EvaluationResult['gloss']) => string): string =>
    `| ${title} | ${show(gloss)} | ${show(category)} |`;
  const epoch = model.epoch === undefined ? '' : `, epoch ${model.epoch}`;
  return [
    '| figure | gloss | category |',
    '| --- | --- | --- |',
    row('accuracy', ({ metrics }) => percent(metrics.accuracy)),
    row('95 % interval', ({ metrics }) => `${percent(metrics.accuracy_ci95_low)} to ${percent(metrics.accuracy_ci95_high)}`),
    row('top-5 accuracy', ({ metrics }) => percent(metrics.top_5_accuracy)),
    row('weighted F1', ({ metrics }) => metrics.f1_weighted.toFixed(4)),
    row('macro F1', ({ metrics }) => metrics.f1_macro.toFixed(4)),
    row('expected calibration error', ({ metrics }) => percent(metrics.expected_calibration_error)),
    '',
    `Of \`${path.basename(model.file)}\`${epoch}, on the ${clips.length} validation clips of ${plain(path.basename(data.title))} (fingerprint \`${data.fingerprint.slice(0, 16)}\`).`,
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
