import type { Holistic, HolisticConfig, InputImage, NormalizedLandmarkList, Results } from '@mediapipe/holistic';
import { LANDMARK_NUMBERS, LANDMARKS } from '../../../extraction/landmarks';
import { element } from '../shared/elements';

/** Where the app serves MediaPipe's files. */
const ADDRESS = '/mediapipe/';

/** The settings that `data extract` has for videos, so that a camera gives the numbers that models are trained on. */
const SETTINGS = {
  modelComplexity: 1,
  smoothLandmarks: true,
  refineFaceLandmarks: true,
  enableSegmentation: false,
  selfieMode: false,
} as const;

declare global {
  interface Window {
    /** The class that MediaPipe's script leaves there. */
    Holistic?: new (config: HolisticConfig) => Holistic;
  }
}

/** Finds the landmarks of a person in pictures: MediaPipe Holistic, which computes on the graphics processor by WebGL. */
export class LandmarkFinder {
  private results: Partial<Results> = {};

  private constructor(private readonly holistic: Holistic) {
    holistic.setOptions(SETTINGS);
    holistic.onResults((results) => {
      this.results = results;
    });
  }

  /** Loads it from the app, some 30 MB. @throws Error where it cannot be loaded. */
  static async load(): Promise<LandmarkFinder> {
    if (window.Holistic === undefined) await loadScript(`${ADDRESS}holistic.js`);
    if (window.Holistic === undefined) throw new Error('MediaPipe could not be loaded from the app; npm ci installs it');
    const finder = new LandmarkFinder(new window.Holistic({ locateFile: (file) => `${ADDRESS}${file}` }));
    await finder.holistic.initialize();
    return finder;
  }

  /** Forgets what it has followed from picture to picture: other pictures come. */
  forget(): void {
    this.holistic.reset();
  }

  /** The landmarks of a picture as `keypointsOf` takes them. */
  async find(image: InputImage): Promise<Float32Array> {
    this.results = {};
    await this.holistic.send({ image });
    return landmarksOf(this.results);
  }
}

/** Whether pictures can be looked at here. */
export function hasWebGL(): boolean {
  return document.createElement('canvas').getContext('webgl2') !== null;
}

/** What MediaPipe found, in the order of {@link LANDMARKS}; NaN where a part was not found. */
function landmarksOf({ poseLandmarks, leftHandLandmarks, rightHandLandmarks, faceLandmarks }: Partial<Results>): Float32Array {
  const frame = new Float32Array(LANDMARK_NUMBERS).fill(NaN);
  const parts: readonly (readonly [keyof typeof LANDMARKS, NormalizedLandmarkList | undefined])[] = [
    ['pose', poseLandmarks],
    ['leftHand', leftHandLandmarks],
    ['rightHand', rightHandLandmarks],
    ['face', faceLandmarks],
  ];
  for (const [name, found] of parts) {
    const { start, count, numbers } = LANDMARKS[name];
    found?.slice(0, count).forEach(({ x, y, visibility = 0 }, landmark) => {
      frame.set([x, y, visibility].slice(0, numbers), start + landmark * numbers);
    });
  }
  return frame;
}

async function loadScript(address: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const script = element('script', { src: address });
    script.addEventListener('load', () => {
      resolve();
    });
    script.addEventListener('error', () => {
      reject(new Error('MediaPipe could not be loaded from the app; npm ci installs it'));
    });
    document.head.append(script);
  });
}
