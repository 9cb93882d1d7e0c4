import { README_FILE } from '../../folder/model-folder';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { plainMarkdown as plain, percent } from '../../foundation/text';
import { findings } from '../report/findings';
import type { EvaluationResult } from '../result';
import { replaceFigures } from '../../folder/readme';
import { RESULT_FILES } from '../../folder/contents';

/**
 * Puts an evaluation's figures into the README.md of the model's folder, where there is one with a place for them.
 * @param folder of the results, within the model's folder
 */
export function updateReadme(folder: string, result: EvaluationResult): void {
  replaceFigures(path.join(path.dirname(folder), README_FILE), () => [
    ...figureLines(path.basename(folder), result),
    ...pictureLines(folder),
  ]);
}

function figureLines(folder: string, result: EvaluationResult): string[] {
  const { gloss, category, model, data, clips } = result;
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
