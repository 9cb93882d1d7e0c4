import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { isClipFile } from '../data/clip-names';
import { placeInPack } from '../data/pack/set-pack';
import { isPictureFile } from '../data/pictures';
import { kindOfPlace, namesIn } from '../data/places';
import { UserError } from '../foundation/errors';

/** How far folders below a folder are looked through. */
const DEEPEST = 8;

/**
 * The clips that `--input` names: files as they are, of folders every `.npz` and `.npy` in them and in the folders below, of patterns (`clips/*_fail.npz`) whatever fits. A folder of pictures is a clip, one
 * of such folders several.
 * @throws UserError for a name that stands for no clip.
 */
export async function clipFiles(inputs: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const input of inputs) files.push(...(await filesOf(input)));
  return [...new Set(files)];
}

async function filesOf(input: string): Promise<string[]> {
  const within = await inPack(input);
  if (within !== undefined) return within;
  if (!existsSync(input)) {
    const found = /[*?[{]/.test(input) ? await fitting(input) : undefined;
    if (found === undefined) throw new UserError(`--input ${input}: no such file or folder`);
    if (found.length === 0) throw new UserError(`--input ${input}: no file fits this pattern`);
    return found;
  }
  if (!statSync(input).isDirectory() || holdsPictures(input)) return [input];
  const clips = await below(input);
  if (clips.length === 0) throw new UserError(`--input ${input}: the folder holds no clip (.npz or .npy) and no folder of pictures`);
  return clips.sort();
}

/** The clips of a folder and of those below it, as sets have one for each sign. */
async function below(folder: string, depth = 0): Promise<string[]> {
  const clips: string[] = [];
  for (const entry of await namesIn(folder)) {
    const place = path.join(folder, entry.name);
    if (!entry.isDirectory()) clips.push(...(isClipFile(entry.name) ? [place] : []));
    else if (placeInPack(place) === undefined && holdsPictures(place)) clips.push(place);
    else if (depth < DEEPEST) clips.push(...(await below(place, depth + 1)));
  }
  return clips;
}

/** The clips that a place within a pack stands for; undefined for any other place. */
async function inPack(input: string): Promise<string[] | undefined> {
  const kind = placeInPack(input) === undefined ? 'nothing' : await kindOfPlace(input);
  if (kind === 'file') return [input];
  if (kind !== 'folder') return undefined;
  const clips = await below(input);
  if (clips.length === 0) throw new UserError(`--input ${input}: no clip (.npz or .npy) lies there in the pack`);
  return clips.sort();
}

function holdsPictures(folder: string): boolean {
  return readdirSync(folder).some(isPictureFile);
}

async function fitting(pattern: string): Promise<string[]> {
  const { glob } = await import('tinyglobby');
  const found = await glob([pattern.replaceAll('\\', '/')], { absolute: path.isAbsolute(pattern), expandDirectories: false });
  return found.sort();
}
