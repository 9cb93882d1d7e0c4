import type { Evaluated } from '../evaluation/evaluate';
import { fewLikeliest, topAccuracy } from '../evaluation/metrics';
import { evaluateOptions } from '../evaluation/options';
import { tellsCategories, type HeadResult } from '../evaluation/result';
import { elementAt, required } from '../foundation/required';
import { counted, percent } from '../foundation/text';
import { verbCommand, type Command } from './command';
import { USER_ERROR_EXIT_CODE } from './exit';
import { jsonFlag } from './flags';
import { pathOfModel, ownModelFlags } from './model-flags';
import { hooksOf } from './progress';
import { flagsOfEvaluate } from './pytorch-flags';
import { paceText } from './quantities';

const { model, ...options } = evaluateOptions;

/** The `evaluate` command. */
export const evaluateCommand: Command = verbCommand(
  {
    command: 'npm run evaluate --',
    takes: '[MODEL]',
    positional: 'model_path',
    summary: 'Evaluates a trained model on labelled clips, and writes tables, pictures and a report into its evaluation_results folder.',
    options: { model_path: model, ...options },
    brought: flagsOfEvaluate,
    flags: {
      ...ownModelFlags,
      strict: { type: 'boolean', group: 'Data:', description: 'Exit with 1 where a clip had to be left out.' },
      ...jsonFlag,
    },
    examples: [
      ['npm run evaluate -- transformer_baseline_09-20 --data clips/', 'evaluate the best epoch of a model of trained_models'],
      ['npm run evaluate -- --model-path old.pt --num-heads 8 --data clips/ --json', 'a checkpoint from PyTorch; the result for a script'],
    ],
  },
  async ({ options: { model_path, ...given }, flags }, terminal) => {
    const { evaluate } = await import('../evaluation/evaluate.js'); // With TensorFlow: only when it is needed.
    const evaluated = await evaluate({ model: await pathOfModel(model_path), ...given }, hooksOf(terminal, flags));
    terminal.output.write(flags['json'] === true ? `${JSON.stringify(evaluated.document, null, 2)}\n` : evaluationText(evaluated));
    return flags['strict'] === true && evaluated.result.leftOut.length > 0 ? USER_ERROR_EXIT_CODE : 0;
  },
);

function evaluationText({ result, occlusion, report }: Evaluated): string {
  const { model, data, clips, cutClips, leftOut, clipsPerSecond } = result;
  const among = fewLikeliest(result.gloss);
  const row = (title: string, head: HeadResult): string => {
    const { metrics } = head;
    const top = among === undefined ? [] : [shareText(topAccuracy(head, among))];
    const cells = [percent(metrics.accuracy), ...top, metrics.f1_weighted.toFixed(4), metrics.f1_macro.toFixed(4)];
    const interval = `${percent(metrics.accuracy_ci95_low)} to ${percent(metrics.accuracy_ci95_high)}`;
    return `${title.padEnd(10)}${tableRow([...cells, interval], among !== undefined)}`;
  };
  const left = new Set(leftOut.map(({ file }) => file)).size;
  const lines = [
    `model  ${model.file}`,
    `data   ${data.title}, ${counted(clips.length, 'clip')}${data.synthetic ? ' (made by a generator: these figures say nothing about real signs)' : ''}`,
    `pace   ${paceText(clipsPerSecond)}`,
    ...model.assumptions.map((assumption) => `note   the checkpoint does not say: ${assumption} was taken`),
    ...(cutClips === 0 ? [] : [`note   clips longer than ${model.maxFrames} frames, which were cut: ${cutClips}`]),
    ...(left === 0 ? [] : [`note   clips left out, as the warnings say: ${left}`]),
    '',
    `${''.padEnd(10)}${tableRow(['accuracy', ...(among === undefined ? [] : [`top-${among}`]), 'weighted F1', 'macro F1', '95 % interval of accuracy'], among !== undefined)}`,
    row('gloss', result.gloss),
    ...(tellsCategories(result) ? [row('category', result.category)] : []),
    ...occlusionLines(occlusion, tellsCategories(result)),
    '',
    `results  ${report}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** Nothing where the labels tell no occluded clips from others. */
function occlusionLines(occlusion: Evaluated['occlusion'], withCategories: boolean): string[] {
  const groups = occlusion.filter(({ clips }) => clips > 0);
  if (groups.length < 2) return [];
  return groups.map(({ occluded, clips, accuracy: found }) => {
    const accuracy = required(found, 'the accuracy of these clips');
    const name = counted(clips, `${occluded ? 'occluded' : 'other'} clip`);
    return `${name.padEnd(18)}gloss ${percent(accuracy.gloss)}${withCategories ? `, category ${percent(accuracy.category)}` : ''}`;
  });
}

const CELL_WIDTHS = [10, 10, 13, 10, 27];

function tableRow(cells: readonly string[], withTop: boolean): string {
  const widths = withTop ? CELL_WIDTHS : CELL_WIDTHS.toSpliced(1, 1);
  return cells.map((cell, column) => cell.padStart(elementAt(widths, column))).join('');
}

function shareText(share: number | undefined): string {
  return share === undefined ? '–' : percent(share);
}
