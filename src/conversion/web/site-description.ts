import type { PlainRecord } from '../../checkpoint/training-checkpoint';
import type { Clip } from '../../data/clip';
import { valuesNamed } from '../../engine/parameters';
import type { Program } from '../../engine/program';
import type { LoadedModel } from '../../evaluation/loaded-model';
import { logitsOf, readyClip } from '../../evaluation/predict-clips';
import { RandomStream } from '../../foundation/random';

/** The file beside an exported page that says what its model is. */
export const DESCRIPTION_FILE = 'model.json';

/** What {@link DESCRIPTION_FILE} holds: all that a prediction needs beside the weights. */
export interface SiteDescription {
  readonly format: 'kumpas-site';
  readonly version: 1;
  /** What the model is called, for people. */
  readonly title: string;
  /** A checkpoint's config: the model's shape, the names of the classes, what clips go through before the model sees them, its key points. */
  readonly config: PlainRecord;
  /** The array of a clip's file that the model reads. */
  readonly key: string;
  readonly weights: { readonly file: string; readonly bytes: number };
  /** Whether it was trained on the synthetic demo set, whose signs are made up. */
  readonly synthetic: boolean;
  /** What it gives for {@link checkClip}: a browser that gives something else is not to be believed. */
  readonly check: Logits;
  readonly samples: readonly SiteSample[];
}

/** A clip to try the page on. */
interface SiteSample {
  readonly file: string;
  readonly name: string;
  readonly gloss: string | undefined;
}

/** What a model gives for one clip, a number for each class. */
export interface Logits {
  readonly gloss: readonly number[];
  readonly category: readonly number[];
}

/** How far the logits of a browser may be from those of the machine that exported the model. */
export const CLOSE_ENOUGH = 1e-3;

const CHECK_FRAMES = 24;

/** What a model gives for a clip that nobody recorded: the same numbers on every machine, as key points are from 0 to 1. */
export function checkLogits(program: Program, loaded: LoadedModel): Logits {
  const random = new RandomStream(CHECK_FRAMES, loaded.clipWidth);
  const values = Float32Array.from({ length: CHECK_FRAMES * loaded.clipWidth }, () => random.uniform(0.05, 0.95));
  return clipLogits(program, loaded, { values, frames: CHECK_FRAMES });
}

/** What a model gives for a clip. */
function clipLogits(program: Program, loaded: LoadedModel, clip: Clip): Logits {
  const outputs = logitsOf(program, loaded, [readyClip(loaded, 'the clip of the check', clip)]);
  return { gloss: [...valuesNamed(outputs, 'gloss_logits')], category: [...valuesNamed(outputs, 'category_logits')] };
}

/** The largest difference between two models' logits of one clip; not a number where they are not as many. */
export function differenceOf(one: Logits, other: Logits): number {
  const differences = (['gloss', 'category'] as const).map((head) =>
    one[head].length === other[head].length ? Math.max(...one[head].map((logit, id) => Math.abs(logit - (other[head][id] ?? NaN)))) : NaN,
  );
  return Math.max(...differences);
}
