import { commandLineSource } from '../config/layers';
import { cacheFolder } from '../foundation/caches';
import { bytesText } from '../foundation/text';
import type { MeasuredBatchSizes } from '../training/measure-batch-sizes';
import { showLoading } from './progress';
import { columns, paceText } from './quantities';
import { trainFlagKeys, type TrainCommandLine } from './run-training';
import { CLEAR_LINE, draw, type Terminal } from './terminal';

/**
 * Measures which batch size the training that was typed should have, and says it.
 * @returns what would have been typed to train with that size.
 */
export async function withMeasuredBatchSize(typed: TrainCommandLine, { output, errors }: Terminal): Promise<TrainCommandLine> {
  const { measureBatchSizesWith } = await import('../training/measure-batch-sizes.js'); // With TensorFlow: only when it is needed.
  const loading = showLoading(errors);
  const settings = { source: commandLineSource, values: typed.settings, otherFlags: trainFlagKeys };
  const found = await measureBatchSizesWith(
    { settings, config: typed.configFile, reading: typed.reading },
    {
      // Notes and warnings come again when it is trained.
      onEvent: (event) => {
        if (event.kind === 'clips-read') loading(event.done, event.total);
        else if (event.kind === 'batch-size-measured' && errors.isTTY === true)
          draw(errors, `${CLEAR_LINE}batch size ${event.batchSize}  ${paceText(event.clipsPerSecond)}`);
      },
      ...(typed.models === undefined ? {} : { models: typed.models }),
      verbose: typed.verbose,
      cacheFolder: cacheFolder(process.env),
    },
  );
  if (errors.isTTY === true) draw(errors, CLEAR_LINE);
  output.write(`${measuredText(found).join('\n')}\n`);
  return { ...typed, settings: { ...typed.settings, batch_size: String(found.batchSize) } };
}

/** The sizes with their pace and memory, which is taken, and why no larger one. */
export function measuredText({ measured, batchSize, end }: MeasuredBatchSizes): string[] {
  const largest = measured.at(-1)?.batchSize ?? batchSize;
  const why: Readonly<Record<MeasuredBatchSizes['end'], string>> = {
    'no gain': `${largest} is less than 5 % faster`,
    'memory foretold': `${2 * largest} would take more than 70 % of the free memory`,
    'memory refused': `the memory does not suffice for ${2 * largest}`,
    'all clips': `there are not ${2 * largest} training clips`,
    interrupted: 'it was interrupted there',
  };
  const rows = measured.map((one) => [String(one.batchSize), paceText(one.clipsPerSecond), bytesText(one.memoryMb * 1e6)]);
  return [
    ...columns([['batch size', 'pace', 'memory'], ...rows]),
    `trains with --batch-size ${batchSize}: ${why[end]}; the learning rate stays as it is`,
  ];
}
