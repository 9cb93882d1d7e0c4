import path from 'node:path';
import { inspectClip, type InspectedClip } from './clip';
import type { ClipFormat } from './clip-checks';
import { mapConcurrently } from './concurrency';
import type { DataProblem } from './data-error';
import { digestOfValues } from './fingerprint';
import type { ClipLabel } from './labels';
import { Turns } from './turns';

/** One labelled clip that is to be read. */
export interface LocatedClip {
  readonly label: ClipLabel;
  readonly file: string;
  /** The labels CSV that names it. */
  readonly labelsFile: string;
}

/** What reading a clip left: its length, its values' digest, and the values where memory allows. */
export interface LoadedClip {
  readonly frames: number;
  readonly digest: string;
  /** Whether a generator made it. */
  readonly synthetic: boolean;
}

interface LoadedClips {
  /** In the order of the clips asked for; undefined for one that cannot be used. */
  readonly clips: readonly (LoadedClip | undefined)[];
  /** Every clip's values in the same order, none for one that cannot be used; undefined where they take more than the budget. */
  readonly values: readonly (Float32Array | undefined)[] | undefined;
  readonly problems: readonly DataProblem[];
  /** The files with numbers outside [0, 1]. */
  readonly outsideUnit: readonly string[];
}

const READS_AT_ONCE = 8;

/** The file of a labelled clip in its folder. */
export function locateClips(folder: string, labelsFile: string, labels: readonly ClipLabel[]): LocatedClip[] {
  return labels.map((label) => ({ label, labelsFile, file: path.join(folder, `${label.name}.npz`) }));
}

/**
 * Reads and checks every clip, and keeps the values as long as all of them fit `memoryBudgetBytes`.
 * @param onProgress is told how many clips are done, of how many.
 */
export async function loadClips(
  located: readonly LocatedClip[],
  format: ClipFormat,
  memoryBudgetBytes: number,
  onProgress?: (done: number, total: number) => void,
): Promise<LoadedClips> {
  const kept = new ValueStore(memoryBudgetBytes);
  const turns = new Turns();
  let done = 0;
  const inspected = await mapConcurrently(located, READS_AT_ONCE, async ({ file }, index) => {
    const { clip, problems, outsideUnit, synthetic } = await inspectClip(file, format, turns);
    if (clip) kept.keep(index, clip.values);
    onProgress?.(++done, located.length);
    return { problems, outsideUnit, loaded: clip && { frames: clip.frames, digest: digestOfValues(clip.values), synthetic } };
  });
  const problems = located.flatMap((clip, index) => problemsOf(clip, inspected[index]?.problems ?? []));
  return {
    clips: inspected.map(({ loaded }) => loaded),
    values: kept.all(),
    problems,
    outsideUnit: located.filter((_, index) => inspected[index]?.outsideUnit).map(({ file }) => file),
  };
}

/** The values of all clips, or of none once they take more than the budget. */
class ValueStore {
  private values: Float32Array[] | undefined = [];
  private bytes = 0;

  constructor(private readonly budget: number) {}

  keep(index: number, values: Float32Array): void {
    this.bytes += values.byteLength;
    if (this.bytes > this.budget) this.values = undefined;
    if (this.values) this.values[index] = values;
  }

  all(): readonly (Float32Array | undefined)[] | undefined {
    return this.values;
  }
}

function problemsOf({ file, label, labelsFile }: LocatedClip, problems: InspectedClip['problems']): DataProblem[] {
  return problems.map((problem) => {
    if (problem !== 'no such file') return { file, problem };
    return {
      file,
      problem: `no such file, though ${path.basename(labelsFile)} names it (line ${label.line}); add the clip or remove the line`,
    };
  });
}
