import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { CollectedClip } from '../../src/data/collections/collection-rows';
import { writeCollectionTables } from '../../src/data/collections/collection-tables';
import type { NpyArray } from '../../src/data/npy-array';
import { formatNpz } from '../../src/data/npz';

/** Runs a test in an empty folder that is removed afterwards. */
export async function inTemporaryFolder<T>(test: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-test-'));
  try {
    return await test(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Values `[frames, width]` in [0, 1] that tell clips apart by `seed`. */
export function clipValues(frames: number, seed = 1, width = 156): Float32Array {
  return Float32Array.from({ length: frames * width }, (_, index) => ((index * 31 + seed * 97) % 1009) / 1009);
}

/** The arrays of a clip as real ones have them; `undefined` in `changes` leaves an array out. */
export function clipArrays(
  frames: number,
  seed = 1,
  changes: Readonly<Record<string, NpyArray | undefined>> = {},
): Record<string, NpyArray> {
  const meta = { dims_per_frame: 156, keypoints_total: 78, order: 'pose25,left_hand21,right_hand21,face11' };
  const arrays: Record<string, NpyArray | undefined> = {
    X: { dtype: 'float32', shape: [frames, 156], values: clipValues(frames, seed) },
    mask: { dtype: 'bool', shape: [frames, 78], values: new Uint8Array(frames * 78).fill(1) },
    timestamps_ms: { dtype: 'int64', shape: [frames], values: BigInt64Array.from({ length: frames }, (_, frame) => BigInt(frame * 33)) },
    meta: { dtype: 'text', shape: [], values: [JSON.stringify(meta)] },
    ...changes,
  };
  return Object.fromEntries(Object.entries(arrays).filter((entry): entry is [string, NpyArray] => entry[1] !== undefined));
}

/** One clip of a test's data folder. */
export interface TestClip {
  readonly name: string;
  readonly gloss: number;
  readonly category: number;
  readonly frames: number;
  readonly seed?: number;
}

/** Writes a data folder laid out as the real ones are. */
export function writeDataFolder(folder: string, splits: { readonly train: readonly TestClip[]; readonly val: readonly TestClip[] }): void {
  for (const [split, clips] of Object.entries(splits)) {
    mkdirSync(path.join(folder, `keypoints_${split}`), { recursive: true });
    const lines = clips.map(({ name, gloss, category }) => `${name},${gloss},${category}`);
    writeFileSync(path.join(folder, `${split}_labels.csv`), ['file,gloss,cat', ...lines, ''].join('\n'));
    clips.forEach(({ name, frames, seed }, index) => {
      const digit = split === 'val' ? 500 : 0;
      writeFileSync(path.join(folder, `keypoints_${split}`, `${name}.npz`), formatNpz(clipArrays(frames, seed ?? index + 1 + digit)));
    });
  }
}

/** One clip of a test's collection. */
export interface TestCollectedClip extends CollectedClip {
  readonly frames?: number;
  /** Clips of one seed have the same values. */
  readonly seed?: number;
}

/** Writes a collection, as `data extract` and `data import` do: its clips and its tables. */
export function writeCollection(folder: string, clips: readonly TestCollectedClip[], categories?: ReadonlyMap<string, string>): void {
  clips.forEach(({ name, frames = 3, seed }, index) => {
    const file = path.join(folder, 'keypoints', `${name}.npz`);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, formatNpz(clipArrays(frames, seed ?? index + 1)));
  });
  writeCollectionTables(folder, clips, categories);
}
