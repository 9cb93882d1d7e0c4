import { commandLineSource } from '../config/layers';
import { cacheFolder } from '../foundation/caches';
import { shellWord } from '../foundation/text';
import type { FindRateEvent, FoundRates } from '../training/find-learning-rate';
import { watchForInterruption } from './exit';
import { showLoading } from './progress';
import { learningRateText, lossText } from './quantities';
import { trainFlagKeys, type TrainCommandLine } from './run-training';
import { CLEAR_LINE, draw, type Terminal } from './terminal';

/**
 * Tries learning rates for the training that was typed, and says which to take.
 * @param argv what was typed after `train`.
 * @param folder in which the picture and the table are written.
 * @returns the process's exit code.
 */
export async function runFindRates(typed: TrainCommandLine, argv: readonly string[], folder: string, terminal: Terminal): Promise<number> {
  const { findRates } = await import('../training/find-learning-rate.js'); // With TensorFlow: only when it is needed.
  const interruption = watchForInterruption(terminal.errors);
  const settings = { source: commandLineSource, values: typed.settings, otherFlags: trainFlagKeys };
  const request = { settings, config: typed.configFile, reading: typed.reading, resume: typed.resume === undefined ? undefined : 'newest' };
  try {
    const found = await findRates(request, folder, {
      signal: interruption.signal,
      onEvent: showTrials(terminal),
      ...(typed.models === undefined ? {} : { models: typed.models }),
      verbose: typed.verbose,
      cacheFolder: cacheFolder(process.env),
    });
    terminal.output.write(`${foundText(found, argv).join('\n')}\n`);
    return found.end === 'interrupted' ? (interruption.exitCode() ?? 1) : 0;
  } finally {
    interruption.end();
  }
}

function showTrials({ output, errors }: Terminal): (event: FindRateEvent) => void {
  const loading = showLoading(errors);
  return (event) => {
    if (event.kind === 'clips-read') loading(event.done, event.total);
    else if (event.kind !== 'rate-tried') output.write(`${event.text}\n`);
    else if (errors.isTTY === true)
      draw(
        errors,
        event.done === event.total
          ? CLEAR_LINE
          : `${CLEAR_LINE}${event.done}/${event.total} learning rates  lr ${learningRateText(event.rate)}  loss ${lossText(event.loss)}`,
      );
  };
}

/** What was found, and what to type. */
export function foundText({ tried, suggestion, basis, end, files }: FoundRates, argv: readonly string[]): string[] {
  const [first, last] = [tried[0], tried.at(-1)];
  if (first === undefined || last === undefined) return ['no learning rate was tried: the loss is no number from the start'];
  const stopped = end === 'diverged' ? ', where the loss ran away' : end === 'interrupted' ? ', where it was interrupted' : '';
  const range = `tried ${tried.length} learning rates from ${learningRateText(first.rate)} to ${learningRateText(last.rate)}${stopped}`;
  const written = files.length === 0 ? [] : [`written: ${files.join(', ')}`];
  if (end === 'interrupted') return [range, ...written];
  if (suggestion === undefined)
    return [
      range,
      ...written,
      'the loss falls at none of them: look at the picture; something else is wrong, or the batches are too small',
    ];
  const rate = suggestion.toPrecision(2).replace(/\.?0+$/, '');
  return [
    range,
    ...written,
    basis === 'steepest'
      ? `the loss falls fastest at ${learningRateText(suggestion)}`
      : `the loss falls nowhere further than it scatters from batch to batch; ${learningRateText(suggestion)} is a tenth of the rate at which it is least`,
    '',
    `npm run train -- ${[...withoutRates(argv).map(shellWord), '--lr', rate].join(' ')}`,
  ];
}

/** What was typed, without the flags that say a learning rate or ask for one. */
function withoutRates(argv: readonly string[]): string[] {
  const kept: string[] = [];
  const left = [...argv];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if (!/^--(find[-_]lr|lr|learning[-_]rate)(=|$)/.test(word)) kept.push(word);
    else if (!word.includes('=') && left[0]?.startsWith('-') === false) left.shift();
  }
  return kept;
}
