import { widthOfLayout, type KeypointLayout, type KeypointPart } from '../../config/keypoint-layout';
import { UserError } from '../../foundation/errors';
import { elementAt } from '../../foundation/required';
import type { KeypointClip } from '../keypoint-clip';
import { fillShortGaps } from '../short-gaps';
import { LANDMARKS_OF, type LandmarkClip, type PartTrack, type PictureSize } from './landmarks';

/** How landmarks become key points. */
export interface Projection {
  readonly layout: KeypointLayout;
  /** The size of the picture, where landmarks are pixels and the source does not say it. */
  readonly size: PictureSize | undefined;
  /** Frames a second, where the source does not say. */
  readonly fps: number;
  /** Landmarks that their source calls less visible than this are missing. */
  readonly visibility: number;
  /** The longest gap of a key point, in frames, that is filled between the frames before and after it. */
  readonly fillGaps: number;
}

/** What became of a clip's landmarks, beside the clip itself. */
export interface Projected {
  readonly clip: Omit<KeypointClip, 'meta'>;
  /** Coordinates that were found, and those of them that lay outside the picture and were moved to its edge. */
  readonly coordinates: number;
  readonly clamped: number;
  /** Key points that were filled in. */
  readonly filled: number;
  readonly notes: readonly string[];
}

/** Coordinates beyond this are no shares of a picture, in which something may lie a little outside. */
const LARGEST_SHARE = 4;
/** Sizes that films most often have, the smallest first. */
const USUAL_SIZES: readonly PictureSize[] = [
  [320, 240],
  [640, 360],
  [640, 480],
  [854, 480],
  [960, 540],
  [1280, 720],
  [1920, 1080],
  [2560, 1440],
  [3840, 2160],
].map(([width = 0, height = 0]) => ({ width, height }));

/**
 * A clip of key points from landmarks: those that the layout has, as shares of the picture, each missing one 0. A landmark is missing where its source has none,
 * where it is 0 in all its numbers or not finite, and where its visibility is too low.
 * @throws UserError where the clip has no frames, no landmark at all, or pixels of a picture whose size nobody knows.
 */
export function projectClip(landmarks: LandmarkClip, projection: Projection): Projected {
  const { layout } = projection;
  const { frames } = landmarks;
  if (frames === 0) throw new UserError('it has no frames');
  const notes: string[] = [];
  const scale = scaleOf(landmarks, projection, notes);
  const values = new Float32Array(frames * widthOfLayout(layout));
  const mask = new Uint8Array(frames * layout.points.length);
  let [coordinates, clamped] = [0, 0];
  const place = (share: number, at: number): void => {
    coordinates++;
    if (share < 0 || share > 1) clamped++;
    values[at] = Math.min(1, Math.max(0, share));
  };
  for (const { track, landmark, column } of sourcesOf(landmarks, layout)) {
    for (let frame = 0; frame < frames; frame++) {
      if (!isFound(track, frame, landmark, projection.visibility)) continue;
      const from = track.at(frame, landmark);
      const at = (frame * layout.points.length + column) * layout.dimensions;
      place(elementAt(track.values, from) * scale.x, at);
      place(elementAt(track.values, from + 1) * scale.y, at + 1);
      if (layout.dimensions === 3) values[at + 2] = finiteOr0(elementAt(track.values, from + 2)) * scale.x;
      mask[frame * layout.points.length + column] = 1;
    }
  }
  if (coordinates === 0) throw new UserError('none of its landmarks was found in any frame; there is nothing to learn from');
  const filled = fillShortGaps({ frames, points: layout.points.length, dimensions: layout.dimensions }, values, mask, projection.fillGaps);
  const fps = landmarks.fps ?? projection.fps;
  const timestampsMs = Array.from({ length: frames }, (_, frame) => (1000 * frame) / fps);
  return { clip: { frames, values, mask, timestampsMs, layout }, coordinates, clamped, filled, notes };
}

/** A point of a layout that a source may have. */
interface PointSource {
  readonly track: PartTrack;
  readonly landmark: number;
  /** Its place in the layout. */
  readonly column: number;
}

/** Where the points of a layout come from: a name such as `pose_11` tells its number, a part with names of its own has its landmarks in order. */
function sourcesOf(landmarks: LandmarkClip, layout: KeypointLayout): PointSource[] {
  return layout.parts.flatMap(({ name, first, count }) => {
    const track = landmarks.trackIfThere(trackNameOf({ name, count }));
    if (track === undefined) return [];
    return layout.points.slice(first, first + count).map((point, place) => {
      const number = /_(\d+)$/.exec(point)?.[1];
      return { track, landmark: number === undefined ? place : Number(number), column: first + place };
    });
  });
}

/** The track of a part of a layout: of faces, OpenPose's has 70 points. */
export function trackNameOf({ name, count }: Pick<KeypointPart, 'name' | 'count'>): string {
  return name === 'face' && count === LANDMARKS_OF.openpose_face ? 'openpose_face' : name;
}

function isFound(track: PartTrack, frame: number, landmark: number, leastVisibility: number): boolean {
  const at = track.at(frame, landmark);
  const [x, y, z] = [elementAt(track.values, at), elementAt(track.values, at + 1), elementAt(track.values, at + 2)];
  if (!Number.isFinite(x) || !Number.isFinite(y)) return false;
  return (x !== 0 || y !== 0 || finiteOr0(z) !== 0) && track.visibilityOf(frame, landmark) >= leastVisibility;
}

function finiteOr0(value: number): number {
  return Number.isFinite(value) ? value : 0;
}

/** What coordinates are multiplied with to be shares of the picture. */
function scaleOf(landmarks: LandmarkClip, { size }: Projection, notes: string[]): { readonly x: number; readonly y: number } {
  const { pixels } = landmarks;
  const known = pixels === 'unknown' ? size : pixels;
  if (known !== undefined) return { x: 1 / known.width, y: 1 / known.height };
  const [right, bottom] = extentOf(landmarks);
  if (pixels === 'unknown') {
    const guess = USUAL_SIZES.find(({ width, height }) => right <= width && bottom <= height) ?? { width: right, height: bottom };
    notes.push(
      `taken for pixels of ${guess.width} × ${guess.height}, the smallest usual size that holds them; --size WIDTHxHEIGHT says otherwise`,
    );
    return { x: 1 / guess.width, y: 1 / guess.height };
  }
  if (right <= LARGEST_SHARE && bottom <= LARGEST_SHARE) return { x: 1, y: 1 };
  if (size !== undefined) return { x: 1 / size.width, y: 1 / size.height };
  throw new UserError(
    `its landmarks are pixels, up to ${right.toFixed(0)} × ${bottom.toFixed(0)}: say the picture's size with --size WIDTHxHEIGHT`,
  );
}

/** The largest x and the largest y. */
function extentOf(landmarks: LandmarkClip): [number, number] {
  let [right, bottom] = [0, 0];
  for (const part of landmarks.parts) {
    const { values } = landmarks.track(part);
    for (let at = 0; at < values.length; at += 3) {
      const [x, y] = [elementAt(values, at), elementAt(values, at + 1)];
      if (x > right && Number.isFinite(x)) right = x;
      if (y > bottom && Number.isFinite(y)) bottom = y;
    }
  }
  return [right, bottom];
}
