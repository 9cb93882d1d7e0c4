import path from 'node:path';
import { elementAt } from '../foundation/required';
import { inspectClip, UNREAD_CLIP, type FoundClip } from './clip';
import type { ClipFormat } from './clip-checks';
import { digestOfValues } from './clip-set';
import type { DataProblem } from './data-error';
import type { OddClips } from './dataset-checks';
import { mapConcurrently, NO_SUCH_FILE, Turns } from './file-reading';
import { missingProblem, type LocatedClip } from './locate-clips';
import { whileHoldingPacks } from './pack/set-pack';
import { RememberedChecks, type RememberedClip } from './remembered-checks';

/** What reading a clip left: its length, its values' digest, and whether a generator made it. */
export interface LoadedClip {
  readonly frames: number;
  readonly digest: string;
  readonly synthetic: boolean;
}

interface LoadedClips {
  /** In the order of the clips asked for; undefined for one that cannot be used. */
  readonly clips: readonly (LoadedClip | undefined)[];
  /** Every clip's values in the same order, none for one that cannot be used; undefined where they take more than the budget. */
  readonly values: readonly (Float32Array | undefined)[] | undefined;
  readonly problems: readonly DataProblem[];
  readonly odd: OddClips;
}

export interface LoadOptions {
  /** The most memory that the clips' values may take; a larger set is read from its files as it is needed. */
  readonly memoryBudgetBytes: number;
  /** Where it is kept which clips of a set that does not fit have been checked; none, and all are checked each time, where it is left out. */
  readonly checksCache?: string | undefined;
  /** Is told how many clips have been read and checked, of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Says of the place of a clip whether it is not read. */
  readonly passOver: (index: number) => boolean;
}

const READS_AT_ONCE = 8;
const NOT_READ: FoundClip = { ...UNREAD_CLIP, content: undefined };
const NOT_THERE: FoundClip = { ...NOT_READ, problems: [NO_SUCH_FILE] };

/**
 * Reads and checks every clip, and keeps the values as long as all of them fit the budget. Of a set that is known not to fit, clips that were checked before and stayed as they
 * were are not read.
 * @param folders of the clips.
 */
export async function loadClips(
  located: readonly LocatedClip[],
  folders: readonly string[],
  format: ClipFormat,
  options: LoadOptions,
): Promise<LoadedClips> {
  return whileHoldingPacks(folders, async () => {
    const { onProgress, passOver, memoryBudgetBytes } = options;
    const found = new Array<FoundClip | undefined>(located.length);
    const values = new ValueStore(memoryBudgetBytes);
    const memory = await ChecksOfFolders.of(folders, format, options);
    const wanted: number[] = [];
    for (const [index, { missing }] of located.entries()) {
      if (passOver(index)) found[index] = NOT_READ;
      else if (missing !== undefined) found[index] = NOT_THERE;
      else wanted.push(index);
    }
    const known = wanted.map((index) => memory?.find(elementAt(located, index).file));
    const bytesKnown = known.reduce((sum, clip) => sum + (clip === undefined ? 0 : bytesOf(clip.content.frames, format)), 0);
    const isTooLarge = bytesKnown > memoryBudgetBytes;
    if (isTooLarge) values.drop();
    const toRead = wanted.filter((index, place) => {
      const clip = isTooLarge ? known[place] : undefined;
      if (clip !== undefined) found[index] = { ...clip, problems: [] };
      return clip === undefined;
    });
    let done = located.length - toRead.length;
    if (done > 0) onProgress?.(done, located.length);
    const files = toRead.map((index) => elementAt(located, index).file);
    const stamps = files.map((file) => memory?.stampOf(file));
    const turns = new Turns();
    await mapConcurrently(toRead, READS_AT_ONCE, async (index) => {
      const { clip, problems, remarks, outsideUnit, allZero, constant, synthetic } = await inspectClip(
        elementAt(located, index).file,
        format,
        turns,
      );
      const content = clip && { frames: clip.frames, digest: digestOfValues(clip.values) };
      found[index] = { content, problems, remarks, outsideUnit, allZero, constant, synthetic };
      if (clip !== undefined) values.keep(index, clip.values);
      onProgress?.(++done, located.length);
    });
    if (!values.isOpen && toRead.length > 0)
      for (const [place, index] of toRead.entries()) memory?.keep(elementAt(files, place), stamps[place], found[index]);
    memory?.save();
    return loadedClips(
      located,
      found.map((clip) => clip ?? NOT_READ),
      values.all(),
    );
  });
}

function bytesOf(frames: number, { width }: ClipFormat): number {
  return frames * width * Float32Array.BYTES_PER_ELEMENT;
}

function loadedClips(located: readonly LocatedClip[], found: readonly FoundClip[], values: LoadedClips['values']): LoadedClips {
  const clips: (LoadedClip | undefined)[] = [];
  const problems: DataProblem[] = [];
  const odd = { outsideUnit: [] as string[], allZero: [] as string[], constant: [] as string[], remarks: [] as DataProblem[] };
  for (const [index, clip] of located.entries()) {
    const { file } = clip;
    const { content, synthetic, outsideUnit, allZero, constant, remarks, problems: wrong } = elementAt(found, index);
    clips.push(content && { frames: content.frames, digest: content.digest, synthetic });
    if (outsideUnit) odd.outsideUnit.push(file);
    if (allZero) odd.allZero.push(file);
    if (constant) odd.constant.push(file);
    for (const problem of remarks) odd.remarks.push({ file, problem });
    for (const problem of wrong) problems.push({ file, problem: problem === NO_SUCH_FILE ? missingProblem(clip) : problem });
  }
  return { clips, values, problems, odd };
}

/** The values of all clips, or of none once they take more than the budget. */
class ValueStore {
  private values: Float32Array[] | undefined = [];
  private bytes = 0;

  constructor(private readonly budget: number) {}

  get isOpen(): boolean {
    return this.values !== undefined;
  }

  drop(): void {
    this.values = undefined;
  }

  keep(index: number, values: Float32Array): void {
    this.bytes += values.byteLength;
    if (this.bytes > this.budget) this.values = undefined;
    if (this.values) this.values[index] = values;
  }

  all(): readonly (Float32Array | undefined)[] | undefined {
    return this.values;
  }
}

/** Fewer bytes are read and checked in a moment. */
const WORTH_REMEMBERING = 16_000_000;

/** What is remembered of the clips of a set, which may lie in two folders. */
class ChecksOfFolders {
  private bytesKept = 0;

  private constructor(
    private readonly folders: readonly (readonly [folder: string, checks: RememberedChecks])[],
    private readonly format: ClipFormat,
  ) {}

  /** Undefined where nothing is remembered: nobody said where, or the clips are pictures, whose folders do not show what changes in them. */
  static async of(folders: readonly string[], format: ClipFormat, { checksCache }: LoadOptions): Promise<ChecksOfFolders | undefined> {
    if (checksCache === undefined || format.pictureSide !== undefined) return undefined;
    const checks: [string, RememberedChecks][] = [];
    for (const folder of new Set(folders)) checks.push([folder, await RememberedChecks.of(checksCache, folder, format)]);
    return new ChecksOfFolders(checks, format);
  }

  find(file: string): RememberedClip | undefined {
    return this.checksOf(file)?.find(file);
  }

  stampOf(file: string): string | undefined {
    return this.checksOf(file)?.stampOf(file);
  }

  /** Remembers a clip, unless something is wrong with it. */
  keep(file: string, stamp: string | undefined, clip: FoundClip | undefined): void {
    if (clip?.content === undefined || clip.problems.length > 0 || stamp === undefined) return;
    this.checksOf(file)?.keep(file, stamp, { ...clip, content: clip.content });
    this.bytesKept += bytesOf(clip.content.frames, this.format);
  }

  /** Writes what is new, where that is worth it. What cannot be kept is checked again the next time. */
  save(): void {
    if (this.bytesKept < WORTH_REMEMBERING) return;
    try {
      for (const [, checks] of this.folders) checks.save();
    } catch {
      // A cache that cannot be written spares nothing, and breaks nothing.
    }
  }

  private checksOf(file: string): RememberedChecks | undefined {
    return this.folders.find(([folder]) => file.startsWith(folder + path.sep))?.[1];
  }
}
