import { RandomStream } from '../../foundation/random';
import { elementAt } from '../../foundation/required';
import type { ClipEntry, ClipSet, Dataset } from '../clip-set';
import { demoClipName, demoDatasetOf, type DemoOptions } from './generate';
import { demoLabels, type DemoLabels } from './signs';
import { minimumJerk } from './skeleton';

/** Numbers a frame of the demo set of features: as many as InceptionV3 gives. */
export const demoFeatureWidth = 2048;

/** How many things vary in a frame: some tell signs apart, the rest are the person's and the room's. */
const [signal, nuisance] = [20, 12] as const;
const hidden = signal + nuisance;
/** Postures that signs are made of. */
const postures = 14;
const frames = { least: 12, most: 24 } as const;

/** Name the random streams that are drawn from. */
const streams = { signs: 0x7369676e, training: 0x666561, validation: 0x666562 } as const;

/**
 * The embedded demo set of features: 105 made-up signs in 10 categories under the names of real glosses. No picture was filmed and no network saw one: a
 * generator moves a point through a space of postures and mixes its place into 2048 numbers that are, as InceptionV3's are, never negative and often zero.
 * Several signs of a category share their postures and differ in their order alone. A function of its options.
 */
export function featureDemoDataset({ seed, clipsPerGloss = 6, validationClipsPerGloss = 2 }: DemoOptions): Dataset {
  const { categoryOfGloss, ...labels } = demoLabels();
  const world = new FeatureWorld({ categoryOfGloss, ...labels });
  const train = renderSplit('train', world, clipsPerGloss, new RandomStream(seed, streams.training));
  const validation = renderSplit('val', world, validationClipsPerGloss, new RandomStream(seed, streams.validation));
  return demoDatasetOf(train, validation, labels);
}

function renderSplit(prefix: string, world: FeatureWorld, clipsPerGloss: number, random: RandomStream): ClipSet {
  const entries: ClipEntry[] = [];
  const values: Float32Array[] = [];
  const people = Array.from({ length: 6 }, () =>
    Float64Array.from({ length: hidden }, (_, place) => random.normal(0, place < signal ? 0.3 : 1)),
  );
  for (let clip = 0; clip < clipsPerGloss; clip++) {
    for (const [gloss, name] of world.labels.gloss.entries()) {
      const person = elementAt(people, (clip + gloss) % people.length);
      const rendered = world.render(gloss, person, random);
      entries.push({
        name: demoClipName(prefix, entries.length, name),
        file: '',
        frames: rendered.length / demoFeatureWidth,
        gloss,
        category: elementAt(world.labels.categoryOfGloss, gloss),
        occluded: false,
      });
      values.push(rendered);
    }
  }
  return { entries, width: demoFeatureWidth, values, key: 'X2048' };
}

/** What does not change from seed to seed: the signs, and how a place in the space of postures becomes features. */
class FeatureWorld {
  private readonly places: readonly Float64Array[];
  private readonly ofCategory: readonly Float64Array[];
  /** Of each gloss the postures that it goes through, one after the other. */
  private readonly paths: readonly (readonly Float64Array[])[];
  private readonly mixing: readonly Float32Array[];

  constructor(readonly labels: DemoLabels) {
    const random = new RandomStream(streams.signs);
    const place = (): Float64Array => Float64Array.from({ length: hidden }, (_, axis) => (axis < signal ? random.normal() : 0));
    this.places = Array.from({ length: postures }, place);
    this.ofCategory = labels.category.map(place);
    this.paths = pathsOf(labels, this.places);
    this.mixing = Array.from({ length: hidden }, () => Float32Array.from({ length: demoFeatureWidth }, () => random.normal(0, 0.25)));
  }

  /** One clip, `[frames, 2048]`: from posture to posture at a pace of its own, the category's own posture mixed in throughout. */
  render(gloss: number, person: Float64Array, random: RandomStream): Float32Array {
    const count = frames.least + random.below(frames.most - frames.least + 1);
    const haste = random.uniform(-0.15, 0.15);
    const path = elementAt(this.paths, gloss);
    const category = elementAt(this.ofCategory, elementAt(this.labels.categoryOfGloss, gloss));
    const values = new Float32Array(count * demoFeatureWidth);
    for (let frame = 0; frame < count; frame++) {
      const time = frame / (count - 1);
      const along = Math.min(0.9999, Math.max(0, time + haste * time * (1 - time) * 4)) * (path.length - 1);
      const [from, to] = [elementAt(path, Math.floor(along)), elementAt(path, Math.floor(along) + 1)];
      const share = minimumJerk(along % 1);
      const row = values.subarray(frame * demoFeatureWidth, (frame + 1) * demoFeatureWidth);
      row.fill(-0.1);
      for (let axis = 0; axis < hidden; axis++) {
        const moved = (from[axis] ?? NaN) * (1 - share) + (to[axis] ?? NaN) * share + 0.5 * (category[axis] ?? NaN);
        this.mixIn(row, axis, moved + (person[axis] ?? NaN) + random.normal(0, 0.3));
      }
      row.forEach((value, place) => {
        if (value < 0) row[place] = 0;
      });
    }
    return values;
  }

  private mixIn(row: Float32Array, axis: number, amount: number): void {
    const mixing = elementAt(this.mixing, axis);
    for (let place = 0; place < row.length; place++) row[place] = (row[place] ?? NaN) + amount * (mixing[place] ?? NaN);
  }
}

/** Two postures in either order are two signs: in each category the n-th gloss takes the n-th of all ordered pairs, in an order that keeps such twins together. */
function pathsOf({ gloss, categoryOfGloss }: DemoLabels, places: readonly Float64Array[]): Float64Array[][] {
  const pairs: [number, number][] = [];
  for (let step = 1; step < places.length; step++) {
    for (let first = 0; first + step < places.length; first++) pairs.push([first, first + step], [first + step, first]);
  }
  const counted = new Map<number, number>();
  return gloss.map((_, id) => {
    const category = elementAt(categoryOfGloss, id);
    const place = counted.get(category) ?? 0;
    counted.set(category, place + 1);
    const [first, second] = pairs[place % pairs.length] ?? [0, 1];
    return [places[first], places[second]].filter((posture) => posture !== undefined);
  });
}
