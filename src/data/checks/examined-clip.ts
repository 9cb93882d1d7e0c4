import type { KeypointLayout } from '../../config/keypoint-layout';
import { elementAt } from '../../foundation/required';
import { counted, percent } from '../../foundation/text';
import { openArrays, readValues } from '../clip';
import { checkMask, checkMeta, checkTimestamps, checkValues, keypointDoubts, readMeta } from '../clip-checks';
import { digestOfValues } from '../clip-set';
import { FileError } from '../data-error';
import { NO_SUCH_FILE, Turns } from '../file-reading';
import type { NpyArray } from '../npy-array';
import { UnreadableType } from '../npy-header';
import { kindOfPlace, sizeOfPlace } from '../places';
import type { ArrayFile } from '../npz';
import { measureMovement, type ClipMovement } from './clip-movement';
import type { ClipFinding, FindingCode } from './findings';
import { projectFrames } from './near-duplicates';
import { medianOf } from './robust-figures';
import type { CheckedFormat, SetClip } from './set-under-check';

/** What is known of a clip after it was read once: its values themselves are not kept. */
export interface ExaminedClip {
  readonly findings: readonly ClipFinding[];
  /** Undefined where its values cannot be used. */
  readonly content: ClipContent | undefined;
}

/** What a clip that can be used holds, in figures. */
export interface ClipContent {
  readonly frames: number;
  /** From its timestamps, or from its meta; undefined where neither says. */
  readonly framesPerSecond: number | undefined;
  readonly least: number;
  readonly most: number;
  /** sha256 of its values. */
  readonly digest: string;
  /** A few numbers a frame, from {@link projectFrames}. */
  readonly projections: Float32Array;
  /** Undefined where nothing is known of points: of features. */
  readonly movement: ClipMovement | undefined;
  /** Points a frame that have values, though the mask calls them missing. */
  readonly deniedByMask: number;
  /** The gloss that its meta names. */
  readonly gloss: string | undefined;
  /** Whether its meta says that a generator made it. */
  readonly synthetic: boolean;
}

/** A clip of a set with what it holds. */
export interface CheckedClip {
  readonly clip: SetClip;
  readonly content: ClipContent;
}

/** Mask and values may differ in so many points: a point that was clamped into the picture's corner is (0, 0), and was found. */
const MASK_TOLERANCE = 0.01;
/** From this share on, points that the mask calls missing are no few of low visibility: it is the wrong way round, or of another clip. */
const MASK_DENIES_MOST = 0.5;
/** A step of this many usual ones is a gap: two frames were dropped. */
const GAP_STEPS = 2.5;
/** How far the rate that the timestamps show may be from the one that the meta says. */
const RATE_TOLERANCE = 0.1;

/** Reads a clip and checks everything that can be seen of it alone. @param turns what clips that are read at once share: a large one is read alone. */
export async function examineClip(file: string, format: CheckedFormat, turns = new Turns()): Promise<ExaminedClip> {
  const findings: ClipFinding[] = [];
  const add = (code: FindingCode, ...texts: readonly string[]): void => {
    findings.push(...texts.map((text) => ({ code, text })));
  };
  try {
    const size = await sizeOfPlace(file);
    if (size === 0 && (await kindOfPlace(file)) === 'file')
      return { findings: [{ code: 'empty-file', text: '0 bytes' }], content: undefined };
    const examine = async (): Promise<ClipContent | undefined> => examineArrays(await openArrays(file, format), format, findings);
    return { findings, content: size > LARGE ? await turns.alone(examine) : await examine() };
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    add(error.problem === NO_SUCH_FILE ? 'missing-clip' : 'damaged-file', error.problem);
    return { findings, content: undefined };
  }
}

/** Bytes from which on one file is read at a time. */
const LARGE = 8 * 1024 * 1024;

async function examineArrays(file: ArrayFile, format: CheckedFormat, findings: ClipFinding[]): Promise<ClipContent | undefined> {
  const add = (code: FindingCode, ...texts: readonly string[]): void => {
    findings.push(...texts.map((text) => ({ code, text })));
  };
  const isThere = file.has(format.key);
  let array: NpyArray;
  try {
    array = await readValues(file, format);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    add(isThere ? 'damaged-file' : 'missing-array', error.problem);
    return undefined;
  }
  const { values, frames, problems } = checkValues(array, format);
  add(values === undefined ? 'wrong-shape' : 'not-finite', ...problems);
  if (values === undefined || problems.length > 0) return undefined;
  const { keypoints: layout } = format;
  const beside = await readBeside(file, add);
  const { mask, timestamps_ms: times, meta } = beside;
  const denied = mask === undefined ? 0 : examineMask(mask, values, { frames, layout }, add);
  const rate = times === undefined ? undefined : examineTimes(times, frames, add);
  const fields = meta === undefined ? undefined : readMeta(meta);
  if (typeof fields === 'string') add('odd-meta', fields);
  const said = typeof fields === 'object' ? fields : new Map<string, unknown>();
  if (layout !== undefined) add('wrong-meta', ...checkMeta(said, layout));
  const target = said.get('target_fps');
  if (rate !== undefined && typeof target === 'number' && target > 0 && Math.abs(rate / target - 1) > RATE_TOLERANCE)
    add('odd-timestamps', `they show ${rate.toFixed(1)} frames a second, and the meta says ${target}`);
  const framesSaid = said.get('frames');
  if (typeof framesSaid === 'number' && framesSaid !== frames)
    add('meta-contradicts-values', `${framesSaid} frames, and the clip has ${frames}`);
  if (layout !== undefined) for (const { kind, text } of keypointDoubts(values, layout)) add(DOUBTS[kind](text), text);
  const gloss = said.get('gloss');
  const [least, most] = rangeOf(values);
  return {
    frames,
    framesPerSecond: rate ?? (typeof target === 'number' && target > 0 ? target : undefined),
    least,
    most,
    digest: digestOfValues(values),
    projections: projectFrames(values, format.width),
    movement: layout === undefined ? undefined : measureMovement(values, layout),
    deniedByMask: denied,
    gloss: typeof gloss === 'string' ? gloss : undefined,
    synthetic: said.get('synthetic') === true,
  };
}

/** What the doubts of a clip's key points are called here. */
const DOUBTS: Readonly<Record<ReturnType<typeof keypointDoubts>[number]['kind'], (text: string) => FindingCode>> = {
  'no-keypoints': () => 'no-keypoints',
  'outside-unit': (text) => (text.includes('pixels') ? 'pixels' : 'outside-unit'),
  constant: () => 'constant-clip',
};

const BESIDE = ['mask', 'timestamps_ms', 'meta'] as const;

async function readBeside(
  file: ArrayFile,
  add: (code: FindingCode, text: string) => void,
): Promise<Partial<Record<(typeof BESIDE)[number], NpyArray>>> {
  const found: Partial<Record<(typeof BESIDE)[number], NpyArray>> = {};
  for (const key of BESIDE) {
    if (!file.has(key)) continue;
    try {
      found[key] = await file.read(key);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      add(error.cause instanceof UnreadableType ? 'unread-array' : 'damaged-file', error.problem);
    }
  }
  return found;
}

/** Checks a mask, and that it says of the points what the values say. @returns how many points a frame it calls missing that have values. */
function examineMask(
  mask: NpyArray,
  values: Float32Array,
  { frames, layout }: { readonly frames: number; readonly layout: KeypointLayout | undefined },
  add: (code: FindingCode, ...texts: readonly string[]) => void,
): number {
  const problems = checkMask(mask, frames, layout);
  if (layout !== undefined && values.every((value) => value === 0)) return 0; // A mask without a visible point is right then.
  add('odd-mask', ...problems);
  if (problems.length > 0 || layout === undefined || mask.dtype === 'text') return 0;
  const { dimensions } = layout;
  if (mask.values.length !== frames * layout.points.length) return 0;
  let [found, claimed, denied] = [0, 0, 0];
  const points = mask.values.length;
  for (let point = 0; point < points; point++) {
    const at = dimensions * point;
    const isFound = values[at] !== 0 || values[at + 1] !== 0 || (dimensions === 3 && values[at + 2] !== 0);
    const isSaid = Number(mask.values[point]) !== 0;
    if (isFound) found++;
    if (isSaid && !isFound) claimed++;
    if (!isSaid && isFound) denied++;
  }
  const perFrame = (count: number): string => `${(count / frames).toFixed(1)} of ${layout.points.length} points a frame`;
  if (claimed > MASK_TOLERANCE * points) add('mask-contradicts-values', `it calls ${perFrame(claimed)} found that are (0, 0)`);
  else if (denied <= MASK_DENIES_MOST * found) return denied / frames;
  else add('mask-contradicts-values', `it calls ${perFrame(denied)} missing that have values`);
  return 0;
}

/** Checks when the frames were shown. @returns the frames a second. */
function examineTimes(times: NpyArray, frames: number, add: (code: FindingCode, ...texts: readonly string[]) => void): number | undefined {
  const problems = checkTimestamps(times, frames);
  add('odd-timestamps', ...problems);
  if (problems.length > 0 || frames < 2 || times.dtype === 'text') return undefined;
  const moments = Array.from(times.values, Number);
  const steps = moments.slice(1).map((moment, step) => moment - elementAt(moments, step));
  const whole = elementAt(moments, frames - 1) - elementAt(moments, 0);
  if (whole === 0) {
    add('odd-timestamps', `all ${counted(frames, 'frame')} are at ${elementAt(moments, 0)} ms`);
    return undefined;
  }
  const usual = medianOf(steps);
  const longest = steps.reduce((most, step, at) => (step > elementAt(steps, most) ? at : most), 0);
  const gap = elementAt(steps, longest);
  if (frames > 2 && gap > GAP_STEPS * usual)
    add(
      'timestamp-gap',
      `${gap} ms before frame ${longest + 1}, where frames are ${usual} ms apart (${percent(gap / whole, 0)} of the clip)`,
    );
  return (1000 * (frames - 1)) / whole;
}

function rangeOf(values: Float32Array): [least: number, most: number] {
  let least = Infinity;
  let most = -Infinity;
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return [least, most];
}
