import path from 'node:path';
import { transformsInPython } from '../data/transforms/pipeline';
import { classesText, hasCategories } from '../folder/config-file';
import type { NamedFolder } from '../folder/folder-name';
import { loadingSection } from '../folder/loading-section';
import type { Page } from '../folder/readme';
import type { TrainingLogRow } from '../folder/training-log';
import { plainMarkdown, printableLine, percent } from '../foundation/text';
import type { ReadImport } from './read-import';

/** The README.md of a model folder that was made of a checkpoint. */
export function importReadme(facts: {
  readonly read: ReadImport;
  readonly named: NamedFolder;
  readonly rows: readonly TrainingLogRow[];
  readonly notes: readonly string[];
  readonly resumable: boolean;
  readonly checkpointName: string;
  readonly versions: { readonly kumpas: string };
}): Page {
  const { read, named, rows, notes, resumable, checkpointName, versions } = facts;
  const { model } = read.recognised;
  const { epoch } = read.checkpoint;
  const classes = { gloss: model.numGloss, category: model.numCategory };
  const shape = Object.entries(model.config).map(([key, value]) => `${key} ${String(value)}`);
  return printablePage({
    title: path.basename(named.folder),
    introduction: [
      `A ${checkpointName} that recognises ${classesText(classes)}, imported from ${plainMarkdown(path.basename(read.file))} with Kumpas ${versions.kumpas}.`,
    ],
    sections: [
      { heading: 'Figures', lines: figureLines(read, rows, hasCategories(classes)) },
      {
        heading: 'What it is',
        lines: [
          `- ${plainMarkdown(shape.join(', '))}`,
          ...(epoch > 0 ? [`- Trained for ${epoch} epochs`] : []),
          ...notes.map((note) => `- Note: ${plainMarkdown(note)}`),
          '- All settings that the file tells, and the usual ones for the rest: `config.json`',
        ],
      },
      loadingSection(named.folder, checkpointName, resumable ? epoch + 10 : undefined, {
        data: read.ours ? '' : ' --data CLIPS',
        transforms: transformsInPython(read.transforms, read.keypoints),
      }),
    ],
  });
}

/** What a foreign file says is not trusted to be of one line. */
function printablePage({ title, introduction, sections }: Page): Page {
  return {
    title: printableLine(title),
    introduction: introduction.map(printableLine),
    sections: sections.map((section) => ({ ...section, lines: section.lines?.map(printableLine) ?? [] })),
  };
}

function figureLines({ checkpoint }: ReadImport, rows: readonly TrainingLogRow[], withCategories: boolean): string[] {
  const row = rows.find(({ epoch }) => epoch === checkpoint.epoch);
  if (row !== undefined)
    return [
      '| figure | value |',
      '| --- | --- |',
      `| validation gloss accuracy | ${percent(row.gloss_acc)} |`,
      ...(withCategories ? [`| validation category accuracy | ${percent(row.cat_acc)} |`] : []),
      `| validation loss | ${row.val_loss.toFixed(4)} |`,
      `| at epoch | ${row.epoch} |`,
      '',
      'As the log of that training has them; they were not measured again.',
    ];
  if (Number.isFinite(checkpoint.bestMetric))
    return [`The file names ${percent(checkpoint.bestMetric)} as its best metric; it was not measured again.`];
  return ['The file names none, and none were measured.'];
}
