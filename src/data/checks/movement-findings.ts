import { elementAt } from '../../foundation/required';
import { percent } from '../../foundation/text';
import type { ClipMovement } from './clip-movement';
import type { ClipContent } from './examined-clip';
import type { ClipFinding } from './findings';
import { lengthOfRun, medianOf, spreadsAbove, usualOf, type Run, type Usual } from './robust-figures';

/*
 * From where on something is told. Measured on isl13 (390 real clips of 13 signs, MediaPipe Holistic, 30 frames a second) and on the demo set; lengths are in
 * widths of the shoulders.
 */
const LIMITS = {
  /** Spreads above the set's own that pose and face tremble: the most in isl13 is 3.2, in the demo set 2.9; noise of 0.01 of the picture is 8. */
  tremorSpreads: 5,
  /** Hands rest in one clip and move fast in another: 3.7 in isl13, 6.7 in the demo set. */
  handTremorSpreads: 9,
  /** Points that tremble less are as steady as MediaPipe's ever are: in isl13 0.003 is usual of the pose, 0.02 of the hands, and 0.009 the most of the pose. */
  leastTremor: 0.02,
  /** Where there are too few clips to tell what is usual. */
  tremorAlone: 0.1,
  /** The body and the face go no farther in a thirtieth of a second: 0.25 in isl13 but for a clip with two cuts, 0.44. */
  bodyJump: 0.33,
  /** Nor do hands: 1.21 in isl13, 1.37 in the demo set; 2 would be some 24 metres a second. */
  handJump: 2,
  /** Frames that are the same: MediaPipe gives none in all of isl13, and gaps of at most 5 frames are filled by moving points. */
  frozenFrames: 6,
  /** A quarter of a second in which a part stays while others move. */
  frozenPart: 8,
  /** Share of frames that repeat the one before: a video of half the frame rate has a half. */
  repeated: 0.25,
  /** Frames in a row that have the hands exchanged: a single one is MediaPipe's slip at crossing hands. */
  swappedRun: 3,
  /** From this share of the frames on, the whole clip is so. */
  wholeClip: 0.8,
  /** Share of the frames that show the left shoulder on the wrong side. */
  mirrored: 0.8,
  /** Share of the frames that show a hand: in isl13 0.8 but for two clips without any. */
  withHands: 0.5,
  /** Share of a part's points that are missing, beside that of the set's middle clip: pose and face are seen where a person is; hands leave the picture. */
  missing: { pose: 0.5, face: 0.8, others: 0.5 },
} as const;

/** What is usual in a set: clips are odd beside the others. */
export interface UsualMovement {
  readonly tremor: ReadonlyMap<string, Usual>;
  /** Of each part the share of missing points in the middle clip. */
  readonly missing: ReadonlyMap<string, number>;
}

/** What is usual in the movement of a set's clips. */
export function usualMovement(movements: readonly ClipMovement[]): UsualMovement {
  const parts = Object.keys(movements[0]?.missing ?? {});
  const tremor = new Map<string, Usual>();
  for (const part of parts) {
    const usual = usualOf(movements.flatMap((movement) => movement.tremor[part] ?? []));
    if (usual !== undefined) tremor.set(part, usual);
  }
  return { tremor, missing: new Map(parts.map((part) => [part, medianOf(movements.flatMap(({ missing }) => missing[part] ?? []))])) };
}

/** What is odd about how the points of a clip move, by itself and beside the clips of its set. */
export function movementFindings({ frames, framesPerSecond, movement }: ClipContent, usual: UsualMovement): ClipFinding[] {
  if (movement === undefined || Object.values(movement.missing).every((share) => share === 1)) return [];
  return [
    ...tremorFindings(movement, usual),
    ...jumpFindings(movement, framesPerSecond),
    ...frozenFindings(movement, frames),
    ...swappedFindings(movement, frames),
    ...(movement.mirrored >= LIMITS.mirrored
      ? [{ code: 'mirrored', text: `in ${percent(movement.mirrored, 0)} of its frames` } as const]
      : []),
    ...handFindings(movement, frames),
    ...missingFindings(movement, usual),
  ];
}

function tremorFindings({ tremor }: ClipMovement, usual: UsualMovement): ClipFinding[] {
  const trembling = Object.entries(tremor).filter(([part, figure]) => {
    const ofSet = usual.tremor.get(part);
    if (ofSet === undefined) return !isHand(part) && figure > LIMITS.tremorAlone;
    return figure > LIMITS.leastTremor && spreadsAbove(figure, ofSet) > (isHand(part) ? LIMITS.handTremorSpreads : LIMITS.tremorSpreads);
  });
  if (trembling.length === 0) return [];
  const said = trembling.map(([part, figure]) => {
    const ofSet = usual.tremor.get(part);
    const times = ofSet === undefined ? '' : ` (${(figure / ofSet.median).toFixed(1)} times what is usual in the set)`;
    return `${partText(part)} ${figure.toFixed(3)}${times}`;
  });
  return [{ code: 'jitter', text: `acceleration from frame to frame, in shoulder widths: ${said.join(', ')}` }];
}

function jumpFindings({ jump }: ClipMovement, framesPerSecond = 30): ClipFinding[] {
  const slower = Math.max(1, 30 / framesPerSecond);
  const far = Object.entries(jump).filter(([part, { distance }]) => distance > slower * (isHand(part) ? LIMITS.handJump : LIMITS.bodyJump));
  if (far.length === 0) return [];
  const { frame } = far.reduce((one, other) => (other[1].distance > one[1].distance ? other : one))[1];
  const said = far.map(([part, { distance, frame: at }]) => `${partText(part)} ${distance.toFixed(2)} shoulder widths to frame ${at}`);
  return [{ code: 'teleport', text: said.join(', '), frames: { first: frame - 1, last: frame } }];
}

function frozenFindings({ frozenFrames, frozenParts, frozenPoints, repeated }: ClipMovement, frames: number): ClipFinding[] {
  const findings: ClipFinding[] = [];
  if (frozenFrames !== undefined && lengthOfRun(frozenFrames) >= LIMITS.frozenFrames)
    findings.push({ code: 'frozen-frames', text: runText(frozenFrames, frames), frames: frozenFrames });
  else if (repeated > LIMITS.repeated)
    findings.push({ code: 'repeated-frames', text: `${percent(repeated, 0)} of ${frames} frames are as the one before` });
  const parts = Object.entries(frozenParts).filter(([, run]) => lengthOfRun(run) >= LIMITS.frozenPart);
  if (parts.length > 0) {
    const run = elementAt(parts, 0)[1];
    findings.push({
      code: 'frozen-points',
      text: parts.map(([part, its]) => `${partText(part)}: ${runText(its, frames)}`).join('; '),
      frames: run,
    });
  } else if (frozenPoints.length > 0) {
    findings.push({
      code: 'frozen-points',
      text: `in all frames ${frozenPoints.slice(0, 6).join(', ')}${frozenPoints.length > 6 ? ` and ${frozenPoints.length - 6} more` : ''}`,
    });
  }
  return findings;
}

function swappedFindings({ swapped: { frames, compared, longest } }: ClipMovement, all: number): ClipFinding[] {
  if (longest === undefined || lengthOfRun(longest) < LIMITS.swappedRun) return [];
  const isWhole = frames >= LIMITS.wholeClip * compared && 2 * compared >= all;
  return [
    {
      code: 'swapped-hands',
      text: isWhole ? `in the whole clip (${frames} of ${all} frames)` : runText(longest, all),
      ...(isWhole ? {} : { frames: longest }),
    },
  ];
}

function handFindings({ withHands }: ClipMovement, frames: number): ClipFinding[] {
  if (withHands === undefined || withHands >= LIMITS.withHands) return [];
  const shown = Math.round(withHands * frames);
  return [
    shown === 0
      ? { code: 'no-hands', text: `0 of ${frames} frames show one` }
      : { code: 'few-hands', text: `${shown} of ${frames} frames show one` },
  ];
}

function missingFindings({ missing }: ClipMovement, usual: UsualMovement): ClipFinding[] {
  const most = Object.entries(missing).filter(([part, share]) => {
    if (isHand(part)) return false;
    const limit = part === 'pose' || part === 'face' ? LIMITS.missing[part] : LIMITS.missing.others;
    return share > limit && share > 2 * (usual.missing.get(part) ?? 0);
  });
  if (most.length === 0) return [];
  const said = most.map(
    ([part, share]) => `${percent(share, 0)} of ${partText(part)} (${percent(usual.missing.get(part) ?? 0, 0)} is usual in the set)`,
  );
  return [{ code: 'missing-points', text: said.join(', ') }];
}

function isHand(part: string): boolean {
  return part.endsWith('hand');
}

/** `left_hand` as people say it. */
export function partText(part: string): string {
  return part.replaceAll('_', ' ');
}

function runText(run: Run, frames: number): string {
  return `frames ${run.first} to ${run.last} (${lengthOfRun(run)} of ${frames})`;
}
