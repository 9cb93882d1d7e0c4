import path from 'node:path';
import type { PythonTransforms } from '../config/data-settings';
import { optimizerText } from '../config/optimizer-settings';
import { classesText, hasCategories, type RunRecord } from '../folder/config-file';
import { checkpointFile, FOLDER_FILES } from '../folder/contents';
import { loadingSection } from '../folder/loading-section';
import type { Page } from '../folder/readme';
import type { TrainingLogRow } from '../folder/training-log';
import { percent, plainMarkdown } from '../foundation/text';

/**
 * The README.md of a training's folder: what the model is, its figures, how to load it.
 * @param best the best epoch's row, or a sentence that says why there is none.
 * @param transforms what its clips go through first, if anything.
 */
export function runReadme(record: RunRecord, best: TrainingLogRow | string, checkpointName: string, transforms?: PythonTransforms): Page {
  const { run, settings } = record;
  const article = /^[AEIOU]/.test(checkpointName) ? 'An' : 'A';
  return {
    title: run.name,
    introduction: [
      ...(run.data.synthetic
        ? [
            '> **Trained on synthetic data.** The demo set is made by a generator, nobody signed it: these figures say nothing about real signs.',
            '',
          ]
        : []),
      `${article} ${checkpointName} that recognises ${classesText(run.classes)}, trained with Kumpas ${run.versions.kumpas}.`,
    ],
    sections: [
      {
        heading: 'Figures',
        figures: [
          ...figureLines(best, settings['epochs'], hasCategories(run.classes)),
          '',
          `Of the best epoch by validation gloss accuracy, which \`${checkpointFile(checkpointName, 'best')}\` holds; the evaluation at the training’s end tells more.`,
        ],
        lines: [`Every epoch is in \`${FOLDER_FILES.log}\`.`],
      },
      { heading: 'Data and recipe', lines: recipeLines(record) },
      loadingSection(run.folder, checkpointName, Number(settings['epochs']) + 10, { transforms }),
    ],
  };
}

function figureLines(best: TrainingLogRow | string, epochs: unknown, withCategories: boolean): string[] {
  if (typeof best === 'string') return [best];
  return [
    '| figure | value |',
    '| --- | --- |',
    `| validation gloss accuracy | ${percent(best.gloss_acc)} |`,
    ...(withCategories ? [`| validation category accuracy | ${percent(best.cat_acc)} |`] : []),
    `| validation loss | ${best.val_loss.toFixed(4)} |`,
    `| at epoch | ${best.epoch} of ${String(epochs)} |`,
  ];
}

function recipeLines({ run, settings }: RunRecord): string[] {
  const optimizer = optimizerText(settings);
  return [
    `- Data: ${plainMarkdown(path.basename(run.data.title))}; ${run.data.train_clips} training clips, ${run.data.validation_clips} validation clips; fingerprint \`${run.data.fingerprint.slice(0, 16)}\``,
    `- Parameters: ${run.parameters.toLocaleString('en')}`,
    ...(typeof settings['init_from'] === 'string' ? [`- Begun with the weights of ${plainMarkdown(settings['init_from'])}`] : []),
    `- Seed ${String(settings['seed'])}, batch size ${String(settings['batch_size'])}, learning rate ${String(settings['lr'])}, scheduler ${String(settings['scheduler'])}`,
    ...(optimizer === undefined ? [] : [`- Optimizer: ${optimizer}`]),
    ...(settings['ema'] === true ? [`- Weights: their moving average, decay ${String(settings['ema_decay'])}`] : []),
    `- Machine: ${run.device}; TensorFlow ${run.versions.tensorflow}, Node ${run.versions.node}`,
    `- All settings: \`${FOLDER_FILES.config}\``,
  ];
}
