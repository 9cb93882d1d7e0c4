import path from 'node:path';
import { modelEntry } from '../models/model-table';
import type { Fact, TrainingDone } from './events';
import type { TrainingRun } from './run';
import type { TrainingEnd } from './train';

/** What is shown at the end: the best figures, where everything lies, and what one would type next. */
export function endEvent(run: TrainingRun, end: TrainingEnd): TrainingDone {
  const { files, progress, settings, record, log } = run;
  const best = log.rows.find(({ epoch }) => epoch === progress.bestEpoch);
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const facts: Fact[] =
    best === undefined
      ? [['best', 'no epoch has ended yet']]
      : [
          [
            'best',
            `epoch ${best.epoch}: gloss accuracy ${percent(best.gloss_acc)}, category accuracy ${percent(best.cat_acc)}, validation loss ${best.val_loss.toFixed(3)}`,
          ],
        ];
  if (record.run.data.synthetic) facts.push(['data', `${record.run.data.title}: these figures say nothing about real signs`]);
  return {
    kind: 'end',
    outcome: outcomeText(end, progress.completedEpochs, settings.epochs),
    facts,
    folder: files.folder,
    files: fileFacts(run, best !== undefined),
    next: end === 'interrupted' ? [['go on', `npm run train -- --resume ${quoted(files.folder)}`]] : nextCommands(run),
  };
}

function outcomeText(end: TrainingEnd, done: number, epochs: number): string {
  if (end === 'interrupted') return `Interrupted after ${done} of ${epochs} epochs; everything so far is saved`;
  return end === 'stopped early' ? `Stopped early after ${done} of ${epochs} epochs` : `${done} epochs done`;
}

function fileFacts({ files }: TrainingRun, hasBest: boolean): Fact[] {
  const named = (file: string): string => path.basename(file);
  return [
    ...(hasBest ? [[named(files.best), 'the best epoch, for PyTorch too'] satisfies Fact] : []),
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
      predict(`demo_data/${modelEntry(run.settings.model).usualClips.layout.validationFolder}/${clip.name}.npz`),
    ];
  }
  const { data } = run.settings;
  const from = data === null ? '' : ` --data ${quoted(data)}`;
  return [['evaluate', `npm run evaluate -- --model-path ${folder}${from}`], predict(clip?.file ?? 'CLIP.npz')];
}

/** A path as a shell takes it. */
function quoted(argument: string): string {
  return /^[\w./:@%+=,-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", String.raw`'\''`)}'`;
}
