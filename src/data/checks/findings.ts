import { elementAt } from '../../foundation/required';
import type { Run } from './robust-figures';

/** Whether clips cannot be trained on (error), can and probably should not (warning), or are only worth knowing of (note). */
export type Severity = 'error' | 'warning' | 'note';

interface FindingKind {
  readonly severity: Severity;
  /** What they have in common, as the heading over several of them. */
  readonly title: string;
  /** What to do about them. */
  readonly advice: string;
}

/** Everything that `data validate` finds, by its code. Codes are stable: scripts tell findings apart by them. */
export const FINDING_KINDS = {
  'missing-part': { severity: 'error', title: 'a part of the set is not there', advice: 'add it, as docs/data.md describes the layout' },
  'wrong-table': { severity: 'error', title: 'lines of a table that cannot be read', advice: 'correct the lines' },
  'wrong-layout': {
    severity: 'error',
    title: 'a keypoints.json that describes no layout',
    advice: 'correct it, as docs/data.md describes layouts',
  },
  'missing-clip': { severity: 'error', title: 'a line names a clip that is not there', advice: 'add the clip or remove the line' },
  'in-both-splits': { severity: 'error', title: 'a clip is in both splits', advice: 'remove it from one of them' },
  'id-out-of-range': { severity: 'error', title: 'an id has no class', advice: 'correct the id, or add the class to labels_reference.csv' },
  'class-gap': { severity: 'error', title: 'most classes have no clips', advice: 'number the classes 0, 1, 2 … without a gap' },
  'empty-file': { severity: 'error', title: 'a file without a byte', advice: 'make the clip again, or remove it and its line' },
  'damaged-file': { severity: 'error', title: 'a file that cannot be read', advice: 'make the clip again, or remove it and its line' },
  'missing-array': {
    severity: 'error',
    title: 'a clip without the array of its values',
    advice: 'name the array with --kp-key, or make the clip again',
  },
  'wrong-shape': {
    severity: 'error',
    title: 'values of another shape than [frames, numbers a frame]',
    advice: 'make the clip again in the layout of docs/data.md',
  },
  'not-finite': { severity: 'error', title: 'NaN or infinite numbers', advice: 'write (0, 0) for a key point that is missing' },
  'wrong-meta': {
    severity: 'error',
    title: 'the meta describes another layout',
    advice: 'put the key points in the order that docs/data.md describes',
  },

  'same-values-other-gloss': {
    severity: 'warning',
    title: 'the same clip under different glosses',
    advice: 'one of the labels is wrong: look at the clip and correct it',
  },
  leak: {
    severity: 'warning',
    title: 'a validation clip is a training clip too',
    advice: 'remove one of them, or split the set anew; the figures look too good',
  },
  'signer-in-both-splits': {
    severity: 'warning',
    title: 'a signer is in both splits',
    advice: 'split by signers (data split --group signer) where figures shall hold for people whom the model has not seen',
  },
  duplicate: { severity: 'warning', title: 'the same values twice', advice: 'remove one of the two: it counts twice' },
  'near-duplicate': {
    severity: 'warning',
    title: 'the same clip twice but for rounding or cut frames',
    advice: 'remove one of the two: it counts twice',
  },
  'category-contradicts-reference': {
    severity: 'warning',
    title: 'another category than labels_reference.csv gives the gloss',
    advice: 'correct the category or the reference',
  },
  'label-contradicts-meta': {
    severity: 'warning',
    title: 'the clip says another gloss than its label',
    advice: 'look at the clip and correct the label',
  },
  'gloss-spellings': {
    severity: 'warning',
    title: 'one gloss in two spellings',
    advice: 'give both the same gloss: they are trained as two signs',
  },
  'no-keypoints': { severity: 'warning', title: 'no key point in any frame', advice: 'remove the clip or make it again' },
  'constant-clip': {
    severity: 'warning',
    title: 'nothing moves',
    advice: 'is it a still, or one frame written many times? Make the clip again',
  },
  'outside-unit': {
    severity: 'warning',
    title: 'numbers outside 0 to 1',
    advice: 'divide x by the width of the picture and y by its height',
  },
  pixels: {
    severity: 'warning',
    title: 'pixels in place of shares of the picture',
    advice: 'divide x by the width of the picture and y by its height',
  },
  'frozen-frames': {
    severity: 'warning',
    title: 'a run of frames that are all the same',
    advice: 'the video or the detection stopped there: make the clip again',
  },
  'repeated-frames': {
    severity: 'warning',
    title: 'many frames are written twice',
    advice: 'bring the video to its own frame rate before key points are found',
  },
  'frozen-points': {
    severity: 'warning',
    title: 'points that stay in place while others move',
    advice: 'the last place was kept where nothing was found: write (0, 0) there, or make the clip again',
  },
  jitter: {
    severity: 'warning',
    title: 'points that tremble',
    advice: 'look at the video: is it dark or blurred? Smooth the landmarks, or leave the clip out',
  },
  teleport: {
    severity: 'warning',
    title: 'points that jump farther than a person moves',
    advice: 'is there a cut, or another person? Cut the clip there',
  },
  'swapped-hands': {
    severity: 'warning',
    title: "the hands' points lie at each other's wrists",
    advice: 'exchange left and right hand in these frames, or leave the clip out',
  },
  mirrored: {
    severity: 'warning',
    title: 'the left shoulder is on the picture’s left: a mirror image',
    advice: 'write 1 − x, or turn off the mirroring of the camera',
  },
  'no-hands': { severity: 'warning', title: 'no hand in any frame', advice: 'make the clip again, or leave it out' },
  'few-hands': { severity: 'warning', title: 'most frames show no hand', advice: 'cut the frames without hands, or make the clip again' },
  'missing-points': {
    severity: 'warning',
    title: 'far more points are missing than in the other clips',
    advice: 'is the person in the picture? Make the clip again',
  },
  'short-clip': { severity: 'warning', title: 'a very short clip', advice: 'is it a whole sign?' },
  'long-clip': { severity: 'warning', title: 'a very long clip', advice: 'is it one sign alone? Cut it' },
  'odd-timestamps': {
    severity: 'warning',
    title: 'timestamps that cannot be',
    advice: 'write them anew: the training does not read them, resampling does',
  },
  'timestamp-gap': { severity: 'warning', title: 'a gap in the timestamps', advice: 'frames were dropped there: resample the clip' },
  'frame-rate': {
    severity: 'warning',
    title: 'another frame rate than the rest',
    advice: 'resample the clip: the same sign looks faster or slower in it',
  },
  'odd-mask': {
    severity: 'warning',
    title: 'a mask that fits no clip',
    advice: 'write it anew or leave it out; the training does not read it',
  },
  'mask-contradicts-values': {
    severity: 'warning',
    title: 'the mask contradicts the values',
    advice: 'a missing key point is (0, 0) in X and false in the mask: write one of them anew',
  },
  'odd-meta': { severity: 'warning', title: 'a meta that is not read', advice: 'write it as one text of JSON' },
  'meta-contradicts-values': {
    severity: 'warning',
    title: 'the meta says another number of frames',
    advice: 'was the clip cut? Write the meta anew',
  },
  'unread-array': { severity: 'warning', title: 'an array that is not read', advice: 'save it as numbers' },
  'other-case': {
    severity: 'warning',
    title: 'a file whose name differs in the case of its letters',
    advice: 'name it as the line does: other machines will not find it',
  },
  'unlabelled-clip': {
    severity: 'warning',
    title: 'a clip that no line names',
    advice: 'add a line, or remove the file: it is not trained on',
  },
  'class-without-training-clips': {
    severity: 'warning',
    title: 'a gloss without a training clip',
    advice: 'move a clip to the training split: the model cannot learn it',
  },
  'class-without-validation-clips': {
    severity: 'warning',
    title: 'a gloss without a validation clip',
    advice: 'move a clip to the validation split: nothing says how well it is learned',
  },
  'few-clips': { severity: 'warning', title: 'a gloss with very few training clips', advice: 'record more, or leave the gloss out' },
  imbalance: {
    severity: 'warning',
    title: 'glosses with far more clips than others',
    advice: 'train with --class-weights balanced, or record more of the rare ones',
  },

  'unused-class': {
    severity: 'note',
    title: 'a class without a clip',
    advice: 'a class that stays empty costs nothing but figures: remove it where it is not wanted',
  },
  'no-validation-clips': { severity: 'note', title: 'no validation clips', advice: 'data split makes them, or train with --val-share 0.2' },
  'mask-denies-values': {
    severity: 'note',
    title: 'the mask calls points missing that have values',
    advice: 'nothing: the model sees the values; points of low visibility were kept',
  },
  'cut-by-model': {
    severity: 'note',
    title: 'longer than the model takes',
    advice: 'the model sees the first 300 frames; --max-len says otherwise',
  },
  synthetic: { severity: 'note', title: 'made by a generator', advice: 'figures on it say nothing about real signs' },
} as const satisfies Readonly<Record<string, FindingKind>>;

export type FindingCode = keyof typeof FINDING_KINDS;

/** Something that was found in a set. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  /** What it is about: a clip, a table, the set's folder; behind it what it is compared with, as the other of two equal clips. */
  readonly files: readonly [string, ...string[]];
  /** What was found, with numbers and their units. */
  readonly text: string;
  /** What to do. */
  readonly advice: string;
  /** The frames that show it, from 0, where it is so in some alone. */
  readonly frames?: Run;
}

/** What is found by looking at one clip alone; which file it is of, whoever looks knows. */
export interface ClipFinding {
  readonly code: FindingCode;
  readonly text: string;
  readonly frames?: Run;
}

/** A finding of a kind, about one file or several. */
export function findingOf(files: string | readonly [string, ...string[]], { code, text, frames }: ClipFinding): Finding {
  const { severity, advice } = FINDING_KINDS[code];
  return { code, severity, files: typeof files === 'string' ? [files] : files, text, advice, ...(frames === undefined ? {} : { frames }) };
}

const ORDER = new Map(Object.keys(FINDING_KINDS).map((code, place) => [code, place]));

/** Findings in the order of their table: errors first, those of one kind together, in the order that they were found in. */
export function inOrder(findings: readonly Finding[]): Finding[] {
  return findings.toSorted((one, other) => (ORDER.get(one.code) ?? 0) - (ORDER.get(other.code) ?? 0));
}

/** Findings of one kind. */
export interface FindingGroup extends FindingKind {
  readonly code: FindingCode;
  readonly findings: readonly [Finding, ...Finding[]];
}

/** Findings of each kind together, in the order of their table. */
export function byKind(findings: readonly Finding[]): FindingGroup[] {
  const groups = new Map<FindingCode, [Finding, ...Finding[]]>();
  for (const finding of inOrder(findings)) {
    const group = groups.get(finding.code);
    if (group === undefined) groups.set(finding.code, [finding]);
    else group.push(finding);
  }
  return [...groups].map(([code, group]) => ({ code, ...FINDING_KINDS[code], findings: group }));
}

/** How many findings there are of each severity. */
export type FindingCounts = Readonly<Record<Severity, number>>;

export function countFindings(findings: readonly Finding[]): FindingCounts {
  const count = (severity: Severity): number => findings.filter((finding) => finding.severity === severity).length;
  return { error: count('error'), warning: count('warning'), note: count('note') };
}

/** The file that a finding is about. */
export function subjectOf({ files }: Finding): string {
  return elementAt(files, 0);
}
