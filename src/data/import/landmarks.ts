/** The parts that MediaPipe Holistic tells apart; all formats are brought to these. */
export const PARTS = ['pose', 'face', 'left_hand', 'right_hand'] as const;
export type PartName = (typeof PARTS)[number];

/** What OpenPose finds beside hands, for layouts that have its points as they are. */
export type OpenPoseTrack = 'body' | 'openpose_face';

/** The landmarks of a part as its detector numbers them; MediaPipe's face has ten more where the irises were refined. */
export const LANDMARKS_OF: Readonly<Record<PartName | OpenPoseTrack, number>> = {
  pose: 33,
  face: 478,
  left_hand: 21,
  right_hand: 21,
  body: 25,
  openpose_face: 70,
};

/** Numbers a landmark here: x, y, z. */
const COORDINATES = 3;

/** One part over a clip, before it is a clip of Kumpas: the landmarks as the source has them, NaN where it has none. */
export class PartTrack {
  /** `[frames, landmarks, 3]`: x, y, z. */
  readonly values: Float32Array;
  /** `[frames, landmarks]`; undefined as long as the source says none. */
  visibility: Float32Array | undefined;
  private readonly landmarks: number;

  constructor(
    part: PartName | OpenPoseTrack,
    private readonly frames: number,
  ) {
    this.landmarks = LANDMARKS_OF[part];
    this.values = new Float32Array(frames * this.landmarks * COORDINATES).fill(NaN);
  }

  /** Where the three numbers of a landmark begin. */
  at(frame: number, landmark: number): number {
    return (frame * this.landmarks + landmark) * COORDINATES;
  }

  /** Sets a landmark; one beyond those that the part has is left out. */
  set(frame: number, landmark: number, x: number, y: number, z: number): void {
    if (landmark < 0 || landmark >= this.landmarks) return;
    const at = this.at(frame, landmark);
    this.values[at] = x;
    this.values[at + 1] = y;
    this.values[at + 2] = z;
  }

  setVisibility(frame: number, landmark: number, visibility: number): void {
    if (landmark < 0 || landmark >= this.landmarks) return;
    this.visibility ??= new Float32Array(this.frames * this.landmarks).fill(1);
    this.visibility[frame * this.landmarks + landmark] = visibility;
  }

  /** The landmarks that are there in any frame. */
  landmarksThere(): number[] {
    const there = new Set<number>();
    for (let at = 0; at < this.values.length; at += COORDINATES) {
      const x = this.values[at];
      if (x !== undefined && x !== 0 && Number.isFinite(x)) there.add((at / COORDINATES) % this.landmarks);
    }
    return [...there];
  }

  /** Whether any landmark has a z. */
  get hasDepth(): boolean {
    for (let at = 2; at < this.values.length; at += COORDINATES) if (Number.isFinite(this.values[at])) return true;
    return false;
  }

  /** How sure the source is that a landmark can be seen: 1 where it does not say. */
  visibilityOf(frame: number, landmark: number): number {
    return this.visibility?.[frame * this.landmarks + landmark] ?? 1;
  }
}

/** Width and height of the picture that landmarks were found in, in pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** A clip as a source has it: parts over frames. */
export class LandmarkClip {
  private readonly tracks = new Map<PartName | OpenPoseTrack, PartTrack>();
  /** What is to be said of it: what was left out or taken for something. */
  readonly notes: string[] = [];
  /** Frames a second, where the source says it. */
  fps: number | undefined;
  /** Where the landmarks are pixels: the size of the picture, or `unknown`. Undefined where they are shares of it. */
  pixels: PictureSize | 'unknown' | undefined;

  constructor(readonly frames: number) {}

  /** A part, which is there from now on. */
  track(part: PartName | OpenPoseTrack): PartTrack {
    const there = this.tracks.get(part);
    if (there !== undefined) return there;
    const made = new PartTrack(part, this.frames);
    this.tracks.set(part, made);
    return made;
  }

  /** A part; undefined where the source lacks it. */
  trackIfThere(part: string): PartTrack | undefined {
    return this.tracks.get(part as PartName | OpenPoseTrack);
  }

  /** The parts of MediaPipe's that the source has, in their usual order. */
  get parts(): PartName[] {
    return PARTS.filter((part) => this.tracks.has(part));
  }
}

/** The part that a name means, as `left_hand`, `LEFT_HAND_LANDMARKS`, `leftHandLandmarks`, `lh`; undefined where it is none. */
export function partNamed(name: string): PartName | undefined {
  const plain = name.toLowerCase().replace(/[^a-z0-9]/g, '');
  if (plain.includes('world')) return undefined;
  if (/face|mesh/.test(plain)) return 'face';
  if (/^lh|left/.test(plain) && /hand|^lh/.test(plain)) return 'left_hand';
  if (/^rh|right/.test(plain) && /hand|^rh/.test(plain)) return 'right_hand';
  return /pose|body/.test(plain) ? 'pose' : undefined;
}
