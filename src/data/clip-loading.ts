import { inspectClip, type InspectedClip } from './clip';
import type { ClipFormat } from './clip-checks';
import { mapConcurrently } from './concurrency';
import { NO_SUCH_FILE } from './bounded-file';
import type { DataProblem } from './data-error';
import { digestOfValues } from './fingerprint';
import { missingProblem, type LocatedClip } from './locate-clips';
import { Turns } from './turns';

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
  /** The files with nothing but zeros: no key point in any frame. */
  readonly allZero: readonly string[];
}

const READS_AT_ONCE = 8;
const NOT_THERE: InspectedClip = { clip: undefined, problems: [NO_SUCH_FILE], outsideUnit: false, allZero: false, synthetic: false };

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
  const inspected = await mapConcurrently(located, READS_AT_ONCE, async ({ file, missing }, index) => {
    const { clip, problems, outsideUnit, allZero, synthetic } = missing === undefined ? await inspectClip(file, format, turns) : NOT_THERE;
    if (clip) kept.keep(index, clip.values);
    onProgress?.(++done, located.length);
    return { problems, outsideUnit, allZero, loaded: clip && { frames: clip.frames, digest: digestOfValues(clip.values), synthetic } };
  });
  const problems = located.flatMap((clip, index) => problemsOf(clip, inspected[index]?.problems ?? []));
  return {
    clips: inspected.map(({ loaded }) => loaded),
    values: kept.all(),
    problems,
    outsideUnit: located.filter((_, index) => inspected[index]?.outsideUnit).map(({ file }) => file),
    allZero: located.filter((_, index) => inspected[index]?.allZero).map(({ file }) => file),
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

function problemsOf(clip: LocatedClip, problems: InspectedClip['problems']): DataProblem[] {
  return problems.map((problem) => ({ file: clip.file, problem: problem === NO_SUCH_FILE ? missingProblem(clip) : problem }));
}
