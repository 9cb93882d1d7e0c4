import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { widthOfLayout, type KeypointLayout } from '../config/keypoint-layout';
import { layoutDescribed } from '../config/layout-description';
import { checkOptions, type Options, type OptionsInput } from '../config/layers';
import { choice, option, positiveNumber, requiredOption, setting, text, texts, wholeNumber } from '../config/setting';
import { readCollection } from '../data/collections/read-collection';
import { FileError } from '../data/data-error';
import { LAYOUT_FILE } from '../data/layout-file';
import { kindOfPlace, openClipArrays, readPlace } from '../data/places';
import { replaceFile } from '../foundation/atomic-file';
import { UserError } from '../foundation/errors';
import { makeFolders } from '../foundation/folders';
import type { Hooks } from '../foundation/hooks';
import { parseJson } from '../foundation/json';
import { elementAt } from '../foundation/required';
import { excerpt } from '../foundation/text';
import { clipFiles } from './input-clips';
import { nameOfClip, shownClipOf, type ClipFacts, type ClipReading, type ReadClip, type ShownClip } from './shown-clip';

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
  if (isFolder) return uniqueNames(files.map((file) => path.join(out, `${nameOfClip(file)}.${as}`)));
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

function noKeypoints({ file, arrays }: ClipFacts, key: string): never {
  const found = arrays.map(({ name, shape }) => `"${excerpt(name)}" [${shape.join(', ')}]`).join(', ');
  throw new FileError(file, `no key points "${key}" [frames, numbers] to draw; it holds ${found}; choose an array with --kp-key`);
}

/** Reads a clip with what is to be shown of it. @throws FileError where it cannot be read. */
export async function readShownClip(file: string, reading: ClipReading): Promise<ReadClip> {
  const { facts, shown } = await shownClipOf(await openClipArrays(file, reading.kp_key), reading, (width) => layoutAbove(file, width));
  const gloss = facts.gloss ?? (await glossInLabels(file));
  return { facts: { ...facts, gloss }, shown: shown && { ...shown, gloss } };
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

/** What a file in one of the folders that a clip lies in says of key points of so many numbers a frame. */
async function layoutAbove(file: string, width: number): Promise<KeypointLayout | undefined> {
  for (const folder of foldersAbove(file)) {
    const place = path.join(folder, LAYOUT_FILE);
    if ((await kindOfPlace(place)) !== 'file') continue;
    const text = (await readPlace(place, LARGEST_LAYOUT, 'is it the right file?')).toString('utf8');
    const layout = layoutDescribed(parseJson(text), place);
    if (widthOfLayout(layout) === width) return layout;
  }
  return undefined;
}
