import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { layoutInWords, layoutOf, widthOfLayout, type KeypointLayout } from '../config/keypoint-layout';
import { HOLISTIC_78, layoutOfOrder } from '../config/known-layouts';
import { layoutDescribed } from '../config/layout-description';
import { checkOptions, type Options, type OptionsInput } from '../config/layers';
import { choice, option, positiveNumber, requiredOption, setting, text, texts, wholeNumber } from '../config/setting';
import { checkValues, readMeta } from '../data/clip-checks';
import { readCollection } from '../data/collections/read-collection';
import { FileError } from '../data/data-error';
import { LAYOUT_FILE } from '../data/layout-file';
import { toFloat32, type NpyArray } from '../data/npy';
import type { ArrayFile } from '../data/npz';
import { kindOfPlace, openClipArrays, readPlace } from '../data/places';
import { replaceFile } from '../foundation/atomic-file';
import { UserError } from '../foundation/errors';
import { makeFolders } from '../foundation/folders';
import type { Hooks } from '../foundation/hooks';
import { parseJson } from '../foundation/json';
import { elementAt } from '../foundation/required';
import { excerpt } from '../foundation/text';
import { clipFiles } from './input-clips';
import type { ShownClip } from './pictures/clip-film';

const group = 'Picture';
const KINDS = ['gif', 'png', 'mp4'] as const;

/** The options of {@link showClip}, each a flag of the command `data show`. */
export const showOptions = {
  input: requiredOption(texts('a clip (.npz), or several'), {
    group,
    description:
      'Clips of key points, folders of them, or patterns such as "clips/*.npz"; within a pack too, as set.kumpas.safetensors/keypoints_val/clip.npz.',
  }),
  out: option(
    text('a name that ends in .gif, .png or .mp4, or a folder'),
    {
      group,
      description:
        'The file to write: .gif and .mp4 (by ffmpeg, where it is installed) move, .png is a sheet of frames (of several clips a row each). A folder gets a file for every clip.',
      aliases: ['o'],
    },
    'none: what is in the clip is told in words',
  ),
  as: setting(choice(KINDS), 'gif', { group, description: 'What a folder gets.' }),
  size: setting(wholeNumber(60, 2000), 360, { group, description: 'Height of a figure, in pixels.' }),
  frames: setting(wholeNumber(1, 200), 12, { group, description: 'The most frames of a clip on a sheet, from its first to its last.' }),
  speed: setting(positiveNumber(101), 1, { group, description: 'How many times as fast as the clip a film moves.' }),
  aspect: option(
    text('width by height, as 16:9 or 1.78'),
    { group, description: 'The shape of the picture that the clip was filmed in.' },
    'as the clip’s meta says (width, height), else 4:3',
  ),
  kp_key: setting(text('the name of an array'), 'X', { group, description: 'The array that holds the key points.' }),
} as const;

/** What {@link showClip} is asked for. */
export type ShowOptions = OptionsInput<typeof showOptions>;

/** What is in a clip. */
export interface ClipFacts {
  readonly file: string;
  /** As its meta, or the labels of the set that it lies in, say. */
  readonly gloss: string | undefined;
  readonly frames: number;
  readonly seconds: number;
  readonly framesPerSecond: number | undefined;
  /** Of its key points the layout's name, and in words; undefined where it has none, as a clip of features. */
  readonly keypoints: { readonly layout: string; readonly description: string } | undefined;
  /** Of each part the shares of points that were not found, and of those that the mask says were not seen though there are numbers. */
  readonly parts: readonly { readonly part: string; readonly missing: number; readonly masked: number }[];
  readonly arrays: readonly { readonly name: string; readonly type: NpyArray['dtype']; readonly shape: readonly number[] }[];
  readonly meta: unknown;
  /** The picture of it that was written. */
  readonly picture: string | undefined;
}

/**
 * Tells what is in clips of key points and, where `out` names a file or folder, draws them: as a film (.gif, .mp4), or a sheet of frames (.png).
 * @throws UserError where a clip cannot be read, or the picture is of a kind that cannot be made.
 */
export async function showClip(
  options: ShowOptions,
  { signal }: Pick<Hooks, 'signal'> = {},
): Promise<{ readonly clips: readonly ClipFacts[] }> {
  const checked = checkOptions(showOptions, { source: 'showClip()', values: options });
  const files = await clipFiles([checked.input].flat());
  const pictures = pictureFiles(files, checked);
  const read = [];
  for (const file of files) read.push(await readShownClip(file, checked));
  if (pictures !== undefined) {
    const draw = async (name: string, clips: readonly ShownClip[]): Promise<void> => {
      signal?.throwIfAborted();
      // With the canvas: only when something is drawn.
      const { clipGif, clipSheet } = await import('./pictures/clip-film.js');
      const { writeClipMp4 } = await import('./pictures/clip-mp4.js');
      if (/\.mp4$/i.test(name)) return writeClipMp4(name, elementAt(clips, 0), checked.size, checked.speed);
      const bytes = /\.gif$/i.test(name)
        ? await clipGif(elementAt(clips, 0), checked.size, checked.speed)
        : clipSheet(clips, checked.size, checked.frames);
      makeFolders(path.dirname(path.resolve(name)));
      replaceFile(name, (append) => {
        append(bytes);
      });
    };
    const clips = read.map(({ facts, shown }) => shown ?? noKeypoints(facts, checked.kp_key));
    const [first] = pictures;
    if (first !== undefined && pictures.every((name) => name === first)) await draw(first, clips);
    else for (const [place, name] of pictures.entries()) await draw(name, [elementAt(clips, place)]);
  }
  return { clips: read.map(({ facts }, place) => ({ ...facts, picture: pictures?.[place] })) };
}

/** Of every clip the picture that shows it; undefined where none is wanted. */
function pictureFiles(files: readonly string[], { out, as }: Options<typeof showOptions>): readonly string[] | undefined {
  if (out === undefined) return undefined;
  const isFolder = /[\\/]$/.test(out) || (existsSync(out) && statSync(out).isDirectory()) || path.extname(out) === '';
  if (isFolder) return uniqueNames(files.map((file) => path.join(out, `${nameOf(file)}.${as}`)));
  const kind = path.extname(out).toLowerCase();
  if (!KINDS.some((known) => kind === `.${known}`))
    throw new UserError(`--out ${out}: expected a name that ends in .gif, .png or .mp4, or a folder`);
  if (kind !== '.png' && files.length > 1)
    throw new UserError(
      `--out ${out}: one ${kind} shows one clip, and there are ${files.length}; name a folder, or a .png, which has a row for each`,
    );
  return files.map(() => out);
}

/** Two clips of one name get two pictures. */
function uniqueNames(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : name.replace(/(\.\w+)$/, `-${count}$1`);
  });
}

function nameOf(file: string): string {
  return path.basename(file).replace(/\.np[yz]$/i, '');
}

interface ReadClip {
  readonly facts: ClipFacts;
  /** Undefined where it has no key points. */
  readonly shown: ShownClip | undefined;
}

function noKeypoints({ file, arrays }: ClipFacts, key: string): never {
  const found = arrays.map(({ name, shape }) => `"${excerpt(name)}" [${shape.join(', ')}]`).join(', ');
  throw new FileError(file, `no key points "${key}" [frames, numbers] to draw; it holds ${found}; choose an array with --kp-key`);
}

type Reading = Pick<Options<typeof showOptions>, 'kp_key' | 'aspect'>;

/** Reads a clip with what is to be shown of it. @throws FileError where it cannot be read. */
export async function readShownClip(file: string, reading: Reading): Promise<ReadClip> {
  const { facts, shown } = await shownClipOf(await openClipArrays(file, reading.kp_key), reading, foldersAbove(file));
  const gloss = facts.gloss ?? (await glossInLabels(file));
  return { facts: { ...facts, gloss }, shown: shown && { ...shown, gloss } };
}

/**
 * {@link readShownClip} of a file that is open, as one that lies in memory.
 * @param folders that it lies in, the nearest first: a file in one of them may say what its key points are.
 */
export async function shownClipOf(
  opened: ArrayFile,
  { kp_key: key, aspect: asked }: Reading,
  folders: readonly string[] = [],
): Promise<ReadClip> {
  const { file } = opened;
  const arrays = await readArrays(opened, key);
  const meta = metaOf(arrays.get('meta'));
  const keypoints = await keypointsOf(file, key, arrays, meta, folders);
  const frames =
    keypoints?.frames ?? Math.max(0, ...[...arrays.values()].filter(({ shape }) => shape.length > 1).map(({ shape }) => shape[0] ?? 0));
  const timestampsMs = timestampsOf(arrays.get('timestamps_ms'), frames, meta);
  const gloss = glossOf(meta);
  const seconds = durationOf(timestampsMs);
  const facts: ClipFacts = {
    file,
    gloss,
    frames,
    seconds,
    framesPerSecond: frames < 2 || seconds === 0 ? undefined : frames / seconds,
    keypoints: keypoints && { layout: keypoints.layout.name, description: layoutInWords(keypoints.layout) },
    parts: keypoints === undefined ? [] : sharesOf(keypoints),
    arrays: [...arrays].map(([name, { dtype, shape }]) => ({ name, type: dtype, shape })),
    meta: Object.fromEntries(meta),
    picture: undefined,
  };
  const shown = keypoints && { ...keypoints, timestampsMs, aspect: aspectOf(asked, meta, keypoints.values), name: nameOf(file), gloss };
  return { facts, shown };
}

async function readArrays(opened: ArrayFile, key: string): Promise<Map<string, NpyArray>> {
  const arrays = new Map<string, NpyArray>();
  for (const name of opened.keys) {
    const array = await opened.read(name).catch((error: unknown) => {
      if (error instanceof FileError && name !== key) return undefined; // It is of no account here.
      throw error;
    });
    if (array !== undefined) arrays.set(name, array);
  }
  return arrays;
}

type Keypoints = Pick<ShownClip, 'values' | 'frames' | 'layout' | 'mask'>;

/** The key points of a clip; undefined where it has none under that key. @throws FileError where they are not as they must be. */
async function keypointsOf(
  file: string,
  key: string,
  arrays: ReadonlyMap<string, NpyArray>,
  meta: Meta,
  folders: readonly string[],
): Promise<Keypoints | undefined> {
  const array = arrays.get(key);
  const [, width] = array?.shape ?? [];
  if (array === undefined || width === undefined || width > MOST_NUMBERS) return undefined;
  const {
    values,
    frames,
    problems: [problem],
  } = checkValues(array, { key, width });
  if (values === undefined || problem !== undefined) throw new FileError(file, problem ?? `"${key}" holds no numbers`);
  const layout = await layoutOfClip(file, width, meta, folders);
  return { values, frames, layout, mask: maskOf(arrays.get('mask'), frames * layout.points.length) };
}

type Meta = ReadonlyMap<string, unknown>;

function metaOf(array: NpyArray | undefined): Meta {
  const meta = array === undefined ? undefined : readMeta(array);
  return typeof meta === 'object' ? meta : new Map();
}

function glossOf(meta: Meta): string | undefined {
  const gloss = ['gloss', 'sign', 'label'].map((key) => meta.get(key)).find((value) => typeof value === 'string' && value !== '');
  return typeof gloss === 'string' ? gloss : undefined;
}

/** What the labels of the set or collection that a clip lies in call its sign. */
async function glossInLabels(file: string): Promise<string | undefined> {
  const folder = foldersAbove(file).find((place) => /^(keypoints|features)(_\w+)?$/.test(path.basename(place)));
  if (folder === undefined) return undefined;
  try {
    const { clips, names } = await readCollection(path.dirname(folder));
    const found = clips.find((clip) => path.resolve(clip.file) === path.resolve(file));
    return found === undefined ? undefined : names.gloss[found.label.gloss];
  } catch (error) {
    if (error instanceof UserError) return undefined; // Its labels are not what is asked about.
    throw error;
  }
}

/** The folders that a file lies in, the nearest first. */
function foldersAbove(file: string): string[] {
  const folders = [];
  for (let place = path.dirname(path.resolve(file)); folders.length < DEEPEST && place !== path.dirname(place); place = path.dirname(place))
    folders.push(place);
  return folders;
}

const DEEPEST = 6;
const LARGEST_LAYOUT = 1_000_000;

/** What a file beside the clips says, or their width, or their meta; else points of which nothing is known. */
async function layoutOfClip(file: string, width: number, meta: Meta, folders: readonly string[]): Promise<KeypointLayout> {
  for (const folder of folders) {
    const place = path.join(folder, LAYOUT_FILE);
    if ((await kindOfPlace(place)) !== 'file') continue;
    const text = (await readPlace(place, LARGEST_LAYOUT, 'is it the right file?')).toString('utf8');
    const layout = layoutDescribed(parseJson(text), place);
    if (widthOfLayout(layout) === width) return layout;
  }
  if (width === widthOfLayout(HOLISTIC_78)) return HOLISTIC_78;
  const known = layoutOfOrder(width, meta.get('order'));
  if (known !== undefined) return known;
  const dimensions = width % 2 === 0 ? 2 : 3;
  if (width % dimensions !== 0)
    throw new FileError(file, `frames of ${width} numbers are no key points (x, y), or (x, y, z); choose another array with --kp-key`);
  const points = Array.from({ length: width / dimensions }, (_, point) => `point_${point}`);
  return layoutOf({ name: 'unknown', dimensions, parts: [{ name: 'points', points }], mirror: [], bones: [] });
}

/** More than any skeleton has; features, which have 2048, are no key points. */
const MOST_NUMBERS = 2000;

function maskOf(array: NpyArray | undefined, length: number): ArrayLike<number> | undefined {
  return array === undefined || array.dtype === 'text' || array.values.length !== length ? undefined : toFloat32(array);
}

const USUAL_RATE = 30;

/** When frames were shown: as the clip says, where that never goes back, else at the rate that its meta names, else 30 a second. */
function timestampsOf(array: NpyArray | undefined, frames: number, meta: Meta): number[] {
  if (array !== undefined && array.dtype !== 'text' && array.values.length === frames) {
    const times = Array.from(array.values, Number);
    if (times.every((time, frame) => Number.isFinite(time) && (frame === 0 || time >= elementAt(times, frame - 1)))) return times;
  }
  const said = ['target_fps', 'fps'].map((key) => meta.get(key)).find((value) => typeof value === 'number' && value > 0);
  const rate = typeof said === 'number' ? said : USUAL_RATE;
  return Array.from({ length: frames }, (_, frame) => (1000 * frame) / rate);
}

/** In seconds, the last frame as long as the others are on average. */
function durationOf(timestampsMs: readonly number[]): number {
  const last = timestampsMs.length - 1;
  return last < 1 ? 0 : ((elementAt(timestampsMs, last) - elementAt(timestampsMs, 0)) * (last + 1)) / last / 1000;
}

function sharesOf({ values, frames, layout: { parts, points, dimensions }, mask }: Keypoints): ClipFacts['parts'] {
  return parts.map(({ name, first, count }) => {
    let [missing, masked] = [0, 0];
    for (let frame = 0; frame < frames; frame++) {
      for (let point = first; point < first + count; point++) {
        const place = frame * points.length + point;
        const isThere = values.subarray(place * dimensions, (place + 1) * dimensions).some((value) => value !== 0);
        if (!isThere) missing++;
        else if (mask?.[place] === 0) masked++;
      }
    }
    return { part: name, missing: missing / (frames * count), masked: masked / (frames * count) };
  });
}

const USUAL_ASPECT = 4 / 3;

/** The shape of the picture that numbers are shares of; numbers that are no shares are pixels, as wide as high. */
function aspectOf(asked: string | undefined, meta: Meta, values: Float32Array): number {
  if (asked !== undefined) {
    const [, width, height = '1'] = /^(\d+(?:\.\d+)?)(?:[:/x](\d+(?:\.\d+)?))?$/.exec(asked.trim()) ?? [];
    const aspect = Number(width) / Number(height);
    if (!(aspect > 0.1 && aspect < 10))
      throw new UserError(`--aspect: expected width by height, as 16:9 or 1.78, found "${excerpt(asked)}"`);
    return aspect;
  }
  if (values.some((value) => value > 2 || value < -1)) return 1;
  const [width, height] = [meta.get('width'), meta.get('height')];
  return typeof width === 'number' && typeof height === 'number' && width > 0 && height > 0 ? width / height : USUAL_ASPECT;
}
