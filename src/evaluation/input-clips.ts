import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { isClipFile } from '../data/clip-names';
import { placeInPack } from '../data/pack/set-pack';
import { isPictureFile } from '../data/pictures';
import { kindOfPlace, namesIn } from '../data/places';
import { UserError } from '../foundation/errors';

/**
 * The clips that `--input` names: files as they are, of folders every `.npz` and `.npy`, of patterns (`clips/*_fail.npz`) whatever fits. A folder of pictures is a clip, one
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
  const entries = readdirSync(input, { withFileTypes: true }).map((entry) => ({ entry, place: path.join(input, entry.name) }));
  const clips = entries.filter(({ entry, place }) => (entry.isDirectory() ? holdsPictures(place) : isClipFile(entry.name)));
  if (clips.length === 0) throw new UserError(`--input ${input}: the folder holds no clip (.npz or .npy) and no folder of pictures`);
  return clips.map(({ place }) => place).sort();
}

/** The clips that a place within a pack stands for; undefined for any other place. */
async function inPack(input: string): Promise<string[] | undefined> {
  const kind = placeInPack(input) === undefined ? 'nothing' : await kindOfPlace(input);
  if (kind === 'file') return [input];
  if (kind !== 'folder') return undefined;
  const clips = (await namesIn(input))
    .filter((entry) => entry.isFile() && isClipFile(entry.name))
    .map(({ name }) => path.join(input, name));
  if (clips.length === 0) throw new UserError(`--input ${input}: no clip lies there in the pack; name a folder of clips within it`);
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
