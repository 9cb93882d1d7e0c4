import path from 'node:path';
import { writeTextAtomically } from '../../foundation/atomic-file';
import { printableLine } from '../../foundation/printable';
import { modelEntry } from '../../models/model-table';
import { loadingLines } from '../../training/run-readme';
import { readRecord } from '../model-record';
import { summariseModel } from '../summary';

/** Writes the README.md of a model folder that has none, from its config.json and its figures. */
export function writeMissingCard(folder: string): void {
  const { model, run } = readRecord(folder);
  const name = path.basename(folder);
  const summary = summariseModel({ name, folder });
  const { checkpointName } = modelEntry(model);
  const percent = (share: number | null): string => (share === null ? 'not known' : `${(100 * share).toFixed(1)} %`);
  const data =
    run.data === undefined
      ? []
      : [
          `- Data: ${run.data.title}; ${run.data.train_clips} training clips, ${run.data.validation_clips} validation clips; fingerprint \`${run.data.fingerprint.slice(0, 16)}\``,
        ];
  const lines = [
    `# ${name}`,
    '',
    ...(summary.synthetic ? ['> **Trained on synthetic data.** These figures say nothing about real signs.', ''] : []),
    `A model of the type ${model} (${checkpointName}) that recognises ${run.classes.gloss} glosses in ${run.classes.category} categories, made with Kumpas ${run.versions.kumpas}.`,
    '',
    '## Figures',
    '',
    '| figure | value |',
    '| --- | --- |',
    `| validation gloss accuracy | ${percent(summary.gloss_acc)} |`,
    `| validation category accuracy | ${percent(summary.cat_acc)} |`,
    '',
    '## Data and recipe',
    '',
    ...data,
    ...(run.imported_from === undefined ? [] : [`- Imported from \`${run.imported_from}\``]),
    '- All settings: `config.json`',
    '',
    ...loadingLines(folder, checkpointName, undefined),
  ];
  writeTextAtomically(path.join(folder, 'README.md'), lines.map(printableLine).join('\n'));
}
