import { augmentations, keypointAugmentSettings } from '../config/augment-settings';
import type { TransformDescription } from '../config/data-settings';
import { isSameLayout, layoutInWords } from '../config/keypoint-layout';
import { checkOptions, type OptionsInput } from '../config/layers';
import { choice, option, requiredOption, setting, text, wholeNumber } from '../config/setting';
import type { Clip } from '../data/clip';
import { blended, spliced } from '../data/transforms/mixing';
import { TransformPipeline } from '../data/transforms/pipeline';
import { writeFileAtomically } from '../foundation/atomic-file';
import { UserError } from '../foundation/errors';
import { RandomStream } from '../foundation/random';
import { elementAt } from '../foundation/required';
import type { ShownClip } from './pictures/clip-film';
import { readShownClip, showOptions } from './show-clip';

const group = 'Picture';

/** The options of {@link showAugmentation}, each a flag of the command `data augment`. */
export const showAugmentationOptions = {
  input: requiredOption(text('a clip (.npz)'), { group, description: 'A clip of key points.' }),
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
} as const;

/** What {@link showAugmentation} is asked for. */
export type ShowAugmentationOptions = OptionsInput<typeof showAugmentationOptions>;

/** A picture of what augmentation does. */
export interface ShownAugmentation {
  readonly picture: string;
  /** The parts of which there is a row, by their names in the settings: `rotation` of `augment_rotation`. */
  readonly parts: readonly string[];
  /** Parts that cannot change such key points, and why. */
  readonly leftOut: readonly { readonly part: string; readonly problem: string }[];
}

/** How a row shows the whole: an epoch's own draw. */
const EPOCH = 1;

/**
 * Draws what each part of an augmentation does to a clip: a row each, in which it is certain to change the clip, and a last row with all of them as a training draws them in
 * its first epoch. All rows are drawn in one view, so that what was moved or scaled is seen.
 * @throws UserError where a clip cannot be read or has no key points, or the other clip has not those of the first.
 */
export async function showAugmentation(options: ShowAugmentationOptions): Promise<ShownAugmentation> {
  const {
    input,
    out,
    augment,
    with: other,
    seed,
    frames,
    size,
    kp_key,
  } = checkOptions(showAugmentationOptions, {
    source: 'showAugmentation()',
    values: options,
  });
  if (!out.toLowerCase().endsWith('.png')) throw new UserError(`--out ${out}: expected a name that ends in .png`);
  const { shown } = await readShownClip(input, { kp_key, aspect: undefined });
  if (shown === undefined) throw new UserError(`${input}: it has no key points "${kp_key}" to change`);
  const every = Object.fromEntries(Object.keys(keypointAugmentSettings).map((key) => [key, null]));
  const descriptions = augmentations({ ...every, augment });
  const rows: ShownClip[] = [{ ...shown, gloss: shown.gloss ?? shown.name, name: 'as it is' }];
  const leftOut: { part: string; problem: string }[] = [];
  const usable: TransformDescription[] = [];
  for (const description of descriptions) {
    try {
      const changed = TransformPipeline.of([{ ...description, p: 1 }], shown.layout).apply(shown, 0, { seed, epoch: EPOCH });
      rows.push(rowOf(shown, changed, description.name, strengthText(description)));
      usable.push(description);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      leftOut.push({ part: description.name, problem: error.message });
    }
  }
  const all = TransformPipeline.of(usable, shown.layout).apply(shown, 0, { seed, epoch: EPOCH });
  rows.push(rowOf(shown, all, `--augment ${augment}`, `as drawn in epoch ${EPOCH}, seed ${seed}`));
  if (other !== undefined) rows.push(...mixedRows(shown, await readPartner(other, shown, kp_key), seed));
  const { clipSheet } = await import('./pictures/clip-film.js'); // With the canvas: only when something is drawn.
  const png = clipSheet(rows, size, frames, together(rows));
  writeFileAtomically(out, (append) => {
    append(png);
  });
  return { picture: out, parts: usable.map(({ name }) => name), leftOut };
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
