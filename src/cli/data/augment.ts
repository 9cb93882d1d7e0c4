import { showAugmentation, showAugmentationOptions } from '../../evaluation/show-augmentation';
import { printableLine } from '../../foundation/text';
import { verbCommand, type Command } from '../command';
import { jsonFlag } from '../flags';

const AUGMENT = 'npm run data -- augment';

/** `data augment`. */
export const augmentCommand: Command = verbCommand(
  {
    command: AUGMENT,
    takes: 'CLIP.npz',
    positional: 'input',
    summary: 'Draws what each part of --augment does to a clip. Nothing is changed: a training changes its clips as it reads them.',
    options: showAugmentationOptions,
    flags: jsonFlag,
    examples: [
      [`${AUGMENT} clip.npz -o sheet.png`, 'a row for each part of --augment strong'],
      [`${AUGMENT} clip.npz -o sheet.png --augment light --seed 7`, 'of light, drawn otherwise'],
      [`${AUGMENT} clip.npz -o sheet.png --with other.npz`, 'and both clips mixed'],
      [`${AUGMENT} frames/clip_0001 -o sheet.png`, 'of a folder of pictures'],
    ],
    epilogue: 'docs/training.md tells what the parts do, and their settings.',
  },
  async ({ options, flags }, terminal) => {
    const shown = await showAugmentation(options);
    for (const { part, problem } of shown.leftOut) terminal.errors.write(`left out: ${part}: ${problem}\n`);
    terminal.output.write(flags['json'] === true ? `${JSON.stringify(shown, null, 2)}\n` : `${printableLine(shown.picture)}\n`);
    return 0;
  },
);
