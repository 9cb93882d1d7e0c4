import path from 'node:path';
import { optimizerText } from '../config/optimizer-settings';
import { plainMarkdown, shellWord, percent } from '../foundation/text';
import { notesLines, handWrittenIn, LARGEST_PAGE } from './hand-written';
import type { RunRecord } from './config-file';
import type { TrainingLogRow } from './training-log';
import { replaceText } from '../foundation/atomic-file';
import { readTextIfThere } from '../foundation/regular-file';

/**
 * The README.md of a model folder: what it is, its figures, how to load it.
 * @param best the best epoch's row, or a sentence that says why there is none.
 * @param transforms what its clips go through first, if anything.
 */
export function runReadme(record: RunRecord, best: TrainingLogRow | string, checkpointName: string, transforms?: PythonTransforms): string {
  const { run, settings } = record;
  const figures =
    typeof best === 'string'
      ? [best]
      : [
          '| figure | value |',
          '| --- | --- |',
          `| validation gloss accuracy | ${percent(best.gloss_acc)} |`,
          `| validation category accuracy | ${percent(best.cat_acc)} |`,
          `| validation loss | ${best.val_loss.toFixed(4)} |`,
          `| at epoch | ${best.epoch} of ${String(settings['epochs'])} |`,
        ];
  const optimizer = optimizerText(settings);
  return [
    `# ${run.name}`,
    '',
    ...(run.data.synthetic
      ? [
          '> **Trained on synthetic data.** The demo set is made by a generator, nobody signed it: these figures say nothing about real signs.',
          '',
        ]
      : []),
    `${/^[AEIOU]/.test(checkpointName) ? 'An' : 'A'} ${checkpointName} that recognises ${run.classes.gloss} glosses in ${run.classes.category} categories, trained with Kumpas ${run.versions.kumpas}.`,
    '',
    '## Figures',
    '',
    ...replaceableFigures([
      ...figures,
      '',
      `Of the best epoch by validation gloss accuracy, which \`${checkpointName}_best.pt\` holds; the evaluation at the training’s end tells more.`,
    ]),
    '',
    'Every epoch is in `training_log.txt`.',
    '',
    '## Data and recipe',
    '',
    `- Data: ${plainMarkdown(path.basename(run.data.title))}; ${run.data.train_clips} training clips, ${run.data.validation_clips} validation clips; fingerprint \`${run.data.fingerprint.slice(0, 16)}\``,
    `- Parameters: ${run.parameters.toLocaleString('en')}`,
    ...(typeof settings['init_from'] === 'string' ? [`- Begun with the weights of ${plainMarkdown(settings['init_from'])}`] : []),
    `- Seed ${String(settings['seed'])}, batch size ${String(settings['batch_size'])}, learning rate ${String(settings['lr'])}, scheduler ${String(settings['scheduler'])}`,
    ...(optimizer === undefined ? [] : [`- Optimizer: ${optimizer}`]),
    `- Machine: ${run.device}; TensorFlow ${run.versions.tensorflow}, Node ${run.versions.node}`,
    '- All settings: `config.json`',
    '',
    ...loadingLines(run.folder, checkpointName, Number(settings['epochs']) + 10, { transforms }),
    ...notesLines(),
  ].join('\n');
}

/**
 * The section of a model folder's README that says how to use it.
 * @param epochs to go on to; undefined where there is no state to go on from.
 * @param further.data what must be typed to name the clips; nothing where the folder knows them.
 * @param further.transforms as of {@link runReadme}.
 */
export function loadingLines(
  folder: string,
  checkpointName: string,
  epochs: number | undefined,
  further: { readonly data?: string; readonly transforms?: PythonTransforms | undefined } = {},
): string[] {
  const { data = '', transforms } = further;
  const place = shellWord(folder);
  return [
    '## Load it',
    '',
    'With Kumpas, from the project’s folder:',
    '',
    '```sh',
    `npm run evaluate -- --model-path ${place}${data}`,
    `npm run predict -- --model-path ${place} --input CLIP.npz`,
    ...(epochs === undefined ? [] : [`npm run train -- --resume ${place}${data} --epochs ${epochs}`]),
    '```',
    '',
    'With PyTorch:',
    '',
    '```python',
    'import torch',
    `checkpoint = torch.load("${checkpointName}_best.pt", weights_only=True)`,
    'checkpoint["config"]      # its shape and its labels',
    'model.load_state_dict(checkpoint["model"])',
    '```',
    '',
    ...transformLines(transforms),
  ];
}

/** What a model's clips go through before it sees them, in NumPy: lines that define functions, and their call for a clip. */
export interface PythonTransforms {
  readonly definitions: readonly string[];
  readonly call: (clip: string) => string;
}

/** What is said to those who use a model elsewhere whose clips go through something first; nothing where they do not. */
export function transformLines(python: PythonTransforms | undefined): string[] {
  if (python === undefined) return [];
  return [
    'It was trained on clips that were changed first. Kumpas does that by itself to each clip that the model sees; elsewhere it must be done to the whole clip, before it is cut or padded:',
    '',
    '```python',
    'import numpy as np',
    '',
    ...python.definitions,
    '',
    `X = ${python.call('X')}`,
    '```',
    '',
  ];
}

const FIGURES_START = '<!-- figures: npm run evaluate writes them anew -->';
const FIGURES_END = '<!-- end of figures -->';

/** Marks the lines of a model folder's README.md that an evaluation puts its figures in place of. */
export function replaceableFigures(lines: readonly string[]): string[] {
  return [FIGURES_START, '', ...lines, '', FIGURES_END];
}

/** Whether a page has a place for an evaluation's figures. */
export function hasReplaceableFigures(text: string): boolean {
  return text.includes(FIGURES_START);
}

/**
 * Puts other figures into a README.md, where there is one with a place for them. What a person wrote among the figures stays, below them.
 * @param lines are asked for only where there is such a place.
 */
export function replaceFigures(file: string, lines: () => readonly string[]): void {
  const text = readTextIfThere(file, LARGEST_PAGE);
  if (text === undefined) return;
  const [start, end] = [text.indexOf(FIGURES_START), text.indexOf(FIGURES_END)];
  if (start === -1 || end < start) return;
  const written = handWrittenIn(text.slice(start, end));
  replaceText(file, text.slice(0, start) + replaceableFigures(lines()).join('\n') + written + text.slice(end + FIGURES_END.length));
}
