import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ClipEntry } from '../data/clip-set';
import { RESULTS_FOLDER } from '../folder/model-folder';
import type { EvaluationResult } from '../evaluation/result';
import { RESULT_FILES } from '../folder/contents';
import type { Fact, TrainingDone } from './events';
import type { Progress } from './progress';
import type { TrainingRun } from './run';
import type { TrainingEnd } from './train';

/**
 * What is shown at the end: the best figures, where everything lies, and what one would type next.
 * @param evaluation of the best checkpoint; undefined where the training was interrupted before.
 */
export function endEvent(run: TrainingRun, end: TrainingEnd, evaluation: EvaluationResult | undefined): TrainingDone {
  const { files, progress, settings, record, log } = run;
  const best = log.rows.find(({ epoch }) => epoch === progress.bestEpoch);
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const facts: Fact[] =
    best === undefined
      ? [['best', bestBefore(progress)]]
      : [
          [
            'best',
            `epoch ${best.epoch}: gloss accuracy ${percent(best.gloss_acc)}, category accuracy ${percent(best.cat_acc)}, validation loss ${best.val_loss.toFixed(3)}`,
          ],
        ];
  if (evaluation !== undefined) facts.push(...evaluationFacts(evaluation));
  if (record.run.data.synthetic) facts.push(['data', `${record.run.data.title}: these figures say nothing about real signs`]);
  return {
    kind: 'end',
    outcome: outcomeText(end, progress.completedEpochs, settings.epochs),
    facts,
    folder: files.folder,
    files: [
      ...fileFacts(run),
      ...(evaluation === undefined
        ? []
        : [[`${RESULTS_FOLDER}/`, `figures, pictures and ${RESULT_FILES.report}: how good it is, where it fails`] satisfies Fact]),
    ],
    next: end === 'interrupted' ? [['go on', `npm run train -- --resume ${quoted(files.folder)}`]] : nextCommands(run),
  };
}

/** The best epoch where the log of this folder does not have it. */
function bestBefore({ bestEpoch, bestMetric }: Progress): string {
  if (bestEpoch === 0) return 'no epoch has ended yet';
  return `still what it went on from: gloss accuracy ${(100 * bestMetric).toFixed(1)} %`;
}

function evaluationFacts({ gloss, category }: EvaluationResult): Fact[] {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const head = ({ metrics }: EvaluationResult['gloss']): string =>
    `${percent(metrics.accuracy)} right (95 % interval ${percent(metrics.accuracy_ci95_low)} to ${percent(metrics.accuracy_ci95_high)}), weighted F1 ${metrics.f1_weighted.toFixed(3)}`;
  return [
    ['gloss', `${head(gloss)}, ${percent(gloss.metrics.top_5_accuracy)} among the top 5`],
    ['category', head(category)],
  ];
}

function outcomeText(end: TrainingEnd, done: number, epochs: number): string {
  if (end === 'interrupted') return `Interrupted after ${done} of ${epochs} epochs; everything so far is saved`;
  return end === 'stopped early' ? `Stopped early after ${done} of ${epochs} epochs` : `${done} epochs done`;
}

function fileFacts({ files }: TrainingRun): Fact[] {
  const named = (file: string): string => path.basename(file);
  return [
    ...(existsSync(files.best) ? [[named(files.best), 'the best epoch, for PyTorch too'] satisfies Fact] : []),
    [named(files.last), 'the last state, to go on from'],
    [named(files.log), 'a line an epoch'],
    [named(files.metrics), 'more of each epoch'],
    [named(files.config), 'all settings, versions, data'],
    [named(files.readme), 'what it is and how to load it'],
  ];
}

function nextCommands(run: TrainingRun): Fact[] {
  const folder = quoted(run.files.folder);
  const predict = (clip: string): Fact => ['predict', `npm run predict -- --model-path ${folder} --input ${quoted(clip)}`];
  const [clip] = run.dataset.validation.entries;
  if (clip?.file === '') {
    const seed = run.settings.seed === 42 ? '' : ` --seed ${run.settings.seed}`;
    return [
      ['evaluate', `npm run evaluate -- --model-path ${folder}`],
      ['write clips', `npm run demo-data -- --model ${run.settings.model} --out demo_data${seed}`],
      predict(`demo_data/${run.model.definition.usualClips.layout.validationFolder}/${clip.name}.npz`),
    ];
  }
  const { data } = run.settings;
  const from = data === null ? '' : ` --data ${quoted(data)}`;
  return [['evaluate', `npm run evaluate -- --model-path ${folder}${from}`], predict((clip && clipPath(run, clip)) ?? 'CLIP.npz')];
}

/** Where a clip lies: one of pictures in its folder, whatever was made of it on the way. */
function clipPath({ model, settings }: TrainingRun, { name, file }: ClipEntry): string {
  const { source, layout, pictures } = model.definition.clipLocation(settings);
  if (pictures === undefined || source === undefined) return file;
  const folder = 'folder' in source ? path.join(source.folder, layout.validationFolder) : source.keypoints_val;
  const clip = path.join(folder, name);
  return existsSync(clip) ? clip : `${clip}.npz`;
}

/** A path as a shell takes it. */
function quoted(argument: string): string {
  return /^[\w./:@%+=,-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", String.raw`'\''`)}'`;
}
