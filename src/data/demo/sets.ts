import type { ClipEntry, Dataset, LabelNames } from '../clip-set';
import { KEYPOINT_LAYOUT, type DataLayout } from '../data-source';
import type { NpyArray } from '../npy';
import { demoWidth } from './clip';
import { demoFeatureWidth, featureDemoDataset } from './features';
import { demoDataset, type DemoOptions } from './generate';
import { keypointCount } from './skeleton';

/** A kind of the demo set. */
export interface DemoSet {
  readonly dataset: (options: DemoOptions) => Dataset;
  /** What its folders are called where it is written. */
  readonly layout: DataLayout;
  /** The arrays of a clip's file. */
  readonly clipArrays: (entry: ClipEntry, values: Float32Array, labels: LabelNames) => Readonly<Record<string, NpyArray>>;
  /** For people, what these are. */
  readonly arrays: readonly string[];
}

const framesPerSecond = 30;

/** Clips of key points. */
export const keypointDemo: DemoSet = {
  dataset: demoDataset,
  layout: KEYPOINT_LAYOUT,
  clipArrays: (entry, values, labels) => {
    const { frames } = entry;
    const mask = Uint8Array.from({ length: frames * keypointCount }, (_, point) => (isMissing(values, point) ? 0 : 1));
    const keypoints = { dims_per_frame: demoWidth, keypoints_total: keypointCount, order: 'pose25,left_hand21,right_hand21,face11' };
    return {
      X: { dtype: 'float32', shape: [frames, demoWidth], values },
      mask: { dtype: 'bool', shape: [frames, keypointCount], values: mask },
      timestamps_ms: timestamps(frames),
      meta: metaOf(entry, labels, keypoints),
    };
  },
  arrays: [
    'X float32 [frames, 156] (78 key points, x and y in 0 to 1, a missing one (0, 0)), mask bool [frames, 78],',
    'timestamps_ms int64 [frames], meta (JSON, with "synthetic": true)',
  ],
};

/** Clips of features. */
const featureDemo: DemoSet = {
  dataset: featureDemoDataset,
  layout: { trainFolder: 'features_train', validationFolder: 'features_val' },
  clipArrays: (entry, values, labels) => ({
    X2048: { dtype: 'float32', shape: [entry.frames, demoFeatureWidth], values },
    timestamps_ms: timestamps(entry.frames),
    meta: metaOf(entry, labels, {}),
  }),
  arrays: ['X2048 float32 [frames, 2048] (made up, of no picture), timestamps_ms int64 [frames], meta (JSON, with "synthetic": true)'],
};

const SETS = new Map([
  [demoWidth, keypointDemo],
  [demoFeatureWidth, featureDemo],
]);

/** The demo set whose clips have so many numbers a frame. @throws Error where there is none. */
export function demoSetOfWidth(width: number): DemoSet {
  const set = SETS.get(width);
  if (set === undefined) throw new Error(`no demo set has ${width} numbers a frame`);
  return set;
}

function timestamps(frames: number): NpyArray {
  const values = BigInt64Array.from({ length: frames }, (_, frame) => BigInt(Math.floor((frame * 1000) / framesPerSecond)));
  return { dtype: 'int64', shape: [frames], values };
}

function metaOf(entry: ClipEntry, labels: LabelNames, further: Readonly<Record<string, unknown>>): NpyArray {
  const meta = {
    file: entry.name,
    gloss: labels.gloss[entry.gloss],
    synthetic: true,
    target_fps: framesPerSecond,
    frames: entry.frames,
    ...further,
    source: 'synthetic: made by the generator of the Kumpas demo set',
  };
  return { dtype: 'text', shape: [], values: [JSON.stringify(meta)] };
}

function isMissing(values: Float32Array, point: number): boolean {
  return values[2 * point] === 0 && values[2 * point + 1] === 0;
}
