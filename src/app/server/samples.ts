import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { readCollection } from '../../data/collections/read-collection';
import { demoSetOfWidth } from '../../data/demo/sets';
import { formatNpz } from '../../data/npz';
import type { Recogniser } from '../../evaluation/recogniser';
import { UserError } from '../../foundation/errors';
import { elementAt, required } from '../../foundation/required';
import { RequestProblem } from './problem';
import type { LoadedForUse } from './served-models';

/** How many clips are offered to try a model on. */
const OFFERED = 12;

/** A clip to try a model on. */
interface Sample {
  readonly name: string;
  /** The sign that it shows. */
  readonly gloss: string | undefined;
  readonly read: () => Promise<Uint8Array>;
}

/** Clips to try a model on, and where they are from. */
export interface Samples {
  readonly source: string;
  readonly clips: readonly Sample[];
}

/**
 * Clips to try a model on: of the validation data that it was trained with, where that is still there; of the demo set where it was trained on that, or where no
 * other are there. None where there is no demo set of such clips.
 */
export function samplesFor({ recogniser }: LoadedForUse): Promise<Samples> {
  const known = found.get(recogniser) ?? findSamples(recogniser);
  found.set(recogniser, known);
  return known;
}

/** What was found for the models in memory. */
const found = new WeakMap<Recogniser, Promise<Samples>>();

async function findSamples({ trainedOn: { source, seed }, width }: Recogniser): Promise<Samples> {
  const own = source === undefined ? undefined : await samplesOfFolder(source);
  return own ?? demoSamples(width, seed);
}

/** One of {@link samplesFor} by its place. @throws RequestProblem where there is none. */
export function sampleAt({ clips }: Samples, place: number): Sample {
  const sample = clips[place];
  if (sample === undefined) throw new RequestProblem(404, `sample: expected 0 to ${clips.length - 1}, found ${place}`);
  return sample;
}

/** Clips of a data folder; undefined where it is no such folder any more. */
async function samplesOfFolder(folder: string): Promise<Samples | undefined> {
  try {
    const { clips, names } = await readCollection(folder);
    const files = clips.filter(({ file }) => file.endsWith('.npz'));
    const validation = files.filter(({ split }) => split === 'validation');
    const offered = spread(validation.length > 0 ? validation : files, ({ label }) => label.gloss).map(({ file, label }) => ({
      name: path.basename(file),
      gloss: names.gloss[label.gloss],
      read: () => readFile(file),
    }));
    return offered.length === 0 ? undefined : { source: folder, clips: offered };
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Clips of the synthetic demo set. */
function demoSamples(width: number, seed: number): Samples {
  const set = demoSetIfAny(width);
  if (set === undefined) return { source: 'none', clips: [] };
  const { validation, labels } = set.dataset({ seed, clipsPerGloss: 0, validationClipsPerGloss: 1 });
  const clips = spread(
    validation.entries.map((entry, place) => ({ entry, place })),
    ({ entry }) => entry.gloss,
  ).map(({ entry, place }) => ({
    name: `${entry.name}.npz`,
    gloss: labels.gloss[entry.gloss],
    read: () => {
      const values = elementAt(required(validation.values, 'the values of the demo set'), place);
      return Promise.resolve(formatNpz(set.clipArrays(entry, values, labels)));
    },
  }));
  return { source: 'the synthetic demo set', clips };
}

function demoSetIfAny(width: number): ReturnType<typeof demoSetOfWidth> | undefined {
  try {
    return demoSetOfWidth(width);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Some of many clips, each of another sign as far as there are so many, at even distances. */
function spread<Item>(items: readonly Item[], signOf: (item: Item) => number): Item[] {
  const firsts = [...new Map(items.toReversed().map((item) => [signOf(item), item])).values()].reverse();
  const count = Math.min(OFFERED, firsts.length);
  return Array.from({ length: count }, (_, place) => elementAt(firsts, Math.floor((place * firsts.length) / count)));
}
