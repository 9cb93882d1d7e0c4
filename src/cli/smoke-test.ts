import { commandLineSource } from '../config/layers';
import { cacheFolder } from '../foundation/caches';
import { counted } from '../foundation/text';
import { showLoading } from './progress';
import { lossText, secondsText } from './quantities';
import { trainFlagKeys, type TrainCommandLine } from './run-training';
import type { Terminal } from './terminal';

/**
 * Runs a few batches of the training that was typed, and says that all went well.
 * @returns the process's exit code.
 */
export async function runSmokeTest(typed: TrainCommandLine, { output, errors }: Terminal): Promise<number> {
  const { smokeTestWith } = await import('../training/smoke-test.js'); // With TensorFlow: only when it is needed.
  const loading = showLoading(errors);
  const settings = { source: commandLineSource, values: typed.settings, otherFlags: trainFlagKeys };
  const request = { settings, config: typed.configFile, reading: typed.reading, resume: typed.resume === undefined ? undefined : 'newest' };
  const { model, clips, trainLoss, valLoss, seconds } = await smokeTestWith(request, {
    onEvent: (event) => {
      if (event.kind === 'clips-read') loading(event.done, event.total);
      else output.write(`${event.text}\n`);
    },
    ...(typed.models === undefined ? {} : { models: typed.models }),
    verbose: typed.verbose,
    cacheFolder: cacheFolder(process.env),
  });
  const data = `${counted(clips.training, 'training clip')}, ${counted(clips.validation, 'validation clip')}`;
  output.write(
    `OK: ${model}, ${data}; two batches of each in ${secondsText(seconds)}: loss ${lossText(trainLoss)}, val ${lossText(valLoss)}; nothing was written\n`,
  );
  return 0;
}
