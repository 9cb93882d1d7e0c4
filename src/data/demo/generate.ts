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
import { KEYPOINT_WIDTH } from '../keypoints';
import { drawSigners, renderClip, type Signer } from './clip';
import { demoLabels, demoSigns, type SignRecipe } from './signs';

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
      const signer = signers[(clip + sign.gloss) % signers.length];
      if (signer === undefined) continue;
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
  return { entries, width: KEYPOINT_WIDTH, values, key: 'X' };
}

/** As `synthetic_train_0000_good_morning`. */
export function demoClipName(prefix: string, number: number, gloss: string): string {
  const word = gloss
    .toLowerCase()
    .replaceAll("'", '')
    .replaceAll(/[^a-z0-9]+/g, '_');
  return `synthetic_${prefix}_${String(number).padStart(4, '0')}_${word}`;
}

/** A demo set of clips that are at hand. */
export function demoDatasetOf(train: ClipSet, validation: ClipSet, labels: LabelNames): Dataset {
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
