import { readChecked } from '../../data/clip';
import { demoSetOfWidth } from '../../data/demo/sets';
import type { NpyArray } from '../../data/npy-array';
import { formatNpz } from '../../data/npz';
import { openClipArrays } from '../../data/places';
import { clipFiles } from '../../evaluation/input-clips';
import type { LoadedModel } from '../../evaluation/loaded-model';
import { readShownClip } from '../../evaluation/show-clip';
import { nameOfClip } from '../../evaluation/shown-clip';
import { UserError } from '../../foundation/errors';
import { elementAt, required } from '../../foundation/required';

/** A clip to try an exported page on. */
export interface SampleClip {
  /** Where it lies in the page's folder. */
  readonly place: string;
  readonly name: string;
  /** The sign that it shows, where its file says so. */
  readonly gloss: string | undefined;
  readonly bytes: Uint8Array;
}

const MOST = 50;
/** How many of the demo set are taken. */
const OF_DEMO = 8;
/** What of a clip's file goes with it, beside the values. The rest stays: it may tell who was filmed. */
const KEPT_ARRAYS = ['mask', 'timestamps_ms'];
const KEPT_FACTS = ['order', 'dims_per_frame', 'keypoints_total', 'target_fps', 'fps', 'width', 'height', 'synthetic'];

/**
 * The clips that a page has to try it on: those that are named; of a model that was trained on the synthetic demo set some of that, for nobody was filmed there.
 * @throws UserError where one cannot be used by the model, or there are too many.
 */
export async function samplesOf(loaded: LoadedModel, key: string, inputs: readonly string[]): Promise<SampleClip[]> {
  if (inputs.length === 0) return loaded.data['synthetic'] === true ? demoSamples(loaded.clipWidth) : [];
  const files = await clipFiles(inputs);
  if (files.length > MOST) throw new UserError(`--samples: ${files.length} clips; at most ${MOST} go with a page`);
  const samples: SampleClip[] = [];
  for (const [at, file] of files.entries()) samples.push(await sampleOf(loaded, key, file, placeOf(at)));
  return samples;
}

function placeOf(at: number): string {
  return `samples/${at + 1}.npz`;
}

async function sampleOf({ file: model, clipWidth, keypoints }: LoadedModel, key: string, file: string, place: string): Promise<SampleClip> {
  await readChecked(file, { key, width: clipWidth, keypoints, saidBy: `as ${model} takes them` });
  const { facts } = await readShownClip(file, { kp_key: key });
  const opened = await openClipArrays(file, key);
  const arrays: Record<string, NpyArray> = {};
  for (const name of [key, ...KEPT_ARRAYS]) if (opened.has(name)) arrays[name] = await opened.read(name);
  const said = Object.entries(facts.meta as Readonly<Record<string, unknown>>).filter(([name]) => KEPT_FACTS.includes(name));
  const meta = { ...Object.fromEntries(said), ...(facts.gloss === undefined ? {} : { gloss: facts.gloss }) };
  const bytes = formatNpz({ ...arrays, meta: { dtype: 'text', shape: [], values: [JSON.stringify(meta)] } });
  return { place, name: nameOfClip(file), gloss: facts.gloss, bytes };
}

function demoSamples(width: number): SampleClip[] {
  const set = demoSetOfWidth(width);
  const { validation, labels } = set.dataset({ seed: 42, clipsPerGloss: 1, validationClipsPerGloss: 1 });
  const step = Math.max(1, Math.floor(validation.entries.length / OF_DEMO));
  return Array.from({ length: Math.min(OF_DEMO, validation.entries.length) }, (_, at) => {
    const entry = elementAt(validation.entries, at * step);
    const values = elementAt(required(validation.values, 'the values of the demo set'), at * step);
    return {
      place: placeOf(at),
      name: entry.name,
      gloss: labels.gloss[entry.gloss],
      bytes: formatNpz(set.clipArrays(entry, values, labels)),
    };
  });
}
