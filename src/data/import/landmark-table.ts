import { UserError } from '../../foundation/errors';
import { elementAt, required } from '../../foundation/required';
import { excerpt, listed } from '../../foundation/text';
import { gapsIn } from './folder-listing';
import { LandmarkClip, partNamed, type PartName } from './landmarks';

/** A table of landmarks, its columns by their names in small letters; a cell that is empty is NaN or ''. */
export interface ColumnTable {
  readonly rows: number;
  readonly columns: ReadonlyMap<string, TableColumn>;
}

export type TableColumn = ArrayLike<number | string>;

const FRAME = ['frame', 'frame_number', 'frame_id', 'frame_index', 'frame_no'] as const;
const TYPE = ['type', 'part', 'landmark_type', 'body_part'] as const;
const INDEX = ['landmark_index', 'landmark', 'index', 'landmark_id', 'point'] as const;
/** What tells the clips of a table apart that holds several. */
const SEQUENCE = ['sequence_id', 'sequence', 'clip', 'video', 'video_id'] as const;
const MOST_FRAMES = 100_000;

/** How a table keeps landmarks: a row each, or a row a frame; undefined where its columns show no landmarks. */
export function tableKind(columns: readonly string[]): 'a row a frame and landmark' | 'a row a frame' | undefined {
  const names = new Set(columns.map((name) => name.toLowerCase()));
  const has = (choices: readonly string[]): boolean => choices.some((name) => names.has(name));
  if (has(FRAME) && has(TYPE) && has(INDEX) && names.has('x') && names.has('y')) return 'a row a frame and landmark';
  return columns.filter((name) => wideColumn(name) !== undefined).length >= 2 * 21 ? 'a row a frame' : undefined;
}

/** The columns of a table that are wanted. */
export function isWanted(column: string): boolean {
  const name = column.toLowerCase();
  const long: readonly string[] = [...FRAME, ...TYPE, ...INDEX, ...SEQUENCE, 'x', 'y', 'z', 'visibility'];
  return long.includes(name) || wideColumn(name) !== undefined;
}

/** @throws UserError where the table has no rows, or its frames or landmarks cannot be told. */
export function clipOfTable(table: ColumnTable): LandmarkClip {
  if (table.rows === 0) throw new UserError('it has no rows');
  const sequences = columnOf(table, SEQUENCE);
  const several = sequences === undefined ? 0 : new Set(Array.from(sequences)).size;
  if (several > 1) throw new UserError(`it holds ${several} clips in one table; write a file for each`);
  const names = [...table.columns.keys()];
  switch (tableKind(names)) {
    case 'a row a frame and landmark':
      return clipOfLongTable(table);
    case 'a row a frame':
      return clipOfWideTable(table, names);
    case undefined:
      throw new UserError(
        `its columns are ${listed(
          names.map((name) => excerpt(name)),
          8,
        )}; expected frame, type, landmark_index, x, y, z, or columns such as x_pose_0`,
      );
  }
}

function clipOfLongTable(table: ColumnTable): LandmarkClip {
  const frames = frameNumbers(required(columnOf(table, FRAME), 'the column of frames'));
  const [types, indices] = [
    required(columnOf(table, TYPE), 'the column of types'),
    required(columnOf(table, INDEX), 'the column of landmarks'),
  ];
  const [x, y] = [required(table.columns.get('x'), 'the column x'), required(table.columns.get('y'), 'the column y')];
  const [z, visibility] = [table.columns.get('z'), table.columns.get('visibility')];
  const clip = startedClip(frames);
  const unknown = new Set<string>();
  for (let row = 0; row < table.rows; row++) {
    const type = String(elementAt(types, row));
    const part = partNamed(type);
    if (part === undefined) {
      unknown.add(type);
      continue;
    }
    const track = clip.track(part);
    const [frame, landmark] = [elementAt(frames.places, row), Number(elementAt(indices, row))];
    track.set(frame, landmark, numberAt(x, row), numberAt(y, row), numberAt(z, row));
    const visible = visibility === undefined ? NaN : numberAt(visibility, row);
    if (part === 'pose' && !Number.isNaN(visible)) track.setVisibility(frame, landmark, visible);
  }
  if (unknown.size > 0)
    clip.notes.push(
      `left out: rows of ${listed(
        [...unknown].map((type) => excerpt(type)),
        3,
      )}`,
    );
  return clip;
}

function clipOfWideTable(table: ColumnTable, names: readonly string[]): LandmarkClip {
  const own = columnOf(table, FRAME);
  const frames =
    own === undefined
      ? { places: Array.from({ length: table.rows }, (_, row) => row), numbers: undefined, count: table.rows }
      : frameNumbers(own);
  const clip = startedClip(frames);
  const landmarks = new Map<string, { part: PartName; landmark: number; columns: Partial<Record<Coordinate, TableColumn>> }>();
  for (const name of names) {
    const found = wideColumn(name);
    if (found === undefined) continue;
    const { part, landmark, coordinate } = found;
    const key = `${part} ${landmark}`;
    const one = landmarks.get(key) ?? { part, landmark, columns: {} };
    one.columns[coordinate] = required(table.columns.get(name), `the column ${name}`);
    landmarks.set(key, one);
  }
  for (const { part, landmark, columns } of landmarks.values()) {
    const track = clip.track(part);
    for (let row = 0; row < table.rows; row++) {
      const frame = elementAt(frames.places, row);
      track.set(frame, landmark, numberAt(columns.x, row), numberAt(columns.y, row), numberAt(columns.z, row));
      const visible = numberAt(columns.visibility, row);
      if (part === 'pose' && !Number.isNaN(visible)) track.setVisibility(frame, landmark, visible);
    }
  }
  return clip;
}

type Coordinate = 'x' | 'y' | 'z' | 'visibility';

interface WideColumn {
  readonly part: PartName;
  readonly landmark: number;
  readonly coordinate: Coordinate;
}

/** `x_pose_0`, `pose_0_x`, `pose_x_0`, `left_hand_3.y`: the three orders that are in use. */
const WIDE = [
  /^(?<coordinate>[xyzv]|vis|visibility)[_. -](?<part>[a-z_ -]+?)[_. -]?(?<landmark>\d+)$/,
  /^(?<part>[a-z_ -]+?)[_. -]?(?<landmark>\d+)[_. -](?<coordinate>[xyzv]|vis|visibility)$/,
  /^(?<part>[a-z_ -]+?)[_. -](?<coordinate>[xyzv]|vis|visibility)[_. -]?(?<landmark>\d+)$/,
] as const;

/** What a column of a wide table holds; undefined where it is no coordinate of a landmark. */
function wideColumn(name: string): WideColumn | undefined {
  const lower = name.toLowerCase();
  for (const pattern of WIDE) {
    const found = pattern.exec(lower)?.groups;
    const part = found === undefined ? undefined : partNamed(required(found['part'], 'the name of a part'));
    if (found === undefined || part === undefined) continue;
    const coordinate = required(found['coordinate'], 'the name of a coordinate');
    return {
      part,
      landmark: Number(found['landmark']),
      coordinate: coordinate === 'x' || coordinate === 'y' || coordinate === 'z' ? coordinate : 'visibility',
    };
  }
  return undefined;
}

function columnOf(table: ColumnTable, choices: readonly string[]): TableColumn | undefined {
  const name = choices.find((choice) => table.columns.has(choice));
  return name === undefined ? undefined : table.columns.get(name);
}

function numberAt(column: TableColumn | undefined, row: number): number {
  const cell = column?.[row];
  return typeof cell === 'number' ? cell : cell === undefined || cell === '' ? NaN : Number(cell);
}

interface FrameNumbers {
  /** Of each row the place of its frame in the clip. */
  readonly places: readonly number[];
  /** The frames' own numbers, in order; undefined where they have none. */
  readonly numbers: readonly number[] | undefined;
  readonly count: number;
}

function frameNumbers(column: TableColumn): FrameNumbers {
  const own = Array.from(column, Number);
  const wrong = own.findIndex((number) => !Number.isInteger(number));
  if (wrong !== -1) throw new UserError(`row ${wrong + 1}: its frame is "${excerpt(String(column[wrong]))}"; expected a whole number`);
  const numbers = [...new Set(own)].sort((one, other) => one - other);
  const places = new Map(numbers.map((number, place) => [number, place]));
  return { places: own.map((number) => required(places.get(number), 'the place of a frame')), numbers, count: numbers.length };
}

function startedClip({ numbers, count }: FrameNumbers): LandmarkClip {
  if (count > MOST_FRAMES) throw new UserError(`${count} frames (at most ${MOST_FRAMES} are read)`);
  const clip = new LandmarkClip(count);
  const gaps = numbers === undefined ? undefined : gapsIn(numbers);
  if (gaps !== undefined) clip.notes.push(gaps);
  return clip;
}
