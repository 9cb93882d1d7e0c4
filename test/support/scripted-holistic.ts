import { LANDMARKS } from '../../src/extraction/landmarks';
import { FACE_LANDMARKS } from '../../src/config/known-layouts';
import { elementAt } from '../../src/foundation/required';

const faceLandmarks: readonly number[] = FACE_LANDMARKS;

interface ScriptedLandmark {
  x: number;
  y: number;
  visibility: number;
}

/** What MediaPipe says of a picture, as its script in a browser does. */
type ScriptedResults = Partial<Record<'poseLandmarks' | 'leftHandLandmarks' | 'rightHandLandmarks' | 'faceLandmarks', ScriptedLandmark[]>>;

/** The results of which `keypointsOf` makes these key points, a frame of 156 numbers. */
export function resultsOf(frame: Float32Array): ScriptedResults {
  const at = (point: number): ScriptedLandmark => {
    const [x, y] = [elementAt(frame, 2 * point), elementAt(frame, 2 * point + 1)];
    return { x, y, visibility: x === 0 && y === 0 ? 0 : 1 };
  };
  const part = (first: number, count: number): ScriptedLandmark[] | undefined => {
    const points = Array.from({ length: count }, (_, place) => at(first + place));
    return points.some(({ visibility }) => visibility > 0) ? points : undefined;
  };
  const hidden: ScriptedLandmark = { x: 0.5, y: 0.5, visibility: 0 };
  const legs = Array.from({ length: LANDMARKS.pose.count - 25 }, () => hidden);
  const ofFace = part(67, 11);
  const face = Array.from({ length: LANDMARKS.face.count }, (_, landmark) => ofFace?.[faceLandmarks.indexOf(landmark)] ?? hidden);
  const pose = part(0, 25);
  const [left, right] = [part(25, 21), part(46, 21)];
  return {
    ...(pose === undefined ? {} : { poseLandmarks: [...pose, ...legs] }),
    ...(left === undefined ? {} : { leftHandLandmarks: left }),
    ...(right === undefined ? {} : { rightHandLandmarks: right }),
    ...(ofFace === undefined ? {} : { faceLandmarks: face }),
  };
}

/** A script in MediaPipe's place that finds these results in pictures, one after the other and again from the start. */
export function scriptedHolistic(results: readonly ScriptedResults[]): string {
  return `window.Holistic = class {
  results = ${JSON.stringify(results)};
  place = 0;
  setOptions() {}
  reset() {}
  async initialize() {}
  onResults(listener) { this.listener = listener; }
  async send() {
    await new Promise((resolve) => setTimeout(resolve, 25));
    this.listener(this.results[this.place++ % this.results.length]);
  }
};`;
}
