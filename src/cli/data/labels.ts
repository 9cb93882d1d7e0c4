import { createInterface } from 'node:readline/promises';
import { editLabels, type EditedLabels } from '../../data/collections/edit-labels';
import { OneBasedDoubt } from '../../data/collections/mend-labels';
import { labelsOptions, type LabelsOptions } from '../../data/collections/options';
import { counted } from '../../foundation/text';
import { verbCommand, type Command } from '../command';
import { jsonFlag } from '../flags';
import type { Terminal } from '../terminal';

/** `data labels`. */
export const labelsCommand: Command = verbCommand(
  {
    command: 'npm run data -- labels',
    summary: 'Makes labels.csv from the names of folders or files, mends tables of labels, and makes one collection of several.',
    options: labelsOptions,
    positional: 'place',
    takes: 'FOLDER|FILE.csv',
    flags: jsonFlag,
    examples: [
      ['npm run data -- labels clips', 'clips/keypoints/hello/001.npz shows hello: writes clips/labels.csv and clips/labels_reference.csv'],
      ['npm run data -- labels clips --pattern "{sign}_{number}"', 'clips/keypoints/hello_001.npz shows hello'],
      [
        'npm run data -- labels clips --pattern "{signer}/{sign}_{number}"',
        'and the first folder says who signs, for split --group signer',
      ],
      ['npm run data -- labels old.csv --labels-reference labels_reference.csv --out labels.csv', 'names become the ids of the reference'],
      ['npm run data -- labels labels.csv --to names --in-place', 'ids become names; the old table is kept as labels.csv.old'],
      ['npm run data -- labels --merge clips more_clips --out all', 'one collection of two'],
    ],
  },
  async ({ options, flags }, terminal) => {
    const result = await edited(options, terminal);
    terminal.output.write(flags['json'] === true ? `${JSON.stringify(result, null, 2)}\n` : labelsText(result));
    return 0;
  },
);

/** Asks, where somebody is there to answer, what the tables leave open. */
async function edited(options: LabelsOptions, { errors }: Terminal): Promise<EditedLabels> {
  try {
    return await editLabels(options);
  } catch (error) {
    if (!(error instanceof OneBasedDoubt) || errors.isTTY !== true || !process.stdin.isTTY) throw error;
    errors.write(`${error.message}\nDo they count from 1? [yes/no] `);
    const asked = createInterface({ input: process.stdin });
    const answer = (await asked.question('')).trim().toLowerCase();
    asked.close();
    if (!['y', 'yes', 'n', 'no'].includes(answer)) throw error;
    return editLabels({ ...options, one_based: answer.startsWith('y') ? 'yes' : 'no' });
  }
}

function labelsText({ written, kept, clips, renamed }: EditedLabels): string {
  const lines = [`${written.join(', ')}: ${counted(clips, 'clip')}`];
  if (renamed > 0)
    lines.push(`${counted(renamed, 'clip has', 'clips have')} a collection's name before their own, which another collection has too`);
  if (kept.length > 0) lines.push(`kept: ${kept.join(', ')}`);
  return `${lines.join('\n')}\n`;
}
