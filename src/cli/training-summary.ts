import { existsSync } from 'node:fs';
import path from 'node:path';
import { optimizerText } from '../config/optimizer-settings';
import { precisionText } from '../engine/precision';
import { fewLikeliest } from '../evaluation/metrics';
import { tellsCategories, type EvaluationResult } from '../evaluation/result';
import { classesText, hasCategories } from '../folder/config-file';
import { FOLDER_FILES, RESULT_FILES } from '../folder/contents';
import { shellWord, percent, counted } from '../foundation/text';
import type { StepDescription, TrainingResult, TrainingStarted } from '../training/events';
import { ownModelFlag } from './model-flags';

/** A label and its value, as the header and the summary of a training show them. */
export type Fact = readonly [label: string, value: string];

/** What is shown before the first epoch: what runs on what. */
export function startFacts({ record, clips, step, resumed }: TrainingStarted): Fact[] {
  const { run, settings } = record;
  const optimizer = optimizerText(settings);
  const frames = clips.shortest === clips.longest ? `${clips.longest} frames each` : `${clips.shortest} to ${clips.longest} frames`;
  const facts: Fact[] = [
    ['device', `${run.device}; TensorFlow ${run.versions.tensorflow}`],
    ['data', `${run.data.title}${run.data.synthetic ? ' (made by a generator: its figures say nothing about real signs)' : ''}`],
    ['clips', `${clips.training} training, ${clips.validation} validation, ${frames}`],
    ['classes', classesText(run.classes)],
    ['model', `${modelText(run.model)}; ${run.parameters.toLocaleString('en')} parameters`],
    [
      'training',
      `${counted(Number(settings['epochs']), 'epoch')}, batch size ${String(settings['batch_size'])}, lr ${String(settings['lr'])}, scheduler ${String(settings['scheduler'])}, seed ${String(settings['seed'])}`,
    ],
    ...inputsFact(settings),
    ...(optimizer === undefined ? [] : [['optimizer', optimizer] as const]),
    ...(settings['ema'] === true
      ? [['average', `of the weights, decay ${String(settings['ema_decay'])}: it is validated and saved as the best`] as const]
      : []),
    ['step', stepText(step)],
    ['folder', run.folder],
  ];
  if (resumed === undefined) return facts;
  const within = resumed.batches > 0 ? ` and ${counted(resumed.batches, 'batch', 'batches')}` : '';
  return [...facts, ['resumed', `from ${resumed.file}, after ${counted(resumed.epochs, 'epoch')}${within}`]];
}

/** What is done to clips before the model sees them, where anything is. */
function inputsFact({ normalize, augment }: TrainingStarted['record']['settings']): Fact[] {
  const isOn = (value: unknown): value is string => typeof value === 'string' && value !== 'none';
  const parts = [
    ...(isOn(normalize) ? [`normalised (${normalize})`] : []),
    ...(isOn(augment) ? [`training clips changed at random (augment ${augment})`] : []),
  ];
  return parts.length === 0 ? [] : [['inputs', parts.join(', ')]];
}

function stepText({ captured, precision, sharingDevices, processes }: StepDescription): string {
  if (!captured) return 'operation by operation, float32';
  const among = processes === undefined ? '' : `; each batch divided among ${processes} processes`;
  return `captured as a graph, ${precisionText(precision)}${sharingDevices === undefined ? '' : parallelText(sharingDevices)}${among}`;
}

function parallelText(devices: number): string {
  return devices === 0
    ? '; --enable-parallel: fewer than two GPUs are in use, so each batch stays whole'
    : `; each batch divided among ${devices} devices (never measured on GPUs yet)`;
}

/** `emb_dim 256, n_heads 8, …`: the model's shape without what other lines say. */
function modelText(model: TrainingStarted['record']['run']['model']): string {
  return Object.entries(model)
    .filter(([key]) => !['input_dim', 'num_gloss', 'num_cat', 'max_len'].includes(key))
    .map(([key, value]) => `${key} ${String(value)}`)
    .join(', ');
}

/** How a training ended, in a few words. */
export function outcomeText({ end, completedEpochs, epochs }: TrainingResult): string {
  if (end === 'interrupted') return `Interrupted after ${completedEpochs} of ${counted(epochs, 'epoch')}; everything so far is saved`;
  return end === 'stopped early'
    ? `Stopped early after ${completedEpochs} of ${counted(epochs, 'epoch')}`
    : `${counted(completedEpochs, 'epoch')} done`;
}

/** The best figures. */
export function endFacts({ best, evaluation, record }: TrainingResult): Fact[] {
  const facts: Fact[] = [['best', bestText(best, hasCategories(record.run.classes))]];
  if (evaluation !== undefined) facts.push(...evaluationFacts(evaluation));
  if (record.run.data.synthetic) facts.push(['data', `${record.run.data.title}: these figures say nothing about real signs`]);
  return facts;
}

function bestText({ row, epoch, glossAccuracy }: TrainingResult['best'], withCategories: boolean): string {
  if (row !== undefined) {
    const category = withCategories ? `, category accuracy ${percent(row.cat_acc)}` : '';
    return `epoch ${row.epoch}: gloss accuracy ${percent(row.gloss_acc)}${category}, validation loss ${row.val_loss.toFixed(3)}`;
  }
  return epoch === 0 ? 'no epoch has ended yet' : `still what it went on from: gloss accuracy ${percent(glossAccuracy)}`;
}

function evaluationFacts({ gloss, category }: EvaluationResult): Fact[] {
  const head = ({ metrics }: EvaluationResult['gloss']): string =>
    `${percent(metrics.accuracy)} right (95 % interval ${percent(metrics.accuracy_ci95_low)} to ${percent(metrics.accuracy_ci95_high)}), weighted F1 ${metrics.f1_weighted.toFixed(3)}`;
  const among = fewLikeliest(gloss);
  return [
    [
      'gloss',
      among === undefined ? head(gloss) : `${head(gloss)}, ${percent(gloss.metrics[`top_${among}_accuracy`])} among the top ${among}`,
    ],
    ...(tellsCategories({ category }) ? ([['category', head(category)]] satisfies Fact[]) : []),
  ];
}

/** What lies in the model folder. */
export function fileFacts({ files, evaluation }: TrainingResult): Fact[] {
  const facts: Fact[] = [
    [files.best, 'the best epoch, for PyTorch too'],
    [files.last, 'the last state, to go on from'],
    [files.log, 'a line an epoch'],
    [files.metrics, 'more of each epoch'],
    [files.config, 'all settings, versions, data'],
    [files.readme, 'what it is and how to load it'],
  ];
  const there = facts.filter(([file]) => existsSync(file)).map(([file, meaning]): Fact => [path.basename(file), meaning]);
  if (evaluation === undefined) return there;
  return [...there, [`${FOLDER_FILES.results}/`, `figures, pictures and ${RESULT_FILES.report}: how good it is, where it fails`]];
}

/** What one would type next. */
export function nextCommands({ end, folder, record, exampleClip }: TrainingResult): Fact[] {
  const place = shellWord(folder);
  const { model_file: file } = record.run;
  const own = ownModelFlag(file);
  if (end === 'interrupted') return [['go on', `npm run train -- --resume ${place}${own}`]];
  const predict = (clip: string): Fact => ['predict', `npm run predict -- --model-path ${place} --input ${shellWord(clip)}${own}`];
  const tried: Fact = ['try it', `npm run app -- ${place}${own}`];
  const { model, data, seed } = record.settings;
  if (exampleClip.inDemoSet !== undefined) {
    const clips = freeName('demo_data');
    return [
      tried,
      ['evaluate', `npm run evaluate -- --model-path ${place}${own}`],
      [
        'write clips',
        `npm run demo-data -- --model ${shellWord(file ?? String(model))} --out ${clips}${seed === 42 ? '' : ` --seed ${String(seed)}`}`,
      ],
      predict(`${clips}/${exampleClip.inDemoSet}`),
    ];
  }
  const from = typeof data === 'string' ? ` --data ${shellWord(data)}` : '';
  return [tried, ['evaluate', `npm run evaluate -- --model-path ${place}${from}${own}`], predict(exampleClip.path ?? 'CLIP.npz')];
}

/** A name that nothing here has yet: `demo_data`, `demo_data-2`, … */
function freeName(name: string): string {
  for (let attempt = 1; ; attempt++) {
    const tried = attempt === 1 ? name : `${name}-${attempt}`;
    if (!existsSync(tried)) return tried;
  }
}
