import { widthOfLayout, type KeypointLayout, type KeypointPart } from '../../config/keypoint-layout';
import { elementAt } from '../../foundation/required';

/** What of a canvas a skeleton is drawn with: Node's, or a browser's. */
export interface SkeletonCanvas {
  strokeStyle: unknown;
  fillStyle: unknown;
  lineWidth: number;
  beginPath(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  stroke(): void;
  fill(): void;
  fillRect(x: number, y: number, width: number, height: number): void;
  arc(x: number, y: number, radius: number, from: number, to: number): void;
}

/** How the parts of a skeleton look; what is said of no part by its name is the `other`. */
export interface SkeletonStyle {
  readonly colours: Readonly<Record<string, string>> & { readonly other: string };
  /** Of lines, in units of the picture. */
  readonly thickness: Readonly<Record<string, number>> & { readonly other: number };
  /** The side of the square that stands for a point of a part without bones. */
  readonly pointSize: number;
  /** The radius of the dot on every point; none where it is left out. */
  readonly dots?: Readonly<Record<string, number>> & { readonly other: number };
  /** What lies over the middle of a hollow dot: the colour of the page. */
  readonly paper?: string;
}

/** The lines and points that a layout's skeletons are drawn with. */
export interface Skeleton {
  readonly layout: KeypointLayout;
  readonly style: SkeletonStyle;
  readonly parts: readonly SkeletonPart[];
}

interface SkeletonPart {
  readonly colour: string;
  readonly thickness: number;
  readonly dot: number;
  /** Chains that begin in the part. */
  readonly chains: readonly (readonly number[])[];
  readonly points: readonly number[];
  /** Whether bones touch it; else its points are squares. */
  readonly hasBones: boolean;
}

/** How the skeletons of a layout are drawn: each part in its colour. A bone between two parts is of the part that it begins in. */
export function skeletonOf(layout: KeypointLayout, style: SkeletonStyle): Skeleton {
  const isIn = (point: number, { first, count }: KeypointPart): boolean => point >= first && point < first + count;
  const joined = new Set(layout.bones.flat());
  const partOf = (part: KeypointPart): SkeletonPart => {
    const points = Array.from({ length: part.count }, (_, place) => part.first + place);
    return {
      colour: style.colours[part.name] ?? style.colours.other,
      thickness: style.thickness[part.name] ?? style.thickness.other,
      dot: style.dots?.[part.name] ?? style.dots?.other ?? 0,
      chains: layout.bones.filter((chain) => isIn(elementAt(chain, 0), part)),
      points,
      hasBones: points.some((point) => joined.has(point)),
    };
  };
  const inParts = layout.parts.map(partOf);
  const alone = [...layout.points.keys()].filter((point) => !layout.parts.some((part) => isIn(point, part)));
  const others = { name: 'other', first: 0, count: 0 };
  return { layout, style, parts: alone.length === 0 ? inParts : [...inParts, { ...partOf(others), points: alone }] };
}

/** What of the plane is shown, and at which scale: all frames of a clip alike, so that movement is seen. */
export interface View {
  readonly left: number;
  readonly top: number;
  /** Units of the picture for each of the plane's. */
  readonly scale: { readonly x: number; readonly y: number };
}

/** The smallest rectangle that holds every point of a clip that was found. */
export interface Bounds {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The bounds of a clip's points, `[frames, width of the layout]`; a single point at 0 where none was found. */
export function boundsOf(values: Float32Array, { dimensions }: KeypointLayout): Bounds {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let at = 0; at < values.length; at += dimensions) {
    if (isMissing(values, at, dimensions)) continue;
    const [x, y] = [elementAt(values, at), elementAt(values, at + 1)];
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  }
  return left > right ? { left: 0, top: 0, width: 0, height: 0 } : { left, top, width: right - left, height: bottom - top };
}

/**
 * The view that shows some bounds in the middle of a picture, as large as they fit.
 * @param room about them, as a share of the larger of their sides.
 * @param stretch how many times as wide as high a unit of the plane is: of shares of a picture, its width by its height.
 */
export function viewOf(bounds: Bounds, size: { readonly width: number; readonly height: number }, room: number, stretch = 1): View {
  const [wide, high] = [bounds.width * stretch, bounds.height];
  const about = room * Math.max(wide, high, Number.MIN_VALUE);
  const scale = Math.min(size.width / (wide + 2 * about), size.height / (high + 2 * about));
  return {
    left: bounds.left - (size.width / scale - wide) / 2 / stretch,
    top: bounds.top - (size.height / scale - high) / 2,
    scale: { x: scale * stretch, y: scale },
  };
}

/**
 * Draws the skeleton of a frame; points that were not found, and the bones to them, are left out.
 * @param frame the numbers of the frame, as many as the layout has.
 * @param isHollow of a point, whether its dot is drawn hollow.
 */
export function drawSkeleton(
  context: SkeletonCanvas,
  frame: Float32Array,
  { layout: { dimensions }, style, parts }: Skeleton,
  view: View,
  isHollow: (point: number) => boolean = () => false,
): void {
  const placeOf = (point: number): readonly [x: number, y: number] | undefined => {
    const at = dimensions * point;
    if (isMissing(frame, at, dimensions)) return undefined;
    return [(elementAt(frame, at) - view.left) * view.scale.x, (elementAt(frame, at + 1) - view.top) * view.scale.y];
  };
  for (const { chains, colour, thickness } of parts) {
    context.strokeStyle = colour;
    context.lineWidth = thickness;
    context.beginPath();
    for (const chain of chains) {
      chain.slice(1).forEach((point, bone) => {
        const [from, to] = [placeOf(elementAt(chain, bone)), placeOf(point)];
        if (from === undefined || to === undefined) return;
        context.moveTo(...from);
        context.lineTo(...to);
      });
    }
    context.stroke();
  }
  for (const { points, colour, hasBones, dot } of parts) {
    context.fillStyle = colour;
    for (const point of points) {
      const place = placeOf(point);
      if (place === undefined) continue;
      if (dot > 0) drawDot(context, place, dot, colour, isHollow(point) ? (style.paper ?? PAPER) : undefined);
      else if (!hasBones)
        context.fillRect(place[0] - style.pointSize / 2, place[1] - style.pointSize / 2, style.pointSize, style.pointSize);
    }
  }
}

/** The light page that films are drawn on. */
const PAPER = '#ffffff';

/** @param paper the colour of a hollow dot's middle; undefined for a filled one. */
function drawDot(
  context: SkeletonCanvas,
  [x, y]: readonly [number, number],
  radius: number,
  colour: string,
  paper: string | undefined,
): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = paper ?? colour;
  context.fill();
  if (paper === undefined) return;
  context.strokeStyle = colour;
  context.lineWidth = radius / 2;
  context.stroke();
}

/** Whether the point whose numbers begin at a place was not found: all of them are 0. */
function isMissing(values: Float32Array, at: number, dimensions: number): boolean {
  for (let number = 0; number < dimensions; number++) if (values[at + number] !== 0) return false;
  return true;
}

/** The numbers of one frame of a clip. */
export function frameOf(values: Float32Array, layout: KeypointLayout, frame: number): Float32Array {
  const width = widthOfLayout(layout);
  return values.subarray(frame * width, (frame + 1) * width);
}
