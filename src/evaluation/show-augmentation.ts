import path from 'node:path';
import {
  augmentations,
  featureAugmentSettings,
  keypointAugmentSettings,
  PICTURE_PARTS,
  pictureAugmentSettings,
} from '../config/augment-settings';
import type { TransformDescription } from '../config/data-settings';
import { isSameLayout, layoutInWords, type KeypointLayout } from '../config/keypoint-layout';
import { checkOptions, type OptionsInput } from '../config/layers';
import { choice, option, requiredOption, setting, text, wholeNumber } from '../config/setting';
import type { Clip } from '../data/clip';
import { openNpz } from '../data/npz';
import { readPictures } from '../data/pictures';
import { kindOfPlace } from '../data/places';
import { blended, spliced } from '../data/transforms/mixing';
import { TransformPipeline } from '../data/transforms/pipeline';
import { writeFileAtomically } from '../foundation/atomic-file';
import { UserError } from '../foundation/errors';
import { RandomStream } from '../foundation/random';
import { elementAt } from '../foundation/required';
import { PICTURE_SIZE } from '../models/inception/backbone';
import { readShownClip, showOptions } from './show-clip';
import type { ShownClip } from './shown-clip';

const group = 'Picture';

/** The options of {@link showAugmentation}, each a flag of the command `data augment`. */
export const showAugmentationOptions = {
  input: requiredOption(text('a clip (.npz), or a folder of pictures'), { group, description: 'A clip of key points, or of pictures.' }),
  out: requiredOption(
    { ...text('a name that ends in .png'), expected: 'the picture to write, as sheet.png' },
    {
      group,
      description: 'The picture to write: a row for each part, above them the clip as it is, below them all parts as training draws them.',
      aliases: ['o'],
    },
  ),
  augment: setting(choice(['light', 'strong']), 'strong', { group, description: 'Whose strengths are shown: --augment of train.' }),
  with: option(text('a clip (.npz)'), {
    group,
    description:
      'Another clip of the same key points: there are rows of both mixed, as augment_mixup and augment_cutmix of train mix clips of a batch.',
  }),
  seed: setting(wholeNumber(0, 2 ** 31 - 1), 42, { group, description: 'Decides what is drawn.' }),
  frames: setting(wholeNumber(2, 40), 6, { group, description: 'Frames in a row, from the first to the last.' }),
  size: setting(wholeNumber(60, 1000), 240, { group, description: 'Height of a figure, in pixels.' }),
  kp_key: showOptions.kp_key,
  frames_key: setting(text('the name of an array'), 'frames', { group, description: 'The array that holds the pictures.' }),
} as const;

/** What {@link showAugmentation} is asked for. */
export type ShowAugmentationOptions = OptionsInput<typeof showAugmentationOptions>;

/** A picture of what augmentation does. */
export interface ShownAugmentation {
  readonly picture: string;
  /** The parts of which there is a row, by their names in the settings: `rotation` of `augment_rotation`. */
  readonly parts: readonly string[];
  /** Parts that cannot change such clips, and why. */
  readonly leftOut: readonly { readonly part: string; readonly problem: string }[];
}

/** How a row shows the whole: an epoch's own draw. */
const EPOCH = 1;

/**
 * Draws what each part of an augmentation does to a clip, of key points or of pictures: a row each, in which it is certain to change the clip, and a last row with all of them
 * as a training draws them in its first epoch. All rows of key points are drawn in one view, so that what was moved or scaled is seen.
 * @throws UserError where a clip cannot be read, or has neither key points nor pictures, or the other clip has not the key points of the first.
 */
export async function showAugmentation(options: ShowAugmentationOptions): Promise<ShownAugmentation> {
  const checked = checkOptions(showAugmentationOptions, { source: 'showAugmentation()', values: options });
  const { input, out, with: other, seed, frames, size, kp_key, frames_key } = checked;
  if (!out.toLowerCase().endsWith('.png')) throw new UserError(`--out ${out}: expected a name that ends in .png`);
  const pictures = await readPictureClip(input, frames_key);
  if (pictures !== undefined) {
    if (other !== undefined)
      throw new UserError(`--with ${other}: clips of key points are shown mixed, and ${input} is of pictures; leave it out`);
    const changes = changesOf(
      pictures,
      undefined,
      augmentations({ ...everyPart({ ...featureAugmentSettings, ...pictureAugmentSettings }), ...checked }, PICTURE_PARTS),
      checked,
    );
    const { pictureSheet } = await import('./pictures/picture-sheet.js'); // With the canvas: only when something is drawn.
    const rows = [
      { ...pictures, title: path.basename(input), detail: 'as it is' },
      ...changes.rows.map(({ clip, ...texts }) => ({ ...clip, ...texts })),
    ];
    return written(out, pictureSheet(rows, size, frames), changes);
  }
  const { shown } = await readShownClip(input, { kp_key, aspect: undefined });
  if (shown === undefined) throw new UserError(`${input}: it has no key points "${kp_key}" to change, and no pictures "${frames_key}"`);
  const changes = changesOf(shown, shown.layout, augmentations({ ...everyPart(keypointAugmentSettings), ...checked }), checked);
  const rows: ShownClip[] = [
    { ...shown, gloss: shown.gloss ?? shown.name, name: 'as it is' },
    ...changes.rows.map(({ clip, title, detail }) => rowOf(shown, clip, title, detail)),
  ];
  if (other !== undefined) rows.push(...mixedRows(shown, await readPartner(other, shown, kp_key), seed));
  const { clipSheet } = await import('./pictures/clip-film.js');
  return written(out, clipSheet(rows, size, frames, together(rows)), changes);
}

/** A clip of pictures, a folder of them or an `.npz`; undefined where the input is none. */
async function readPictureClip(input: string, key: string): Promise<Clip | undefined> {
  const kind = await kindOfPlace(input);
  const isPictures = kind === 'folder' || (kind === 'file' && /\.npz$/i.test(input) && (await openNpz(input)).has(key));
  if (!isPictures) return undefined;
  const pixels = await readPictures(input, { key, side: PICTURE_SIZE });
  return { values: Float32Array.from(pixels), frames: pixels.length / (PICTURE_SIZE * PICTURE_SIZE * 3) };
}

/** Settings of the augmentation that say nothing: all parts are as the preset has them. */
function everyPart(settings: Readonly<Record<string, unknown>>): Readonly<Record<string, null>> {
  return Object.fromEntries(Object.keys(settings).map((key) => [key, null]));
}

/** What the parts make of a clip, each as if it were certain, and all of them together. */
interface Changes extends Pick<ShownAugmentation, 'parts' | 'leftOut'> {
  readonly rows: readonly { readonly clip: Clip; readonly title: string; readonly detail: string }[];
}

function changesOf(
  clip: Clip,
  layout: KeypointLayout | undefined,
  descriptions: readonly TransformDescription[],
  { augment, seed }: { readonly augment: string; readonly seed: number },
): Changes {
  const rows: Changes['rows'][number][] = [];
  const leftOut: { part: string; problem: string }[] = [];
  const usable: TransformDescription[] = [];
  const randomness = { seed, epoch: EPOCH };
  for (const description of descriptions) {
    try {
      const changed = TransformPipeline.of([{ ...description, p: 1 }], layout).apply(clip, 0, randomness);
      rows.push({ clip: changed, title: description.name, detail: strengthText(description) });
      usable.push(description);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      leftOut.push({ part: description.name, problem: error.message });
    }
  }
  const all = TransformPipeline.of(usable, layout).apply(clip, 0, randomness);
  rows.push({ clip: all, title: `--augment ${augment}`, detail: `as drawn in epoch ${EPOCH}, seed ${seed}` });
  return { rows, parts: usable.map(({ name }) => name), leftOut };
}

function written(picture: string, png: Buffer, { parts, leftOut }: Changes): ShownAugmentation {
  writeFileAtomically(picture, (append) => {
    append(png);
  });
  return { picture, parts, leftOut };
}

async function readPartner(file: string, first: ShownClip, kp_key: string): Promise<ShownClip> {
  const { shown } = await readShownClip(file, { kp_key, aspect: undefined });
  if (shown !== undefined && isSameLayout(shown.layout, first.layout)) return shown;
  const found = shown === undefined ? `no key points "${kp_key}"` : layoutInWords(shown.layout);
  throw new UserError(`--with ${file}: expected ${layoutInWords(first.layout)} as the first clip has, found ${found}`);
}

/** Half of each: a training mostly draws less of the other. */
const MIXED_SHARE = 0.5;

/** The other clip, and both mixed in each way. */
function mixedRows(shown: ShownClip, other: ShownClip, seed: number): ShownClip[] {
  const cut = spliced(shown, other, MIXED_SHARE, new RandomStream(seed));
  return [
    { ...other, gloss: other.gloss ?? other.name, name: 'the other clip' },
    rowOf(shown, blended(shown, other, MIXED_SHARE, shown.layout), 'mixup', 'half of each'),
    rowOf(shown, cut.clip, 'cutmix', `${Math.round(100 * (1 - cut.share))} % the other's`),
  ];
}

/** A clip after a change, with what was done in its captions. */
function rowOf(before: ShownClip, after: Clip, title: string, detail: string): ShownClip {
  const [first, last] = [elementAt(before.timestampsMs, 0), elementAt(before.timestampsMs, before.frames - 1)];
  const milliseconds = before.frames < 2 ? 0 : (last - first) / (before.frames - 1);
  return {
    ...before,
    ...after,
    mask: undefined,
    timestampsMs: Array.from({ length: after.frames }, (_, frame) => frame * milliseconds),
    gloss: title,
    name: detail,
  };
}

/** `degrees 10`: how strongly a part changes clips; nothing for one that only is or is not. */
function strengthText({ name, p, ...strength }: TransformDescription): string {
  const [found] = Object.entries(strength);
  const share = typeof p === 'number' ? `p ${p}` : name;
  return found === undefined ? share : `${share}, ${found.join(' ')}`;
}

/** All the frames of clips as one clip: what a common view must hold. */
function together(clips: readonly ShownClip[]): Clip {
  const values = new Float32Array(clips.reduce((sum, clip) => sum + clip.values.length, 0));
  let at = 0;
  for (const clip of clips) {
    values.set(clip.values, at);
    at += clip.values.length;
  }
  return { values, frames: clips.reduce((sum, { frames }) => sum + frames, 0) };
}
