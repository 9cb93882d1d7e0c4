import { KEYPOINT_WIDTH } from '../../config/data-settings';
import { HOLISTIC_78 } from '../../config/known-layouts';
import { RandomStream } from '../../foundation/random';
import { elementAt, required } from '../../foundation/required';
import {
  digestOfValues,
  fingerprint,
  type ClipEntry,
  type ClipSet,
  type Dataset,
  type FingerprintedClip,
  type LabelNames,
} from '../clip-set';
import { FEATURE_WIDTH } from '../keypoints';
import { drawSigners, renderClip, type Signer } from './clip';
import { demoLabels, demoSigns, type SignRecipe, type DemoLabels } from './signs';
import { minimumJerk } from './skeleton';

/** What the demo set is called wherever it is named. */
export const demoTitle = 'synthetic demo set';

/** Options of the demo sets. */
export interface DemoOptions {
  /** Decides who signs and how every clip turns out; the signs themselves stay the same. */
  readonly seed: number;
  /** Training clips of each gloss. */
  readonly clipsPerGloss?: number;
  /** Validation clips of each gloss, by signers that no training clip shows. */
  readonly validationClipsPerGloss?: number;
}

/**
 * The embedded demo set: 105 made-up signs in 10 categories under the names of real glosses, signed by a generator. Nothing in it was filmed, and no figure
 * reached on it says anything about a real sign language. It is a function of its options.
 */
export function demoDataset({ seed, clipsPerGloss = 6, validationClipsPerGloss = 2 }: DemoOptions): Dataset {
  const { categoryOfGloss, ...labels } = demoLabels();
  const signs = demoSigns({ categoryOfGloss, ...labels });
  const signers = drawSigners(seed);
  const train = renderSplit('train', signs, labels.gloss, signers.training, clipsPerGloss, new RandomStream(seed, streams.training));
  const validation = renderSplit(
    'val',
    signs,
    labels.gloss,
    signers.validation,
    validationClipsPerGloss,
    new RandomStream(seed, streams.validation),
  );
  return demoDatasetOf(train, validation, labels);
}

/** Name the random streams that clips are drawn from. */
const streams = { training: 1, validation: 2 } as const;

/** Every eighth clip or so is partly hidden. */
const occludedShare = 0.12;

function renderSplit(
  prefix: string,
  signs: readonly SignRecipe[],
  glossNames: readonly string[],
  signers: readonly Signer[],
  clipsPerGloss: number,
  random: RandomStream,
): ClipSet {
  const entries: ClipEntry[] = [];
  const values: Float32Array[] = [];
  for (let clip = 0; clip < clipsPerGloss; clip++) {
    for (const sign of signs) {
      const signer = elementAt(signers, (clip + sign.gloss) % signers.length);
      const occluded = random.uniform() < occludedShare;
      const rendered = renderClip(sign, signer, occluded, random);
      entries.push({
        name: demoClipName(prefix, entries.length, elementAt(glossNames, sign.gloss)),
        file: '',
        frames: rendered.length / KEYPOINT_WIDTH,
        gloss: sign.gloss,
        category: sign.category,
        occluded,
      });
      values.push(rendered);
    }
  }
  return { entries, width: KEYPOINT_WIDTH, keypoints: HOLISTIC_78, values, key: 'X' };
}

/** As `synthetic_train_0000_good_morning`. */
function demoClipName(prefix: string, number: number, gloss: string): string {
  const word = gloss
    .toLowerCase()
    .replaceAll("'", '')
    .replaceAll(/[^a-z0-9]+/g, '_');
  return `synthetic_${prefix}_${String(number).padStart(4, '0')}_${word}`;
}

/** A demo set of clips that are at hand. */
function demoDatasetOf(train: ClipSet, validation: ClipSet, labels: LabelNames): Dataset {
  const [trained, validated] = [fingerprintedClips('train', train), fingerprintedClips('validation', validation)];
  return {
    title: demoTitle,
    synthetic: true,
    train,
    validation,
    labels,
    givenLabels: labels,
    fingerprint: fingerprint([...trained, ...validated]),
    validationFingerprint: fingerprint(validated),
    leftOut: [],
  };
}

function fingerprintedClips(split: FingerprintedClip['split'], set: ClipSet): FingerprintedClip[] {
  return set.entries.map(({ name, gloss, category }, index) => {
    return { split, name, gloss, category, digest: digestOfValues(elementAt(required(set.values, 'the values of the demo set'), index)) };
  });
}

/** How many things vary in a frame: some tell signs apart, the rest are the person's and the room's. */
const [signal, nuisance] = [20, 12] as const;
const hidden = signal + nuisance;
/** Postures that signs are made of. */
const postures = 14;
const frames = { least: 12, most: 24 } as const;

/** Name the random featureStreams that are drawn from. */
const featureStreams = { signs: 0x7369676e, training: 0x666561, validation: 0x666562 } as const;

/**
 * The embedded demo set of features: 105 made-up signs in 10 categories under the names of real glosses. No picture was filmed and no network saw one: a
 * generator moves a point through a space of postures and mixes its place into 2048 numbers that are, as InceptionV3's are, never negative and often zero.
 * Several signs of a category share their postures and differ in their order alone. A function of its options.
 */
export function featureDemoDataset({ seed, clipsPerGloss = 6, validationClipsPerGloss = 2 }: DemoOptions): Dataset {
  const { categoryOfGloss, ...labels } = demoLabels();
  const world = new FeatureWorld({ categoryOfGloss, ...labels });
  const train = renderFeatures('train', world, clipsPerGloss, new RandomStream(seed, featureStreams.training));
  const validation = renderFeatures('val', world, validationClipsPerGloss, new RandomStream(seed, featureStreams.validation));
  return demoDatasetOf(train, validation, labels);
}

function renderFeatures(prefix: string, world: FeatureWorld, clipsPerGloss: number, random: RandomStream): ClipSet {
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
        frames: rendered.length / FEATURE_WIDTH,
        gloss,
        category: elementAt(world.labels.categoryOfGloss, gloss),
        occluded: false,
      });
      values.push(rendered);
    }
  }
  return { entries, width: FEATURE_WIDTH, values, key: 'X2048' };
}

/** What does not change from seed to seed: the signs, and how a place in the space of postures becomes features. */
class FeatureWorld {
  private readonly places: readonly Float64Array[];
  private readonly ofCategory: readonly Float64Array[];
  /** Of each gloss the postures that it goes through, one after the other. */
  private readonly paths: readonly (readonly Float64Array[])[];
  private readonly mixing: readonly Float32Array[];

  constructor(readonly labels: DemoLabels) {
    const random = new RandomStream(featureStreams.signs);
    const place = (): Float64Array => Float64Array.from({ length: hidden }, (_, axis) => (axis < signal ? random.normal() : 0));
    this.places = Array.from({ length: postures }, place);
    this.ofCategory = labels.category.map(place);
    this.paths = pathsOf(labels, this.places);
    this.mixing = Array.from({ length: hidden }, () => Float32Array.from({ length: FEATURE_WIDTH }, () => random.normal(0, 0.25)));
  }

  /** One clip, `[frames, 2048]`: from posture to posture at a pace of its own, the category's own posture mixed in throughout. */
  render(gloss: number, person: Float64Array, random: RandomStream): Float32Array {
    const count = frames.least + random.below(frames.most - frames.least + 1);
    const haste = random.uniform(-0.15, 0.15);
    const path = elementAt(this.paths, gloss);
    const category = elementAt(this.ofCategory, elementAt(this.labels.categoryOfGloss, gloss));
    const values = new Float32Array(count * FEATURE_WIDTH);
    for (let frame = 0; frame < count; frame++) {
      const time = frame / (count - 1);
      const along = Math.min(0.9999, Math.max(0, time + haste * time * (1 - time) * 4)) * (path.length - 1);
      const [from, to] = [elementAt(path, Math.floor(along)), elementAt(path, Math.floor(along) + 1)];
      const share = minimumJerk(along % 1);
      const row = values.subarray(frame * FEATURE_WIDTH, (frame + 1) * FEATURE_WIDTH);
      row.fill(-0.1);
      for (let axis = 0; axis < hidden; axis++) {
        const moved = elementAt(from, axis) * (1 - share) + elementAt(to, axis) * share + 0.5 * elementAt(category, axis);
        this.mixIn(row, axis, moved + elementAt(person, axis) + random.normal(0, 0.3));
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
    return elementAt(pairs, place % pairs.length).map((posture) => elementAt(places, posture));
  });
}
