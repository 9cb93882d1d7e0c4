import { widthOfLayout, type KeypointLayout } from '../../config/keypoint-layout';
import { numberAt } from '../../foundation/required';
import type { Clip } from '../clip';
import { isMissing } from '../keypoints';
import { augmentation, augmentationOfAny, keepFound } from './augmentation';
import { flipPictures } from './pictures';

// Looked up once: in a loop over every key point an import costs more at each look-up than what it computes.
const [missing, keep, number] = [isMissing, keepFound, numberAt];

// Where the camera stands: what it sees turned, nearer, aside, tilted or in a mirror. The same for all frames of a clip. Nothing is clipped: what lies near the
// picture's edge may come to lie outside 0 to 1, as it does where MediaPipe guesses it there. A depth, which is measured from a point of the person's own, is
// scaled as x and y are, and neither turned, moved nor mirrored.

/** `{ name: 'rotation', p, degrees: 10 }`: turned about its middle by up to so many degrees, either way. */
export const rotation = augmentation({
  strength: 'degrees',
  of: (layout) => (clip, degrees, random) => {
    const angle = (random.uniform(-degrees, degrees) * Math.PI) / 180;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    return seenThrough(clip, layout, () => ({ xx: cos, xy: -sin, yx: sin, yy: cos }));
  },
});

/** `{ name: 'scale', p, change: 0.2 }`: about its middle up to 1.2 times as large, or as small; both alike likely. */
export const scale = augmentation({
  strength: 'change',
  of: (layout) => (clip, change, random) => {
    const most = Math.log1p(change);
    const factor = Math.exp(random.uniform(-most, most));
    return seenThrough(clip, layout, () => ({ xx: factor, yy: factor, zz: factor }));
  },
});

/** `{ name: 'translation', p, share: 0.1 }`: moved by up to that share of the picture along x and y, each drawn by itself. */
export const translation = augmentation({
  strength: 'share',
  of: (layout) => (clip, share, random) => {
    const [dx, dy] = [random.uniform(-share, share), random.uniform(-share, share)];
    return seenThrough(clip, layout, () => ({ dx, dy }));
  },
});

/** `{ name: 'perspective', p, tilt: 0.1 }`: as from a camera that is tilted, so that one edge of what is seen is up to that share nearer, its opposite farther. */
export const perspective = augmentation({
  strength: 'tilt',
  of: (layout) => (clip, tilt, random) => {
    const [alongX, alongY] = [random.uniform(-tilt, tilt), random.uniform(-tilt, tilt)];
    return seenThrough(clip, layout, ({ halfWidth, halfHeight }) => ({
      wx: halfWidth === 0 ? 0 : alongX / halfWidth,
      wy: halfHeight === 0 ? 0 : alongY / halfHeight,
    }));
  },
});

/** `{ name: 'mirror', p }`: left and right exchanged, about its middle; a right hand becomes a left one, and so do points of body and face. Pictures too. */
export const mirror = augmentationOfAny({
  of: (layout) => {
    if (layout === undefined) return flipPictures;
    const { dimensions } = layout;
    const images = Int32Array.from(layout.mirror, (point) => dimensions * point);
    const width = widthOfLayout(layout);
    return (clip) => {
      const { values, frames } = seenThrough(clip, layout, () => ({ xx: -1 }));
      const exchanged = new Float32Array(values.length);
      let to = 0;
      for (let frame = 0; frame < values.length; frame += width)
        for (const image of images) for (let axis = 0; axis < dimensions; axis++) exchanged[to++] = number(values, frame + image + axis);
      return { values: exchanged, frames };
    };
  },
});

/**
 * What becomes of a place (x, y), measured from the clip's middle, and of its depth: (xx·x + xy·y + dx, yx·x + yy·y + dy, zz·z) / (1 + wx·x + wy·y). What is left
 * out changes nothing.
 */
interface Projection {
  readonly xx?: number;
  readonly xy?: number;
  readonly dx?: number;
  readonly yx?: number;
  readonly yy?: number;
  readonly dy?: number;
  readonly zz?: number;
  readonly wx?: number;
  readonly wy?: number;
}

/** The smallest rectangle that holds all key points of a clip. */
interface Extent {
  readonly x: number;
  readonly y: number;
  readonly halfWidth: number;
  readonly halfHeight: number;
}

/** A clip of which every key point is moved so, those that are missing left out. One without any stays as it is. */
function seenThrough(clip: Clip, { dimensions }: KeypointLayout, projectionOf: (extent: Extent) => Projection): Clip {
  const { values, frames } = clip;
  const extent = extentOf(values, dimensions);
  if (extent === undefined) return clip;
  const { xx = 1, xy = 0, dx = 0, yx = 0, yy = 1, dy = 0, zz = 1, wx = 0, wy = 0 } = projectionOf(extent);
  const { x: middleX, y: middleY } = extent;
  const isTilted = wx !== 0 || wy !== 0; // Nothing else is divided: that would take most of the time.
  const moved = new Float32Array(values.length);
  for (let at = 0; at < values.length; at += dimensions) {
    if (missing(values, at, dimensions)) continue;
    const x = number(values, at) - middleX;
    const y = number(values, at + 1) - middleY;
    let toX = xx * x + xy * y + dx;
    let toY = yx * x + yy * y + dy;
    let toZ = dimensions === 3 ? zz * number(values, at + 2) : 0;
    if (isTilted) {
      const distance = 1 + wx * x + wy * y;
      toX /= distance;
      toY /= distance;
      toZ /= distance;
    }
    moved[at] = middleX + toX;
    moved[at + 1] = middleY + toY;
    if (dimensions === 3) moved[at + 2] = toZ;
    keep(moved, at, dimensions);
  }
  return { values: moved, frames };
}

function extentOf(values: Float32Array, dimensions: 2 | 3): Extent | undefined {
  let left = Infinity;
  let right = -Infinity;
  let top = Infinity;
  let bottom = -Infinity;
  for (let at = 0; at < values.length; at += dimensions) {
    if (missing(values, at, dimensions)) continue;
    const x = number(values, at);
    const y = number(values, at + 1);
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
  }
  if (left > right) return undefined;
  return { x: (left + right) / 2, y: (top + bottom) / 2, halfWidth: (right - left) / 2, halfHeight: (bottom - top) / 2 };
}
