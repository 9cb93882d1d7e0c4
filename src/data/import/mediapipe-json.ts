import { z } from 'zod';
import { UserError } from '../../foundation/errors';
import { readRegularText } from '../../foundation/regular-file';
import { elementAt } from '../../foundation/required';
import { excerpt } from '../../foundation/text';
import { folderOf, placeOf, withoutEnding } from './folder-listing';
import { LANDMARKS_OF, LandmarkClip, partNamed, type PartName } from './landmarks';
import type { LandmarkFormat } from './landmark-format';
import { startOf } from './numpy-files';

const MOST_BYTES = 256 * 1024 * 1024;
const MOST_FRAMES = 100_000;
/** Enough to find a landmark in. */
const START_BYTES = 64 * 1024;
/** Under what a document keeps its frames. */
const LISTS = ['frames', 'results', 'landmarks', 'data', 'keypoints'] as const;

/**
 * JSON as programs on MediaPipe's JavaScript write it, a file a clip: a list of frames, `[{ "poseLandmarks": [{ x, y, z, visibility }], "leftHandLandmarks": … }]` of
 * Holistic, or `landmarks` and `handedness` of the newer tasks-vision.
 */
export const mediaPipeJson: LandmarkFormat = {
  name: 'json',
  title: "MediaPipe's JSON, a list of frames a clip",
  recognise: (listing) => {
    const files = listing.files.filter((file) => /\.json$/i.test(file) && !/_keypoints\.json$/i.test(file));
    const clips = files.filter((file, place) => place > 0 || holdsLandmarks(placeOf(listing, file)));
    const [first] = clips;
    if (first === undefined || !holdsLandmarks(placeOf(listing, first))) return Promise.resolve(undefined);
    return Promise.resolve({
      clips: clips.map((file) => ({
        name: withoutEnding(file),
        files: [file],
        signFolder: folderOf(file),
        read: () => clipOfJson(readRegularText(placeOf(listing, file), MOST_BYTES)),
      })),
      found: "MediaPipe's JSON, a list of frames a clip",
    });
  },
};

function holdsLandmarks(file: string): boolean {
  const start = startOf(file, START_BYTES).toString('utf8');
  return /landmarks|keypoints|hand|pose|face/i.test(start) && /"x"\s*:|\[\s*-?\d/.test(start) && !/"people"\s*:/.test(start);
}

const anyDocument = z.unknown();
const record = z.record(z.string(), z.unknown());
const point = z.union([
  z.looseObject({ x: z.number(), y: z.number(), z: z.number().optional(), visibility: z.number().optional() }),
  z.array(z.number()).min(2).max(4),
]);
const points = z.array(point);
/** A hand of several: tasks-vision says which in a list beside it. */
const handedness = z.array(
  z.union([
    z.array(z.looseObject({ categoryName: z.string() })),
    z.looseObject({ categoryName: z.string() }),
    z.looseObject({ label: z.string() }),
  ]),
);

/**
 * A text as JSON of some form.
 * @throws UserError where it is none.
 */
export function parseJson<Schema extends z.ZodType>(text: string, schema: Schema, name: string): z.output<Schema> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${excerpt(name)} is no readable JSON; is it cut off?`, { cause: error });
  }
  const parsed = schema.safeParse(document);
  if (!parsed.success) throw new UserError(`${excerpt(name)} is JSON of another kind: ${excerpt(z.prettifyError(parsed.error), 200)}`);
  return parsed.data;
}

/** @throws UserError where the text is no JSON, or no list of frames. */
export function clipOfJson(text: string): LandmarkClip {
  const document = parseJson(text, anyDocument, 'the file');
  const frames = framesOf(document);
  if (frames.length > MOST_FRAMES) throw new UserError(`${frames.length} frames (at most ${MOST_FRAMES} are read)`);
  const clip = new LandmarkClip(frames.length);
  const about = record.safeParse(document).data ?? {};
  if (typeof about['fps'] === 'number' && about['fps'] > 0) clip.fps = about['fps'];
  if (typeof about['width'] === 'number' && typeof about['height'] === 'number' && largestIn(frames) > 4)
    clip.pixels = { width: about['width'], height: about['height'] };
  const unknown = new Set<string>();
  frames.forEach((frame, place) => {
    fillFrame(clip, frame, place, unknown);
  });
  if (clip.parts.length === 0) {
    const keys = [...unknown].slice(0, 6).join(', ') || 'nothing';
    throw new UserError(
      `no landmarks are in its frames, which have ${keys}; expected poseLandmarks, leftHandLandmarks, rightHandLandmarks or faceLandmarks`,
    );
  }
  return clip;
}

/** The frames of a document: itself, or what it keeps under a usual name. */
function framesOf(document: unknown): readonly unknown[] {
  if (Array.isArray(document)) return document;
  const under = record.safeParse(document).data ?? {};
  for (const name of LISTS) {
    const frames = under[name];
    if (Array.isArray(frames)) return frames;
  }
  throw new UserError(`it is no list of frames and has none under ${LISTS.join(', ')}`);
}

/** The largest coordinate of the first frames, which tells pixels from shares. */
function largestIn(frames: readonly unknown[]): number {
  return Math.max(0, ...Array.from(JSON.stringify(frames.slice(0, 20)).matchAll(/"[xy]":([\d.]+)/g), ([, number]) => Number(number)));
}

function fillFrame(clip: LandmarkClip, given: unknown, place: number, unknown: Set<string>): void {
  const frame = { ...record.safeParse(given).data };
  const inner = record.safeParse(frame['results'] ?? frame['landmarks']).data;
  const sides = handedness.safeParse(frame['handedness'] ?? frame['handednesses'] ?? frame['multiHandedness']).data?.map(sideOf);
  for (const [name, value] of Object.entries({ ...frame, ...inner })) {
    const part = partNamed(name);
    const own = points.safeParse(value);
    if (own.success && own.data.length > 0) {
      const meant = part ?? partOfSize(own.data.length, undefined);
      if (meant === undefined || /world/i.test(name)) unknown.add(name);
      else fillPoints(clip, meant, place, own.data);
      continue;
    }
    // Several of one kind: people, or hands, of which the list beside says which is which.
    const several = z.array(points).safeParse(value);
    if (!several.success || /world/i.test(name)) {
      unknown.add(name);
      continue;
    }
    const taken = new Set<PartName>();
    several.data.forEach((one, number) => {
      const meant = part ?? partOfSize(one.length, sides?.[number] ?? (number === 0 ? undefined : 'left_hand'));
      if (meant === undefined || one.length === 0) return;
      if (taken.has(meant)) clip.notes.push('some frames show several people; the first is taken');
      else fillPoints(clip, meant, place, one);
      taken.add(meant);
    });
  }
}

function sideOf(given: z.infer<typeof handedness>[number]): PartName | undefined {
  const one = Array.isArray(given) ? given[0] : given;
  const name =
    one === undefined
      ? ''
      : 'label' in one && typeof one.label === 'string'
        ? one.label
        : 'categoryName' in one && typeof one.categoryName === 'string'
          ? one.categoryName
          : '';
  return partNamed(`${name}_hand`);
}

/** The part that has so many landmarks; of a hand it is told which. */
function partOfSize(count: number, side: PartName | undefined): PartName | undefined {
  if (count === LANDMARKS_OF.pose) return 'pose';
  if (count === LANDMARKS_OF.left_hand) return side ?? 'right_hand';
  return count === 468 || count === LANDMARKS_OF.face ? 'face' : undefined;
}

function fillPoints(clip: LandmarkClip, part: PartName, frame: number, found: z.infer<typeof points>): void {
  const track = clip.track(part);
  found.forEach((one, landmark) => {
    const {
      x,
      y,
      z: depth,
      visibility,
    } = Array.isArray(one) ? { x: elementAt(one, 0), y: elementAt(one, 1), z: one[2], visibility: one[3] } : one;
    track.set(frame, landmark, x, y, depth ?? NaN);
    if (part === 'pose' && visibility !== undefined) track.setVisibility(frame, landmark, visibility);
  });
}
