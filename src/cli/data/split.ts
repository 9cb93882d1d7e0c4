import { splitOptions } from '../../data/collections/options';
import { splitSet, type SplitResult } from '../../data/collections/split-set';
import { counted, shellWord } from '../../foundation/text';
import { verbCommand, type Command } from '../command';
import { watchForInterruption } from '../exit';
import { jsonFlag } from '../flags';
import { ExtractionBar, hooksOf } from '../progress';

/** `data split`. */
export const splitCommand: Command = verbCommand(
  {
    command: 'npm run data -- split',
    summary: 'Divides clips into training and validation: makes the folder that train --data takes.',
    options: splitOptions,
    positional: 'clips',
    takes: 'CLIPS',
    flags: jsonFlag,
    examples: [
      ['npm run data -- split clips --out set', 'four fifths train and one validates, of every sign alike'],
      ['npm run data -- split clips --out set --group signer', 'no person is in both parts: how well the model knows strangers'],
      ['npm run data -- split clips --out set --by-column split', 'as the column "split" of labels.csv says'],
      [
        'npm run data -- split clips --out folds --folds 5',
        'folds/fold_1 to folds/fold_5 for cross-validation; linked, so they take the space of one',
      ],
      ['npm run data -- split clips --out greetings --categories GREETING', 'only the signs of a category, counted anew from 0'],
      ['npm run train -- --data set', 'train on it'],
    ],
    epilogue: 'split.json in the set says where every clip came from. A move that was ended goes on when its command is typed again.',
  },
  async ({ options, flags }, terminal) => {
    const { output, errors } = terminal;
    const json = flags['json'] === true;
    const bar = new ExtractionBar(errors);
    const interruption = watchForInterruption(errors, 'the files that were begun with are finished');
    const hooks = hooksOf(terminal, flags, interruption.signal);
    try {
      const result = await splitSet(options, {
        ...hooks,
        onEvent: (event) => {
          if (event.kind !== 'clips-placed') hooks.onEvent(event);
          else if (errors.isTTY === true) bar.show(event.done, event.total, 0);
        },
      });
      bar.clear();
      output.write(json ? `${JSON.stringify(result, null, 2)}\n` : splitText(result));
      return interruption.exitCode() ?? 0;
    } catch (error) {
      const code = interruption.exitCode();
      if (code === undefined || !interruption.signal.aborted) throw error;
      bar.clear();
      errors.write('stopped: nothing is lost; type the command again to finish it\n');
      return code;
    } finally {
      interruption.end();
    }
  },
);

function splitText({ sets, glosses, categories }: SplitResult): string {
  const lines = sets.map(({ folder, train, validation, test }) => {
    const parts = [counted(train, 'training clip'), counted(validation, 'validation clip')];
    if (test > 0) parts.push(`${counted(test, 'test clip')} (put aside in keypoints_test/; no training reads them)`);
    return `${folder}: ${parts.join(', ')}`;
  });
  const classes = `${counted(glosses, 'gloss', 'glosses')} in ${counted(categories, 'category', 'categories')}`;
  const [first] = sets;
  const next = first === undefined ? [] : [`npm run train -- --data ${shellWord(first.folder)}`];
  return `${[...lines, classes, ...next].join('\n')}\n`;
}
