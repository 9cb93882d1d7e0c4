import { statSync } from 'node:fs';
import { parseJson } from '../../config/json-text';
import type { NpyArray } from '../../data/npy';
import { openNpz } from '../../data/npz';
import { formatNpz } from '../../data/npz-write';
import { replaceFile } from '../../foundation/atomic-file';

/** The key of features in an `.npz`. */
export const FEATURE_KEY = 'X2048';

/** Where features come from: while this is the same, they need not be computed anew. */
export interface FeatureOrigin {
  readonly encoder: string;
  /** The newest change of the pictures, and their bytes in all. */
  readonly changed: number;
  readonly bytes: number;
}

/** Of the files that a clip consists of. */
export function originOf(encoder: string, files: readonly string[]): FeatureOrigin {
  const states = files.map((file) => statSync(file));
  return {
    encoder,
    changed: Math.round(states.reduce((newest, { mtimeMs }) => Math.max(newest, mtimeMs), 0)),
    bytes: states.reduce((sum, { size }) => sum + size, 0),
  };
}

/** Whether a file holds features of that origin. One that is damaged or is none does not. */
export async function holdsFeatures(file: string, origin: FeatureOrigin): Promise<boolean> {
  try {
    const npz = await openNpz(file);
    const { features } = npz.has(FEATURE_KEY) && npz.has('meta') ? parseMeta(await npz.read('meta')) : {};
    return JSON.stringify(features) === JSON.stringify(origin);
  } catch {
    return false;
  }
}

/**
 * Writes features as a clip, whole or not at all, into a folder that is there, with what else the pictures' own `.npz` says of its frames.
 * @param others further arrays, as key points and timestamps.
 */
export function writeFeatures(
  file: string,
  features: Float32Array,
  width: number,
  { others, origin }: { others: ReadonlyMap<string, NpyArray>; origin: FeatureOrigin },
): void {
  const meta = { ...parseMeta(others.get('meta')), features: origin };
  const bytes = formatNpz({
    ...Object.fromEntries(others),
    [FEATURE_KEY]: { dtype: 'float32', shape: [features.length / width, width], values: features },
    meta: { dtype: 'text', shape: [], values: [JSON.stringify(meta)] },
  });
  replaceFile(file, (append) => {
    append(bytes);
  });
}

function parseMeta(array: NpyArray | undefined): Readonly<Record<string, unknown>> {
  if (array?.dtype !== 'text') return {};
  try {
    const parsed = parseJson(array.values[0] ?? ''); // Deeper levels than it allows could not be written again.
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : {};
  } catch {
    return {};
  }
}
