import { commandLineSource } from '../../config/layers';
import { readSettingsFile } from '../../config/settings-file';
import { UserError } from '../../foundation/errors';
import type { ModelDefinitions } from '../../models/model-table';
import type { SweepRequest } from '../../training/sweep/plan';
import type { Axis, VariedSettings } from '../../training/sweep/points';
import { optionalText, wholeNumber } from '../flags';
import type { TrainCommandLine } from '../run-training';

/**
 * The sweep that was asked for.
 * @param flags of what is varied, as they were typed.
 * @param otherFlags the command's flags that are no settings, by key.
 * @throws UserError for a flag that lacks its value, or has a wrong one.
 */
export async function sweepAsked(
  flags: Readonly<Record<string, unknown>>,
  typed: Pick<TrainCommandLine, 'settings' | 'configFile' | 'reading'>,
  models: ModelDefinitions,
  otherFlags: readonly string[],
): Promise<SweepRequest> {
  const { grid, ablate, random, 'loss-weights': lossWeights, folds, halving, seeds } = flags;
  const { switchedOff } = await import('../../training/sweep/points.js'); // With TensorFlow: only when it is needed.
  return {
    base: { source: commandLineSource, values: typed.settings, otherFlags },
    config: typed.configFile,
    reading: typed.reading,
    axes: axesOf(grid),
    typed: true,
    ablations: ablate === undefined ? undefined : ablationsOf(textsOf(ablate), (names) => switchedOff(names, models)),
    seeds: seedsOf(seeds),
    random: wholeNumber({ random }, 'random', 1),
    lossWeights: lossWeights === true,
    folds: wholeNumber({ folds }, 'folds', 2),
    halving: wholeNumber({ halving: halving === '' ? USUAL_HALVING : halving }, 'halving', 2),
  };
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** A third goes on where `--halving` says no number. */
const USUAL_HALVING = '3';

function axesOf(grid: unknown): Axis[] {
  const words = textsOf(grid).filter((word) => word !== '');
  if (grid !== undefined && words.length === 0)
    throw new UserError('--grid: expected settings and their values, as lr=1e-4,3e-4 dropout=0.1,0.3, found none');
  return words.map(axisOf);
}

/** `lr=1e-4,3e-4`; without values where there is no more than a name. */
function axisOf(word: string): Axis {
  const [name = '', ...rest] = word.split('=');
  const text = rest.join('=');
  return { name, values: text === '' ? [] : text.split(',') };
}

/** Files of named changes, and settings that are switched off. */
function ablationsOf(
  words: readonly string[],
  switchedOff: (names: readonly string[]) => Readonly<Record<string, VariedSettings>>,
): Readonly<Record<string, VariedSettings>> {
  const isFile = (word: string): boolean => word.endsWith('.json');
  const named = words.filter((word) => word !== '' && !isFile(word));
  return Object.assign(named.length === 0 ? {} : { ...switchedOff(named) }, ...words.filter(isFile).map(ablationFile)) as Readonly<
    Record<string, VariedSettings>
  >;
}

function ablationFile(file: string): Readonly<Record<string, VariedSettings>> {
  const { values } = readSettingsFile(file);
  const points = Object.entries(values).filter(([name]) => name !== '$schema');
  const wrong = points.filter(([, changes]) => typeof changes !== 'object' || changes === null || Array.isArray(changes));
  if (wrong.length > 0)
    throw new UserError(
      wrong
        .map(([name]) => `${file}: ${name}: expected settings, as {"augment": "none"}, found ${JSON.stringify(values[name])}`)
        .join('\n'),
    );
  return Object.fromEntries(points) as Readonly<Record<string, VariedSettings>>;
}

/** `3` is the seeds 1, 2 and 3; `7,8` are these. */
function seedsOf(value: unknown): readonly number[] | undefined {
  const text = optionalText({ seeds: value }, 'seeds');
  if (text === undefined) return undefined;
  const numbers = text.split(',').map((word) => (/^\d+$/.test(word.trim()) ? Number(word) : NaN));
  const [count] = numbers;
  const isCount = numbers.length === 1;
  if (count === undefined || numbers.some((seed) => !Number.isSafeInteger(seed)) || (isCount && (count < 1 || count > 1000)))
    throw new UserError(`--seeds: expected how many, from 1 to 1000, or seeds as 1,2,3, found "${text}"`);
  return isCount ? Array.from({ length: count }, (_, index) => index + 1) : numbers;
}
