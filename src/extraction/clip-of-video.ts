import { resizePicture } from '../data/pictures';
import { PICTURES_AT_ONCE, type PictureFeatures } from '../evaluation/frame-features/picture-features';
import { required } from '../foundation/required';
import { clipOfLandmarks, type ClipOfLandmarks } from './clip-of-landmarks';
import type { Video } from './find-videos';
import { UnusableVideo, type VideoStream, type VideoFrame, type LandmarkWorker } from './landmark-worker';
import { framesTaken, momentsOf } from './resample';

/** How clips are made of videos. */
export interface ClipMaking {
  /** Frames a second of the clips. */
  readonly fps: number;
  /** Computes features of the frames too, where it is given. */
  readonly features: PictureFeatures | undefined;
  /** What else each clip's meta is to say. */
  readonly meta: Readonly<Record<string, unknown>>;
}

/** More than so many frames of a clip are no clip of a sign. */
const MOST_CLIP_FRAMES = 20_000;

/**
 * Makes a clip of a video: reads its frames as often as `fps` wants them, finds key points in each, and says in the meta where it all comes from. Frames that are
 * not taken are not looked at either.
 * @throws UnusableVideo where it cannot be read, is cut off, or shows nobody.
 */
export async function clipOfVideo(worker: LandmarkWorker, video: Video, { fps, features, meta }: ClipMaking): Promise<ClipOfLandmarks> {
  const stream = await worker.look(video.file);
  const taken = framesTaken(timesOf(stream), fps);
  if (taken.length > MOST_CLIP_FRAMES)
    throw new UnusableVideo(`at ${fps} frames a second it has ${taken.length}; cut it into videos of one sign each`);
  const read = [...new Set(taken)];
  const landmarks = new Map<number, Float32Array>();
  const encoder = features === undefined ? undefined : new FrameEncoder(features);
  for await (const frame of worker.read(video.file, read, encoder !== undefined)) {
    landmarks.set(required(read[landmarks.size], 'a frame that was asked for'), frame.landmarks);
    encoder?.add(frame);
  }
  const frames = taken.map((place) => required(landmarks.get(place), `the landmarks of frame ${place}`));
  const { clip, occlusion } = clipOfLandmarks(frames, fps, {
    file: video.source,
    gloss: video.sign,
    source_fps: Math.round(stream.rate * 1000) / 1000,
    source_frames: stream.moments.length,
    width: stream.width,
    height: stream.height,
    ...meta,
  });
  if (clip.mask?.includes(1) !== true) throw new UnusableVideo('nobody is found in it: no key point in any frame');
  const encoded = encoder?.finish();
  return { clip: encoded === undefined ? clip : { ...clip, features: rowsOf(encoded, places(taken, read)) }, occlusion };
}

/** When the frames of a video are shown. @throws UnusableVideo where it has none, or fewer than it says. */
function timesOf(stream: VideoStream): number[] {
  if (stream.moments.length === 0) throw new UnusableVideo('it holds no frame that can be decoded');
  const moments = momentsOf(stream);
  if (moments === undefined) throw new UnusableVideo('it says neither when its frames are shown nor how many there are in a second');
  if (isCutOff(stream, moments))
    throw new UnusableVideo(`it is cut off or damaged: ${moments.length} of its ${stream.promised} frames can be read; copy it anew`);
  return moments;
}

/** What may be missing of a video's end: containers only estimate what they hold. */
const LEAST_READ = 0.9;

/** Whether a video ends before it says, in frames and in time: of one whose rate varies, either may be an estimate. */
function isCutOff({ promised, rate }: VideoStream, moments: readonly number[]): boolean {
  if (promised <= 0 || rate <= 0) return false;
  const shown = required(moments.at(-1), 'the last moment') + 1000 / rate;
  return moments.length < LEAST_READ * promised && shown < (LEAST_READ * 1000 * promised) / rate;
}

/** Computes the features of frames as they come, some at once. */
class FrameEncoder {
  private readonly waiting: Uint8Array[] = [];
  private readonly encoded: Float32Array[] = [];

  constructor(private readonly features: PictureFeatures) {}

  add({ height, width, pixels }: VideoFrame): void {
    const { side } = this.features.encoder;
    this.waiting.push(resizePicture({ height, width, pixels: required(pixels, "a frame's pixels") }, side, side));
    if (this.waiting.length === PICTURES_AT_ONCE) this.encode();
  }

  /** A row of features for each frame that was added. */
  finish(): Float32Array[] {
    if (this.waiting.length > 0) this.encode();
    return this.encoded;
  }

  private encode(): void {
    const values = this.features.encode(Buffer.concat(this.waiting.splice(0)));
    const { width } = this.features.encoder;
    for (let at = 0; at < values.length; at += width) this.encoded.push(values.subarray(at, at + width));
  }
}

/** Of each frame that is taken, the place of its row among those that were read. */
function places(taken: readonly number[], read: readonly number[]): number[] {
  const rows = new Map(read.map((frame, row) => [frame, row]));
  return taken.map((frame) => required(rows.get(frame), `the row of frame ${frame}`));
}

function rowsOf(rows: readonly Float32Array[], places: readonly number[]): Float32Array {
  const width = required(rows[0], 'the features of the first frame').length;
  const all = new Float32Array(places.length * width);
  places.forEach((place, row) => {
    all.set(required(rows[place], `the features of frame ${place}`), row * width);
  });
  return all;
}
