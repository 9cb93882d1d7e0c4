import type { TransformDescription } from './data-settings';
import { choice, numberFrom, positiveNumber, setting, settingOrNone, wholeNumber, type SettingProblem, type ValueKind } from './setting';
import type { z } from 'zod';

const group = 'Augmentation';

type NumberOrNone = z.ZodDefault<z.ZodNullable<z.ZodType<number>>>;

const share = numberFrom(0, 1);

/** The share of clips that a part changes. @param what goes on "Share of the training clips". */
const clips = (what: string): NumberOrNone =>
  settingOrNone(share, 'what augment says', { group, description: `Share of the training clips ${what}. 0 turns it off.` });

const strength = (value: ValueKind<z.ZodType<number>>, description: string): NumberOrNone =>
  settingOrNone(value, 'what augment says', { group, description });

/** What can be done to clips of any numbers: features, and key points too. */
export const featureAugmentSettings = {
  augment: setting(choice(['none', 'light', 'strong']), 'none', {
    group,
    description:
      'How training clips are changed at random, otherwise in each epoch: a set of values for the settings of this group. Clips of validation and prediction stay as they are.',
    aliases: ['augmentation'],
  }),
  augment_noise: clips('to which normal noise is added'),
  augment_noise_std: strength(
    numberFrom(0),
    'Standard deviation of the noise, in the unit of the clips: for key points the width of the picture.',
  ),
  augment_time_mask: clips('of which a stretch of frames is zeroed'),
  augment_time_mask_share: strength(share, 'Share of the frames that is zeroed.'),
  augment_mixup: clips('that are mixed with another clip of their batch, values and labels alike (mixup, Zhang 2018)'),
  augment_mixup_alpha: strength(
    positiveNumber(),
    'How evenly mixup mixes: the shares are drawn from Beta(alpha, alpha), and the clip itself has the larger one. None is 0.2.',
  ),
  augment_cutmix: clips('of which a stretch of frames is that of another clip of their batch, its label by its share (CutMix, Yun 2019)'),
  augment_cutmix_alpha: strength(
    positiveNumber(),
    'How long the stretch of cutmix is: its share is drawn from Beta(alpha, alpha), at most half of the frames. None is 1.',
  ),
} as const;

/** What can be done to what a camera saw, key points or pictures. */
const mirrorSetting = {
  augment_mirror: clips(
    'that are mirrored, of key points hands and left and right points of body and face exchanged; for sets in which no sign differs from another by the hand alone',
  ),
} as const;

/** What can be done to clips of pictures that the model itself sees. */
export const pictureAugmentSettings = {
  ...mirrorSetting,
  augment_picture_crop: clips('of which a part of each picture, the same in all, is enlarged to the whole'),
  augment_picture_crop_share: strength(numberFrom(0, 0.9), 'How much shorter the sides of that part are at most, as a share.'),
  augment_picture_colour: clips('that are brighter or darker, of more or less contrast and colour'),
  augment_picture_colour_change: strength(
    share,
    'Most of that change: with 0.3 brightness, contrast and saturation are multiplied by 0.7 to 1.3 each.',
  ),
} as const;

/** What can be done to clips of key points. */
export const keypointAugmentSettings = {
  ...featureAugmentSettings,
  ...mirrorSetting,
  augment_speed: clips('that are made faster or slower'),
  augment_speed_change: strength(share, 'Most of that change: with 0.2 up to 1.2 times as fast, or as slow.'),
  augment_crop: clips('that lose frames at their start and end'),
  augment_crop_share: strength(numberFrom(0, 0.9), 'Most of the frames that are lost so, as a share.'),
  augment_time_warp: clips('of which one part is made faster and the other slower'),
  augment_time_warp_share: strength(numberFrom(0, 0.2), 'How far the moment between the two is moved at most, as a share of the frames.'),
  augment_shift: clips('that begin earlier or later, the first or last frame standing still'),
  augment_shift_share: strength(share, 'How far they are moved at most, as a share of the frames.'),
  augment_rotation: clips('that are turned in the picture'),
  augment_rotation_degrees: strength(numberFrom(0, 180), 'Most degrees by which they are turned, either way.'),
  augment_scale: clips('that are made larger or smaller'),
  augment_scale_change: strength(share, 'Most of that change: with 0.2 up to 1.2 times as large, or as small.'),
  augment_translation: clips('that are moved in the picture'),
  augment_translation_share: strength(numberFrom(0), 'Most by which they are moved along x and y, as a share of the picture.'),
  augment_perspective: clips('that are seen from a tilted camera'),
  augment_perspective_tilt: strength(
    numberFrom(0, 0.4),
    'How much nearer one edge of what is seen comes at most, and how much farther the other, as a share.',
  ),
  augment_finger_dropout: clips('in which fingers are missing'),
  augment_finger_dropout_fingers: strength(wholeNumber(1, 10), 'Most fingers, of both hands, that are missing throughout the clip.'),
  augment_hand_dropout: clips('in which a hand is missing for a while'),
  augment_hand_dropout_share: strength(share, 'Longest time without the hand, as a share of the frames.'),
  augment_keypoint_dropout: clips('in which single key points are missing'),
  augment_keypoint_dropout_share: strength(share, 'Share of the key points that are missing, each frame drawn anew.'),
} as const;

/** The share of clips that a part changes, and how strongly. */
type PartValues = readonly [probability: number, strength: number];

interface Part {
  /** What its strength is called: the end of a setting's name, and the transform's option. A part without has none. */
  readonly strength?: string;
  readonly light: PartValues;
  readonly strong: PartValues;
}

/**
 * The parts in the order in which they change a clip: its time, what the camera sees, what is found of it. Noise and time mask of `light` are the PyTorch
 * pipeline's.
 */
const PARTS: Readonly<Record<string, Part>> = {
  speed: { strength: 'change', light: [0.3, 0.1], strong: [0.5, 0.2] },
  crop: { strength: 'share', light: [0, 0.1], strong: [0.3, 0.1] },
  time_warp: { strength: 'share', light: [0, 0.1], strong: [0.3, 0.1] },
  shift: { strength: 'share', light: [0.2, 0.05], strong: [0.3, 0.1] },
  mirror: { light: [0, 1], strong: [0.3, 1] },
  picture_crop: { strength: 'share', light: [0.3, 0.1], strong: [0.5, 0.2] },
  picture_colour: { strength: 'change', light: [0.3, 0.1], strong: [0.5, 0.3] },
  rotation: { strength: 'degrees', light: [0.3, 5], strong: [0.5, 10] },
  scale: { strength: 'change', light: [0.3, 0.1], strong: [0.5, 0.2] },
  translation: { strength: 'share', light: [0.3, 0.05], strong: [0.5, 0.1] },
  perspective: { strength: 'tilt', light: [0, 0.1], strong: [0.3, 0.15] },
  noise: { strength: 'std', light: [0.3, 0.01], strong: [0.5, 0.01] },
  finger_dropout: { strength: 'fingers', light: [0, 2], strong: [0.2, 2] },
  hand_dropout: { strength: 'share', light: [0, 0.2], strong: [0.1, 0.25] },
  keypoint_dropout: { strength: 'share', light: [0, 0.05], strong: [0.2, 0.05] },
  time_mask: { strength: 'share', light: [0.1, 0.1], strong: [0.3, 0.1] },
};

/** Which parts change the clips that a model of several kinds is trained on, and what is said of the others. */
export interface UsableParts {
  readonly names: readonly string[];
  readonly others: string;
}

/** Features, also those of a backbone that stays as it is. */
export const FEATURE_PARTS: UsableParts = {
  names: ['noise', 'time_mask'],
  others:
    'changes pictures that the model itself sees, and these clips are features; leave it out, or train on frames with --no-freeze-backbone',
};

/** Pictures that the model itself sees. */
export const PICTURE_PARTS: UsableParts = {
  names: ['mirror', 'picture_crop', 'picture_colour', 'time_mask'],
  others: 'is of features, and these clips are pictures: leave it out; they have mirror, picture_crop, picture_colour and time_mask',
};

/** Settings of which those of {@link keypointAugmentSettings}, {@link pictureAugmentSettings} or {@link featureAugmentSettings} are some. */
type AugmentSettings = Readonly<Record<string, unknown>> & { readonly augment: 'none' | 'light' | 'strong' };

/**
 * The transforms that change training clips at random, of the parts that the model has settings for. None where all are off.
 * @param usable where not all of these change the clips at hand: those that do.
 */
export function augmentations(settings: AugmentSettings, usable?: UsableParts): TransformDescription[] {
  return partsOf(settings).flatMap(([name, part]) => {
    const { probability, strength } = valuesOf(settings, name, part);
    if (probability === 0 || usable?.names.includes(name) === false) return [];
    return [{ name, p: probability, ...(part.strength === undefined ? {} : { [part.strength]: strength }) }];
  });
}

/** The ways to mix clips of a batch, each with its alpha unless told otherwise. No preset mixes. */
const MIXTURES = { mixup: 0.2, cutmix: 1 } as const;

/** The transform that mixes clips of a batch with each other, after what makes the people in them alike; none where that is off. */
export function mixing(settings: AugmentSettings): TransformDescription[] {
  const shareOf = (name: keyof typeof MIXTURES): number => numberAt(settings, `augment_${name}`) ?? 0;
  const alphaOf = (name: keyof typeof MIXTURES): number => numberAt(settings, `augment_${name}_alpha`) ?? MIXTURES[name];
  const [mixup, cutmix] = [shareOf('mixup'), shareOf('cutmix')];
  if (mixup + cutmix === 0) return [];
  return [{ name: 'mix', mixup, mixup_alpha: alphaOf('mixup'), cutmix, cutmix_alpha: alphaOf('cutmix') }];
}

/** A strength that is given where nothing has it is a mistake: its part is off, or none that changes such clips. */
export function checkAugmentation(settings: AugmentSettings, usable?: UsableParts): SettingProblem[] {
  const idle = partsOf(settings).flatMap(([name, part]) => {
    const [switchKey, key] = [`augment_${name}`, strengthKey(name, part)];
    if (usable?.names.includes(name) === false) {
      const given = [switchKey, key].find((asked) => (numberAt(settings, asked) ?? 0) > 0);
      return given === undefined ? [] : [{ key: given, text: usable.others }];
    }
    if (numberAt(settings, key) === undefined || numberAt(settings, switchKey) !== undefined) return [];
    if (valuesOf(settings, name, part).probability > 0) return [];
    const text = `changes nothing while ${switchKey} is 0; give the share of clips that it is for, as ${switchKey} 0.3, or augment light or strong`;
    return [{ key, text }];
  });
  return [...idle, ...checkMixing(settings)];
}

/** A clip is mixed in one way, and an alpha that no clip is mixed with is a mistake. */
function checkMixing(settings: AugmentSettings): SettingProblem[] {
  const [mixup, cutmix] = [numberAt(settings, 'augment_mixup') ?? 0, numberAt(settings, 'augment_cutmix') ?? 0];
  const idle = Object.keys(MIXTURES)
    .filter((name) => numberAt(settings, `augment_${name}_alpha`) !== undefined && numberAt(settings, `augment_${name}`) === undefined)
    .map((name) => ({
      key: `augment_${name}_alpha`,
      text: `changes nothing while augment_${name} is 0; give the share of clips that are mixed, as augment_${name} 0.5`,
    }));
  if (mixup + cutmix <= 1) return idle;
  const text = (other: string, share: number): string =>
    `a clip is mixed in one way: expected at most ${1 - share}, for ${other} is ${share}`;
  return [
    ...idle,
    {
      key: 'augment_cutmix',
      text: text('augment_mixup', mixup),
      or: { key: 'augment_mixup', text: text('augment_cutmix', cutmix) },
    },
  ];
}

function partsOf(settings: AugmentSettings): (readonly [name: string, part: Part])[] {
  return Object.entries(PARTS).filter(([name]) => Object.hasOwn(settings, `augment_${name}`));
}

function valuesOf(settings: AugmentSettings, name: string, part: Part): { readonly probability: number; readonly strength: number } {
  const [probability, strength] = settings.augment === 'none' ? [0, part.light[1]] : part[settings.augment];
  return {
    probability: numberAt(settings, `augment_${name}`) ?? probability,
    strength: numberAt(settings, strengthKey(name, part)) ?? strength,
  };
}

function strengthKey(name: string, { strength = '' }: Part): string {
  return `augment_${name}_${strength}`;
}

/** A setting's number; undefined where it is left out. */
function numberAt(settings: AugmentSettings, key: string): number | undefined {
  const value = settings[key];
  return typeof value === 'number' ? value : undefined;
}
