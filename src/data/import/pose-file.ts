import { UserError } from '../../foundation/errors';
import { elementAt } from '../../foundation/required';
import { excerpt, listed } from '../../foundation/text';
import { readBoundedFile } from '../file-reading';
import { MAX_BYTES } from '../npz';
import { folderOf, placeOf, withoutEnding } from './folder-listing';
import { LandmarkClip, partNamed } from './landmarks';
import type { LandmarkFormat } from './landmark-format';
import { fillOpenPose, openPosePart } from './openpose-points';

/**
 * The `.pose` files of the sign-language-processing tools (github.com/sign-language-processing/pose), versions 0.0, 0.1 and 0.2: a header that names components and
 * their points, then coordinates and confidences.
 */
export const poseFiles: LandmarkFormat = {
  name: 'pose',
  title: 'a .pose file a clip, of the sign-language-processing tools',
  recognise: (listing) => {
    const files = listing.files.filter((file) => /\.pose$/i.test(file));
    if (files.length === 0) return Promise.resolve(undefined);
    return Promise.resolve({
      clips: files.map((file) => ({
        name: withoutEnding(file),
        files: [file],
        signFolder: folderOf(file),
        read: async () => clipOfPose(await readBoundedFile(placeOf(listing, file), MAX_BYTES, 'cut the clip')),
      })),
      found: 'a .pose file a clip',
    });
  },
};

/** A component: points that were found together, as `POSE_LANDMARKS`. */
interface PoseComponent {
  readonly name: string;
  /** What a point's numbers are, a letter each, `C` the confidence: `XYZC`. */
  readonly format: string;
  readonly points: readonly string[];
}

interface PoseHeader {
  readonly version: number;
  readonly width: number;
  readonly height: number;
  readonly components: readonly PoseComponent[];
}

/** A file's points over frames, of the first person. */
interface PoseBody {
  readonly fps: number;
  readonly frames: number;
  readonly people: number;
  /** A coordinate of a point of all components. */
  readonly coordinate: (frame: number, point: number, axis: number) => number;
  readonly confidence: (frame: number, point: number) => number;
}

const MOST_COMPONENTS = 100;
const MOST_POINTS = 10_000;
const MOST_FRAMES = 100_000;
const MOST_VALUES = 60_000_000;

/** @throws UserError where the bytes are no `.pose` file, or are cut off. */
export function clipOfPose(bytes: Buffer): LandmarkClip {
  const reader = new PoseReader(bytes);
  const header = readHeader(reader);
  const body = header.version === 0 ? readPeopleByFrame(reader, header) : readArrays(reader, header);
  const clip = new LandmarkClip(body.frames);
  if (body.fps > 0) clip.fps = body.fps;
  if (header.width > 1 || header.height > 1) clip.pixels = { width: header.width, height: header.height };
  if (body.people > 1) clip.notes.push(`it has ${body.people} people; the first is taken`);
  const left: string[] = [];
  let first = 0;
  for (const component of header.components) {
    if (!fillComponent(clip, component, body, first)) left.push(component.name);
    first += component.points.length;
  }
  if (left.length > 0)
    clip.notes.push(
      `left out: ${listed(
        left.map((name) => excerpt(name)),
        4,
      )}`,
    );
  return clip;
}

/** Puts a component into the part that it is. @returns false where it is none. */
function fillComponent(clip: LandmarkClip, component: PoseComponent, body: PoseBody, first: number): boolean {
  const openPose = openPosePart(component.name);
  const part = partNamed(component.name);
  if (openPose === undefined && part === undefined) return false;
  const hasDepth = component.format.toUpperCase().includes('Z');
  for (let frame = 0; frame < body.frames; frame++) {
    const pointAt = (place: number): readonly [number, number, number, number] => [
      body.coordinate(frame, first + place, 0),
      body.coordinate(frame, first + place, 1),
      hasDepth ? body.coordinate(frame, first + place, 2) : NaN,
      body.confidence(frame, first + place),
    ];
    if (openPose !== undefined) {
      fillOpenPose(clip, openPose, frame, component.points.length, pointAt);
      continue;
    }
    if (part === undefined) continue;
    const track = clip.track(part);
    component.points.forEach((name, place) => {
      const [x, y, z, confidence] = pointAt(place);
      if (confidence <= 0) return;
      const landmark = landmarkNamed(name);
      track.set(frame, landmark, x, y, z);
      if (part === 'pose') track.setVisibility(frame, landmark, confidence);
    });
  }
  return true;
}

/** MediaPipe's names of the pose's landmarks, and of a hand's. */
const POSE_NAMES =
  'NOSE LEFT_EYE_INNER LEFT_EYE LEFT_EYE_OUTER RIGHT_EYE_INNER RIGHT_EYE RIGHT_EYE_OUTER LEFT_EAR RIGHT_EAR MOUTH_LEFT MOUTH_RIGHT LEFT_SHOULDER RIGHT_SHOULDER LEFT_ELBOW RIGHT_ELBOW LEFT_WRIST RIGHT_WRIST LEFT_PINKY RIGHT_PINKY LEFT_INDEX RIGHT_INDEX LEFT_THUMB RIGHT_THUMB LEFT_HIP RIGHT_HIP LEFT_KNEE RIGHT_KNEE LEFT_ANKLE RIGHT_ANKLE LEFT_HEEL RIGHT_HEEL LEFT_FOOT_INDEX RIGHT_FOOT_INDEX'.split(
    ' ',
  );
const HAND_NAMES = [
  'WRIST',
  ...['THUMB_CMC', 'THUMB_MCP', 'THUMB_IP', 'THUMB_TIP'],
  ...['INDEX', 'MIDDLE', 'RING', 'PINKY'].flatMap(fingerNames),
];

function fingerNames(finger: string): string[] {
  return ['MCP', 'PIP', 'DIP', 'TIP'].map((joint) => `${finger}_FINGER_${joint}`.replace('PINKY_FINGER', 'PINKY'));
}

/** A landmark's number by its name; those of the face are named by their numbers. −1 where the name is none of MediaPipe's. */
function landmarkNamed(name: string): number {
  if (/^\d+$/.test(name)) return Number(name);
  const ofPose = POSE_NAMES.indexOf(name);
  return ofPose === -1 ? HAND_NAMES.indexOf(name) : ofPose;
}

function readHeader(reader: PoseReader): PoseHeader {
  const version = Math.round(reader.float() * 1000) / 1000;
  if (![0, 0.1, 0.2].includes(version))
    throw new UserError(`no .pose file of a known version: it says ${version}, 0.0, 0.1 and 0.2 are read`);
  const [width, height] = [reader.short(), reader.short()];
  reader.short(); // The depth, which nothing is divided by.
  const count = reader.short();
  if (count > MOST_COMPONENTS) throw new UserError(`${count} components (at most ${MOST_COMPONENTS} are read)`);
  let all = 0;
  const components = Array.from({ length: count }, (): PoseComponent => {
    const [name, format] = [reader.text(), reader.text()];
    const [points, limbs, colors] = [reader.short(), reader.short(), reader.short()];
    all += points;
    if (all > MOST_POINTS) throw new UserError(`more than ${MOST_POINTS} points, which nobody has`);
    const names = Array.from({ length: points }, () => reader.text());
    reader.skip(4 * limbs + 6 * colors);
    return { name, format, points: names };
  });
  return { version, width, height, components };
}

/** Versions 0.1 and 0.2: all coordinates `[frames, people, points, axes]`, then all confidences. */
function readArrays(reader: PoseReader, { version, components }: PoseHeader): PoseBody {
  const fps = version === 0.1 ? reader.short() : reader.float();
  const declared = version === 0.1 ? reader.short() : reader.whole();
  const people = reader.short();
  const points = components.reduce((sum, component) => sum + component.points.length, 0);
  const axes = Math.max(0, ...components.map(({ format }) => format.length)) - 1;
  const perFrame = 4 * people * points * (axes + 1);
  // Version 0.1 counts frames in two bytes, which longer clips overflow: there the bytes tell.
  const frames = version === 0.1 ? (perFrame === 0 ? 0 : Math.floor(reader.left / perFrame)) : declared;
  requireFrames(frames);
  if (frames * perFrame > reader.left)
    throw new UserError(`it is cut off: ${frames} frames take ${frames * perFrame} bytes, it has ${reader.left}`);
  const values = reader.floats(frames * people * points * axes);
  const confidences = reader.floats(frames * people * points);
  return {
    fps,
    frames: people === 0 ? 0 : frames,
    people,
    coordinate: (frame, point, axis) => elementAt(values, (frame * people * points + point) * axes + axis),
    confidence: (frame, point) => elementAt(confidences, frame * people * points + point),
  };
}

/** Version 0.0: of each frame its people one by one, the numbers of a point together, its confidence last. */
function readPeopleByFrame(reader: PoseReader, { components }: PoseHeader): PoseBody {
  const [fps, frames] = [reader.short(), reader.short()];
  requireFrames(frames);
  const points = components.reduce((sum, component) => sum + component.points.length, 0);
  // A frame without people takes two bytes, so that a small file may tell of many frames of many points.
  if (frames * points > MOST_VALUES) throw new UserError(`${frames} frames of ${points} points (at most ${MOST_VALUES} in all are read)`);
  const values = new Float32Array(frames * points * 3);
  const confidences = new Float32Array(frames * points);
  let most = 0;
  for (let frame = 0; frame < frames; frame++) {
    const people = reader.short();
    most = Math.max(most, people);
    for (let person = 0; person < people; person++) {
      reader.skip(2); // A number that tells people apart.
      let point = frame * points;
      for (const { points: names, format } of components) {
        const numbers = reader.floats(names.length * format.length);
        if (person > 0) continue;
        for (let place = 0; place < names.length; place++, point++) {
          const own = numbers.subarray(place * format.length, (place + 1) * format.length);
          values.set(own.subarray(0, Math.min(3, format.length - 1)), 3 * point);
          confidences[point] = elementAt(own, format.length - 1);
        }
      }
    }
  }
  return {
    fps,
    frames,
    people: most,
    coordinate: (frame, point, axis) => elementAt(values, (frame * points + point) * 3 + axis),
    confidence: (frame, point) => elementAt(confidences, frame * points + point),
  };
}

function requireFrames(frames: number): void {
  if (frames > MOST_FRAMES) throw new UserError(`${frames} frames (at most ${MOST_FRAMES} are read)`);
}

/** Little-endian numbers and texts, one after the other. */
class PoseReader {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  get left(): number {
    return this.bytes.length - this.at;
  }

  short(): number {
    return this.bytes.readUInt16LE(this.take(2));
  }

  whole(): number {
    return this.bytes.readUInt32LE(this.take(4));
  }

  float(): number {
    return this.bytes.readFloatLE(this.take(4));
  }

  text(): string {
    const length = this.short();
    const at = this.take(length);
    return this.bytes.toString('utf8', at, at + length);
  }

  floats(count: number): Float32Array {
    const at = this.take(4 * count);
    const values = new Float32Array(count);
    for (let place = 0; place < count; place++) values[place] = this.bytes.readFloatLE(at + 4 * place);
    return values;
  }

  skip(bytes: number): void {
    this.take(bytes);
  }

  private take(bytes: number): number {
    if (bytes > this.left) throw new UserError(`it is cut off at byte ${this.bytes.length}, or is no .pose file`);
    this.at += bytes;
    return this.at - bytes;
  }
}
