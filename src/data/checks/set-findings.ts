import { required } from '../../foundation/required';
import { counted } from '../../foundation/text';
import type { CheckedClip } from './examined-clip';
import { findingOf, type ClipFinding, type Finding, type FindingCode } from './findings';
import { labelFindings } from './label-findings';
import { movementFindings, usualMovement } from './movement-findings';
import { findNearPairs } from './near-duplicates';
import { medianOf } from './robust-figures';
import type { SetUnderCheck } from './set-under-check';

/** Frames that the models take unless told otherwise. */
const MAX_FRAMES = 300;
/** A quarter of a second at 30 frames: nobody makes a sign in less. */
const FEWEST_FRAMES = 8;
/** Of a set's middle length: signs differ by twice, a sentence or a cut-off clip by more. */
const LENGTHS = { shortest: 1 / 4, longest: 4 };
/** Rates differ by less where frames are dropped now and then. */
const RATE_TOLERANCE = 0.2;
/** What is found where the clips of a set are looked at together. */
export function setFindings(set: SetUnderCheck, clips: readonly CheckedClip[]): Finding[] {
  const usual = usualMovement(clips.flatMap(({ content: { movement } }) => movement ?? []));
  const alone = clips.flatMap(({ clip, content }) => movementFindings(content, usual).map((finding) => findingOf(clip.file, finding)));
  return [
    ...alone,
    ...lengthFindings(clips),
    ...rateFindings(clips),
    ...equalClips(clips),
    ...nearClips(clips),
    ...labelFindings(set, clips),
    ...notesOfSet(clips, set),
  ];
}

function lengthFindings(clips: readonly CheckedClip[]): Finding[] {
  const middle = medianOf(clips.map(({ content: { frames } }) => frames));
  return clips.flatMap(({ clip, content: { frames } }): Finding[] => {
    const beside = `${counted(frames, 'frame')}, where the middle clip has ${middle}`;
    const found: ClipFinding[] = [];
    if (frames < FEWEST_FRAMES || frames < LENGTHS.shortest * middle) found.push({ code: 'short-clip', text: beside });
    if (frames > LENGTHS.longest * middle) found.push({ code: 'long-clip', text: beside });
    if (frames > MAX_FRAMES) found.push({ code: 'cut-by-model', text: counted(frames, 'frame') });
    return found.map((finding) => findingOf(clip.file, finding));
  });
}

function rateFindings(clips: readonly CheckedClip[]): Finding[] {
  const middle = medianOf(clips.flatMap(({ content: { framesPerSecond } }) => framesPerSecond ?? []));
  return clips.flatMap(({ clip, content: { framesPerSecond: rate } }) =>
    rate === undefined || Math.abs(rate / middle - 1) <= RATE_TOLERANCE
      ? []
      : [
          findingOf(clip.file, {
            code: 'frame-rate',
            text: `${rate.toFixed(1)} frames a second, where ${middle.toFixed(1)} are usual in the set`,
          }),
        ],
  );
}

/** Clips of exactly the same values. */
function equalClips(clips: readonly CheckedClip[]): Finding[] {
  const first = new Map<string, CheckedClip>();
  return clips.flatMap((other) => {
    const one = first.get(other.content.digest);
    if (one === undefined) first.set(other.content.digest, other);
    return one === undefined ? [] : pairFindings(one, other, 'duplicate', 'exactly the values of');
  });
}

/** Clips that are the same but for rounding and cut frames. */
function nearClips(clips: readonly CheckedClip[]): Finding[] {
  return findNearPairs(clips.map(({ content: { projections } }) => projections)).flatMap(
    ({ one: first, other: second, frames, offset, difference }) => {
      const [one, other] = [required(clips[first], 'the clip of a pair'), required(clips[second], 'the clip of a pair')];
      if (one.content.digest === other.content.digest) return [];
      const isCut = frames < Math.max(one.content.frames, other.content.frames);
      const shared = isCut
        ? `${counted(frames, 'frame')}${offset === 0 ? '' : `, ${Math.abs(offset)} frames ${offset > 0 ? 'later' : 'earlier'},`}`
        : 'all frames';
      return pairFindings(one, other, 'near-duplicate', `but for ${difference.toPrecision(1)} on average, in ${shared} the values of`);
    },
  );
}

/** What two clips of the same values are: a clip under two glosses, one that is trained on and judges the training, or merely two. */
function pairFindings(one: CheckedClip, other: CheckedClip, code: FindingCode, same: string): Finding[] {
  const pair = [other.clip.file, one.clip.file] as const;
  const text = `${same} ${one.clip.name}`;
  const [gloss, otherGloss] = [one.clip.label?.gloss, other.clip.label?.gloss];
  const findings: Finding[] = [];
  if (gloss !== undefined && otherGloss !== undefined && gloss !== otherGloss)
    findings.push(findingOf(pair, { code: 'same-values-other-gloss', text: `${text}, with gloss ${otherGloss} in place of ${gloss}` }));
  if (one.clip.split !== other.clip.split) findings.push(findingOf(pair, { code: 'leak', text }));
  return findings.length > 0 ? findings : [findingOf(pair, { code, text })];
}

/** What is so of many clips, and worth a single line. */
function notesOfSet(clips: readonly CheckedClip[], { folder }: SetUnderCheck): Finding[] {
  const share = (some: readonly CheckedClip[]): string => `${some.length} of ${counted(clips.length, 'clip')}`;
  const denied = clips.filter(({ content: { deniedByMask } }) => deniedByMask > 0);
  const points = denied.reduce((sum, { content: { deniedByMask } }) => sum + deniedByMask, 0) / denied.length;
  const made = clips.filter(({ content: { synthetic } }) => synthetic);
  return [
    ...(denied.length === 0
      ? []
      : [findingOf(folder, { code: 'mask-denies-values', text: `in ${share(denied)}, ${points.toFixed(1)} points a frame` })]),
    ...(made.length === 0 ? [] : [findingOf(folder, { code: 'synthetic', text: share(made) })]),
  ];
}
