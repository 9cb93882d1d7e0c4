import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { checkOptions, type OptionsInput } from '../../config/layers';
import { option, requiredOption, text } from '../../config/setting';
import { replaceFile } from '../../foundation/atomic-file';
import { UserError } from '../../foundation/errors';
import { buildFolderInSteps, makeFolders } from '../../foundation/folders';
import type { Hooks } from '../../foundation/hooks';
import { isClipFile, NPY } from '../clip-names';
import type { NpyArray } from '../npy-array';
import { formatNpy } from '../npy-write';
import { formatNpz } from '../npz';
import { PACK_ENDING } from './pack-index';
import { openPackedClip } from './packed-clip';
import { openPack } from './set-pack';
import { removeUnfinished } from './unfinished';

const group = 'Pack';

/** The options of {@link unpackSet}, each a flag of the command `data unpack`. */
export const unpackOptions = {
  pack: requiredOption(text('a pack, as set.kumpas.safetensors'), { group, description: 'The pack.' }),
  out: option(
    text('the path of a folder'),
    { group, description: 'The new folder.', aliases: ['o'] },
    'the name of the pack without its ending',
  ),
} as const;

/** What {@link unpackSet} is asked for. */
export type UnpackOptions = OptionsInput<typeof unpackOptions>;

/** A pack that was made a folder again. */
export interface UnpackedSet {
  readonly from: string;
  readonly folder: string;
  readonly clips: number;
  readonly tables: number;
}

const LARGEST_TABLE = 64 * 1024 * 1024;
/** What the array of a `.npy` is called here: it has no name. */
const UNNAMED = 'array';

/**
 * Makes a folder of a pack: the tables byte for byte, the clips with the same arrays of the same types and values. Everything is verified as it is read, and the folder is
 * there whole or not at all.
 * @throws UserError where the pack is damaged, or the folder is there already.
 */
export async function unpackSet(options: UnpackOptions, { onEvent, signal }: Hooks = {}): Promise<UnpackedSet> {
  const { pack: from, out } = checkOptions(unpackOptions, { source: 'unpackSet()', values: options });
  const folder =
    out ??
    path
      .basename(from)
      .slice(0, -PACK_ENDING.length)
      .replace(/\.kumpas$/, '');
  if (!existsSync(from) || !statSync(from).isFile())
    throw new UserError(`${from}: no such file; expected a pack, as set.kumpas.safetensors`);
  if (existsSync(folder)) throw new UserError(`${folder}: it is there already; choose another folder with --out`);
  const pack = await openPack(from);
  const { names } = pack;
  const clips = names.filter((name) => isClipFile(name)).length;
  removeUnfinished(folder);
  let done = 0;
  await buildFolderInSteps(folder, async (unfinished) => {
    for (const name of names) {
      signal?.throwIfAborted();
      const file = path.join(unfinished, name);
      const shown = path.join(from, name);
      const bytes = isClipFile(name) ? await clipBytes(name) : await pack.readTable(name, shown, LARGEST_TABLE);
      makeFolders(path.dirname(file));
      replaceFile(file, (append) => {
        append(bytes);
      });
      if (isClipFile(name)) onEvent?.({ kind: 'clips-written', done: ++done, total: clips });
    }
  });
  return { from, folder, clips, tables: names.length - clips };

  async function clipBytes(name: string): Promise<Uint8Array> {
    const opened = openPackedClip(pack.clip(name), path.join(from, name), UNNAMED);
    if (NPY.test(name)) return formatNpy(await opened.read(UNNAMED));
    const arrays: [string, NpyArray][] = [];
    for (const key of opened.keys) arrays.push([key, await opened.read(key)]);
    return formatNpz(Object.fromEntries(arrays));
  }
}
