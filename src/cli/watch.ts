import path from 'node:path';
import { defaultSaveFolders } from '../config/model-settings';
import { hasCategories } from '../folder/config-file';
import { newestCheckpoint } from '../folder/named-checkpoint';
import { UserError } from '../foundation/errors';
import { shellWord, percent, printableLine } from '../foundation/text';
import { ownModels } from '../models/model-table';
import { followTraining, type FollowedTraining } from '../training/follow-training';
import type { EpochRunning } from '../training/look-at-training';
import { plainCommand, type Command } from './command';
import { commonFlags, type FlagTable } from './flags';
import { pathOfModel } from './model-flags';
import { secondsText } from './quantities';
import { CLEAR_LINE, draw, type Terminal } from './terminal';
import { TerminalReporter } from './terminal-reporter';

const command = 'npm run watch --';

const watchFlags = {
  json: { type: 'boolean', group: 'General:', description: 'Print a JSON object a line, as things happen.' },
  ...commonFlags,
} as const satisfies FlagTable;

/** The `watch` command. */
export const watchCommand: Command = plainCommand(
  {
    command,
    takes: '[FOLDER]',
    summary:
      'Shows a training that runs in another terminal, until it ends: a line an epoch, and how long it still takes. The newest where none is named.',
    flags: watchFlags,
    examples: [
      ['npm run watch', 'the newest training of trained_models'],
      [`${command} trained_models/transformer/transformer_baseline_09-20`, 'this one; ended ones are shown too'],
      [`${command} transformer_baseline_09-20 --json`, 'for a script: a JSON object a line'],
    ],
    epilogue: 'Ctrl-C ends the watching, never the training.',
  },
  async (typed, terminal, positionals) => {
    const [named, ...more] = positionals;
    if (more.length > 0) throw new UserError(`${command}: expected one folder, found ${positionals.join(' ')}`);
    const folder = named === undefined ? newestRun() : await pathOfModel(named);
    return typed['json'] === true ? await watchAsLines(folder, terminal) : await watchInTerminal(folder, terminal);
  },
);

/** The folder of the training that wrote last. */
function newestRun(): string {
  const saveFolders = defaultSaveFolders(ownModels);
  const newest = newestCheckpoint(saveFolders);
  if (newest === undefined) throw new UserError(`${command}: there is no training in ${saveFolders.join(', ')}; name its folder`);
  return path.dirname(newest);
}

async function watchAsLines(folder: string, { output }: Terminal): Promise<number> {
  const print = (event: object): void => {
    output.write(`${JSON.stringify(event)}\n`);
  };
  const followed = await followTraining(folder, { onEvent: print });
  if (followed !== undefined) print({ kind: 'end', ...followed });
  return 0;
}

async function watchInTerminal(folder: string, { output }: Terminal): Promise<number> {
  const reporter = new TerminalReporter(output);
  const followed = await followTraining(folder, {
    onEvent: (event) => {
      if (event.kind === 'running') {
        if (output.isTTY === true) draw(output, CLEAR_LINE + printableLine(runningText(event)).slice(0, (output.columns ?? 80) - 1));
        return;
      }
      if (output.isTTY === true) draw(output, CLEAR_LINE);
      if (event.kind !== 'found') reporter.report(event);
      else {
        reporter.showCategories(hasCategories(event.classes));
        output.write(`Watching ${event.name}\n`);
      }
    },
  });
  if (output.isTTY === true) draw(output, CLEAR_LINE);
  if (followed !== undefined) output.write(`${endText(folder, followed)}\n`);
  return 0;
}

/** `epoch 7/20 running for 12 s, about 8 s left`. */
function runningText({ epoch, epochs, seconds, secondsAnEpoch }: EpochRunning): string {
  if (epoch === undefined) return 'the epochs are done; the best one is being evaluated';
  const left = secondsAnEpoch === undefined || secondsAnEpoch < seconds ? '' : `, about ${secondsText(secondsAnEpoch - seconds)} left`;
  return `epoch ${epoch}/${epochs} running for ${secondsText(seconds)}${left}`;
}

function endText(folder: string, { end, completedEpochs, epochs, best }: FollowedTraining): string {
  const reached = best === undefined ? '' : `; best ${percent(best.glossAccuracy)} (epoch ${best.epoch})`;
  const resume = `npm run train -- --resume ${shellWord(folder)}`;
  const said = {
    finished: `finished: ${epochs} epochs`,
    stopped: `it ended after epoch ${completedEpochs} of ${epochs}, early or because it was asked to; it goes on with: ${resume}`,
    killed: `its process was killed after epoch ${completedEpochs} of ${epochs}; go on with: ${resume}`,
  }[end];
  return `${said}${reached}`;
}
