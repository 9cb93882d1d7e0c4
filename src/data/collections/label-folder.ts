import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../foundation/errors';
import { elementAt, required } from '../../foundation/required';
import { isClipFile, withoutExtension } from '../clip-names';
import { DataError, type DataProblem } from '../data-error';
import { splitOfWord } from './assign-clips';
import type { CollectedClip } from './collection-rows';
import { SPLIT_NAMES } from './read-collection';

const MOST_CLIPS = 1_000_000;
const DEEPEST = 8;

/** The names of the clips in a folder and those within it, without extension, in order; hidden ones left out. */
async function clipNames(folder: string): Promise<string[]> {
  const names: string[] = [];
  const visit = async (place: string, depth: number): Promise<void> => {
    for (const entry of await readdir(path.join(folder, place), { withFileTypes: true })) {
      const name = place === '' ? entry.name : `${place}/${entry.name}`;
      if (entry.name.startsWith('.')) continue;
      if (entry.isDirectory() && depth < DEEPEST) await visit(name, depth + 1);
      else if (isClipFile(entry.name) && names.push(withoutExtension(name).normalize('NFC')) > MOST_CLIPS)
        throw new UserError(`${folder}: more than ${MOST_CLIPS} clips; is it the right folder?`);
    }
  };
  await visit('', 0);
  return names.sort();
}

/**
 * The clips of a folder with the signs that their folders or names say.
 * @param pattern `{sign}_{number}`: how the names are made; without one, the first folder is the sign.
 * @throws DataError with the clips whose names say no sign.
 */
export async function clipsByName(folder: string, pattern: string | undefined): Promise<CollectedClip[]> {
  const names = await clipNames(folder);
  if (names.length === 0) throw new UserError(`${folder}: no clips (.npz or .npy) in it; check the path`);
  const read = pattern === undefined ? firstFolder : readerOf(pattern);
  const problems: DataProblem[] = [];
  const clips = names.flatMap((name): CollectedClip[] => {
    const found = read(name);
    if (typeof found !== 'string') return [{ name, ...found }];
    problems.push({ file: path.join(folder, name), problem: found });
    return [];
  });
  if (problems.length > 0) throw new DataError(problems);
  return clips;
}

type FromName = Omit<CollectedClip, 'name'> | string;

function firstFolder(name: string): FromName {
  const [sign, ...rest] = name.split('/');
  return rest.length > 0 && sign !== undefined
    ? { sign }
    : 'it lies in no folder of a sign; put it in one, or say by --pattern how its name tells the sign, as "{sign}_{number}"';
}

const PLACEHOLDER = /\{([a-z]*)\}/g;
const PARTS: Readonly<Record<string, string | undefined>> = {
  sign: '(?<sign>[^/]+?)',
  signer: '(?<signer>[^/]+?)',
  split: '(?<split>[^/]+?)',
  number: String.raw`\d+`,
  any: '[^/]*?',
};
const MOST_PLACEHOLDERS = 5;

/** @throws UserError where it has no `{sign}`, or something that stands for nothing. */
function readerOf(pattern: string): (name: string) => FromName {
  const placeholders = [...pattern.matchAll(PLACEHOLDER)].map((match) => elementAt(match, 1));
  const unknown = placeholders.find((name) => !Object.hasOwn(PARTS, name));
  const wrong =
    unknown !== undefined
      ? `{${unknown}} stands for nothing; there are ${Object.keys(PARTS).join(', ')}`
      : !placeholders.includes('sign')
        ? 'it has no {sign}'
        : new Set(placeholders.filter((name) => name !== 'any' && name !== 'number')).size <
            placeholders.filter((name) => name !== 'any' && name !== 'number').length
          ? 'it names a part twice'
          : placeholders.length > MOST_PLACEHOLDERS
            ? `it has more than ${MOST_PLACEHOLDERS} placeholders`
            : undefined;
  if (wrong !== undefined) throw new UserError(`--pattern ${pattern}: ${wrong}; "{sign}_{number}" reads hello_003`);
  const literal = (text: string): string => text.normalize('NFC').replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  const pieces = pattern.split(PLACEHOLDER).map((piece, index) => (index % 2 === 0 ? literal(piece) : required(PARTS[piece], piece)));
  const expression = new RegExp(`^${pieces.join('')}$`, 'u');
  return (name) => {
    const found = expression.exec(name)?.groups;
    if (found === undefined) return `its name is not made as "${pattern}"`;
    const { sign, signer, split } = found;
    const part = split === undefined ? undefined : splitOfWord(split);
    if (split !== undefined && part === undefined) return `"${split}" in its name is no part; expected train, val or test`;
    return {
      sign: required(sign, 'the sign'),
      ...(signer === undefined ? {} : { signer }),
      ...(part === undefined ? {} : { split: SPLIT_NAMES[part] }),
    };
  };
}
