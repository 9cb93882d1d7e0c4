import { CLIP_RATE, clipOfLandmarks } from '../../../extraction/clip-of-landmarks';
import { LANDMARKS } from '../../../extraction/landmarks';
import { framesTaken } from '../../../extraction/resample';
import { elementAt } from '../../../foundation/required';
import type { KeypointClip } from '../../../data/keypoint-clip';

/** What was found in a picture, and when it was shown. */
interface SeenFrame {
  readonly moment: number;
  readonly landmarks: Float32Array;
}

/** Milliseconds of the past that are kept: the longest clip that can be recorded. */
const KEPT = 60_000;
/** Without a hand for so long, in milliseconds, nobody signs. */
const WITHOUT_HANDS = 700;
/** The time over which the rate is counted, in milliseconds. */
const RATE_OVER = 3000;

/** What was found in the latest pictures; clips of any stretch of them are made as clips of videos are. */
export class SeenFrames {
  private frames: SeenFrame[] = [];

  /** When the latest picture was shown. */
  get latest(): number | undefined {
    return this.frames.at(-1)?.moment;
  }

  add(moment: number, landmarks: Float32Array): void {
    this.frames.push({ moment, landmarks });
    this.frames = this.frames.filter((frame) => frame.moment > moment - KEPT);
  }

  clear(): void {
    this.frames = [];
  }

  /** Whether a hand was found lately. */
  hasHands(): boolean {
    const { latest } = this;
    if (latest === undefined) return false;
    return this.frames.some(({ moment, landmarks }) => moment >= latest - WITHOUT_HANDS && hasHand(landmarks));
  }

  /** Pictures a second that were looked at lately; undefined until there are some. */
  rate(): number | undefined {
    const { latest } = this;
    if (latest === undefined) return undefined;
    const lately = this.frames.filter(({ moment }) => moment >= latest - RATE_OVER);
    const first = lately[0]?.moment ?? latest;
    return lately.length < 2 ? undefined : ((lately.length - 1) * 1000) / (latest - first);
  }

  /**
   * What was seen from a moment on as a clip of even rate, whatever the rate was at which pictures were looked at; undefined where there is nothing.
   * @param meta what the clip's meta is to say of its source.
   * @param longest milliseconds of its end that are taken at most.
   */
  clipSince(moment: number, meta: Readonly<Record<string, unknown>>, longest = KEPT): KeypointClip | undefined {
    const frames = this.frames.filter((frame) => frame.moment >= moment);
    const first = frames[0];
    if (first === undefined) return undefined;
    const moments = frames.map((frame) => frame.moment - first.moment);
    const taken = framesTaken(moments, CLIP_RATE).map((place) => elementAt(frames, place).landmarks);
    return clipOfLandmarks(taken.slice(-Math.round((longest * CLIP_RATE) / 1000)), CLIP_RATE, { ...meta, source_frames: frames.length })
      .clip;
  }
}

function hasHand(landmarks: Float32Array): boolean {
  return [LANDMARKS.leftHand, LANDMARKS.rightHand].some(({ start }) => !Number.isNaN(elementAt(landmarks, start)));
}
