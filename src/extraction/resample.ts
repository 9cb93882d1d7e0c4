import { elementAt } from '../foundation/required';

/** When the frames of a video are shown, as its container tells. */
export interface VideoTimes {
  /** Of each frame, in milliseconds. */
  readonly moments: readonly number[];
  /** Frames a second, as far as the container knows; 0 where it does not. */
  readonly rate: number;
}

/**
 * When each frame of a video is shown, in milliseconds from its first. Where the container gives no times that rise from frame to frame, as some damaged or very
 * old ones do, its frames are taken to follow each other evenly.
 * @returns undefined where there is neither.
 */
export function momentsOf({ moments, rate }: VideoTimes): number[] | undefined {
  const [start = 0] = moments;
  const rises = moments.every((moment, frame) => frame === 0 || moment > elementAt(moments, frame - 1));
  if (rises) return moments.map((moment) => moment - start);
  return rate > 0 ? moments.map((_, frame) => (frame * 1000) / rate) : undefined;
}

/** What counts for one frame in counting them: containers round their times to milliseconds. */
const ROUNDING = 0.1;

/** Of two frames that are as near, the earlier is taken, and not what the last digit of a fraction decides; in milliseconds. */
const AS_NEAR = 0.01;

/**
 * Which frame of a video is taken for each frame of a clip of even rate: the one shown nearest to its moment, `k · 1000 / fps`. A video of a higher rate loses
 * frames, of a lower one frames are taken twice; of one whose rate varies, what was shown when decides, not how many frames there were.
 * @param moments of the video's frames, rising from 0.
 * @returns of each of the clip's frames the place of the video's, which never falls; as many as cover the time that the video's frames are shown.
 */
export function framesTaken(moments: readonly number[], fps: number): number[] {
  const step = 1000 / fps;
  const last = moments.at(-1);
  if (last === undefined) return [];
  const end = last + usualInterval(moments, step);
  const count = Math.max(1, Math.ceil(end / step - ROUNDING));
  const taken: number[] = [];
  let frame = 0;
  for (let k = 0; k < count; k++) {
    while (frame + 1 < moments.length && distance(moments, frame + 1, k * step) < distance(moments, frame, k * step) - AS_NEAR) frame++;
    taken.push(frame);
  }
  return taken;
}

function distance(moments: readonly number[], frame: number, moment: number): number {
  return Math.abs(elementAt(moments, frame) - moment);
}

/** How long a frame is usually shown, the median; how long the last one is, no container says for sure. */
function usualInterval(moments: readonly number[], otherwise: number): number {
  const intervals = moments.slice(1).map((moment, frame) => moment - elementAt(moments, frame));
  return intervals.sort((one, other) => one - other)[Math.floor(intervals.length / 2)] ?? otherwise;
}
