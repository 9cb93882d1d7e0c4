import { createHash } from 'node:crypto';
import { readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { writeFileAtomically } from '../foundation/atomic-file';
import { UserError } from '../foundation/errors';
import { version } from '../foundation/installation';
import { readRegularText } from '../foundation/regular-file';
import type { FoundClip } from './clip';
import type { ClipFormat } from './clip-checks';
import { openPack, placeInPack } from './pack/set-pack';

/** To be raised when a check changes: what an earlier one found out is not taken over then, nor what another version of Kumpas did. */
const CHECKER = 1;
const KIND = 'kumpas-checked-clips';
/** Some three million clips. */
const LARGEST = 480_000_000;
/** Folders of clips that are remembered, the newest. */
const MOST_FOLDERS = 64;

/** What is remembered of a clip that can be used. */
export type RememberedClip = Pick<FoundClip, 'outsideUnit' | 'allZero' | 'constant' | 'synthetic' | 'remarks'> & {
  readonly content: NonNullable<FoundClip['content']>;
};

/** A clip in the file: its name, the stamp of its file, frames, the digest of its values, what is odd as bits, and in words where there is any. */
type Row = readonly [name: string, stamp: string, frames: number, digest: string, oddities: number, ...remarks: string[]];

const ODDITIES = ['outsideUnit', 'allZero', 'constant', 'synthetic'] as const;

/**
 * What was found out when clips of a folder, or of a pack, were read and checked, so that this is done once for a clip that stays as it is: of the same size, and neither
 * changed nor replaced since by the file system's clock. It is kept in a file of the cache folder; where that is damaged, of another checker, or not there, all clips
 * are checked again.
 */
export class RememberedChecks {
  private constructor(
    private readonly folder: string,
    private readonly file: string,
    private readonly pack: string | undefined,
    private readonly rows: Map<string, Row>,
  ) {}

  /**
   * @param cache the folder of such files.
   * @param folder of the clips.
   * @param format what the clips were checked to be: what is remembered holds for that alone.
   */
  static async of(cache: string, folder: string, { key, width, keypoints }: ClipFormat): Promise<RememberedChecks> {
    const within = placeInPack(folder);
    const pack = within === undefined ? undefined : (await openPack(within.pack)).stamp;
    const checked = JSON.stringify([path.resolve(folder), key, width, keypoints ?? null]);
    const file = path.join(cache, `${createHash('sha256').update(checked).digest('hex').slice(0, 32)}.json`);
    return new RememberedChecks(folder, file, pack, rowsOf(file));
  }

  /** What is known of a clip whose file is as it was; undefined where it must be checked. @param file from the folder. */
  find(file: string): RememberedClip | undefined {
    const row = this.rows.get(this.nameOf(file));
    if (row === undefined || row[1] !== this.stampOf(file)) return undefined;
    const [, , frames, digest, oddities, ...remarks] = row;
    const isOdd = (place: number): boolean => (oddities & (1 << place)) !== 0;
    return {
      content: { frames, digest },
      remarks,
      outsideUnit: isOdd(0),
      allZero: isOdd(1),
      constant: isOdd(2),
      synthetic: isOdd(3),
    };
  }

  /** The stamp that {@link keep} is to be given, taken before the clip is read: what changes meanwhile is found at the next opening. */
  stampOf(file: string): string | undefined {
    if (this.pack !== undefined) return this.pack;
    const status = statSync(file, { throwIfNoEntry: false });
    return status?.isFile() === true ? [status.size, status.mtimeMs, status.ctimeMs, status.ino].join(' ') : undefined;
  }

  /** Remembers a clip that can be used. */
  keep(file: string, stamp: string, clip: RememberedClip): void {
    const oddities = ODDITIES.reduce((bits, name, place) => bits | (clip[name] ? 1 << place : 0), 0);
    const name = this.nameOf(file);
    this.rows.set(name, [name, stamp, clip.content.frames, clip.content.digest, oddities, ...clip.remarks]);
  }

  /** Writes what is known, and forgets the folders that were opened longest ago. @throws what the file system throws. */
  save(): void {
    const { folder, file, rows } = this;
    writeFileAtomically(file, (append) => {
      append(`${JSON.stringify({ kind: KIND, checker: checker(), folder: path.resolve(folder) })}\n`);
      let lines: string[] = [];
      const flush = (): void => {
        append(lines.join(''));
        lines = [];
      };
      for (const row of rows.values()) if (lines.push(`${JSON.stringify(row)}\n`) === ROWS_AT_ONCE) flush();
      flush();
    });
    const cache = path.dirname(file);
    const others = readdirSync(cache).filter((name) => name.endsWith('.json'));
    const age = new Map(others.map((name) => [name, statSync(path.join(cache, name), { throwIfNoEntry: false })?.mtimeMs ?? 0]));
    const newestFirst = others.toSorted((one, other) => (age.get(other) ?? 0) - (age.get(one) ?? 0));
    for (const name of newestFirst.slice(MOST_FOLDERS)) rmSync(path.join(cache, name), { force: true });
  }

  private nameOf(file: string): string {
    return file.slice(this.folder.length + 1);
  }
}

const ROWS_AT_ONCE = 4096;

function checker(): string {
  return `${CHECKER} ${version}`;
}

/** The rows of a file; none where it is not there or is not what this version writes. */
function rowsOf(file: string): Map<string, Row> {
  const rows = new Map<string, Row>();
  try {
    const [head = '', ...lines] = readRegularText(file, LARGEST).split('\n');
    const { kind, checker: by } = JSON.parse(head) as { readonly kind?: unknown; readonly checker?: unknown };
    if (kind !== KIND || by !== checker()) return new Map();
    for (const line of lines) {
      if (line === '') continue;
      const row: unknown = JSON.parse(line);
      if (!isRow(row)) return new Map();
      rows.set(row[0], row);
    }
    return rows;
  } catch (error) {
    if (error instanceof UserError || error instanceof SyntaxError) return new Map();
    throw error;
  }
}

function isRow(row: unknown): row is Row {
  if (!Array.isArray(row)) return false;
  const [name, stamp, frames, digest, oddities, ...remarks] = row as readonly unknown[];
  return (
    [name, stamp, ...remarks].every((text) => typeof text === 'string') &&
    typeof digest === 'string' &&
    /^[0-9a-f]{64}$/.test(digest) &&
    Number.isSafeInteger(frames) &&
    Number(frames) > 0 &&
    Number.isSafeInteger(oddities)
  );
}
