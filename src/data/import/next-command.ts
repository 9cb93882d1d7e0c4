import path from 'node:path';
import { UserError } from '../../foundation/errors';
import { shellWord } from '../../foundation/text';
import { COLLECTION_CLIPS, COLLECTION_LABELS } from '../collections/collection-rows';
import { VIDEO } from '../clip-names';
import { listFolder } from './folder-listing';
import { formatsIn } from './formats';

/** Files that are looked at: a set of millions is known by its first thousands. */
const MOST_LOOKED_AT = 20_000;

/**
 * What a folder is that is no set for training yet, and the very command that brings it nearer to one: of landmarks, of films, or a collection that is not split.
 * Undefined where it is nothing of these.
 */
export async function nextCommand(folder: string): Promise<string | undefined> {
  try {
    const listing = listFolder(folder, MOST_LOOKED_AT);
    const quoted = shellWord(folder);
    if (listing.files.includes(COLLECTION_LABELS) && listing.files.some((file) => file.startsWith(`${COLLECTION_CLIPS}/`)))
      return `It is a collection of clips that is not split yet: npm run data -- split ${quoted} --out SET`;
    const films = listing.files.filter((file) => VIDEO.test(path.posix.basename(file))).length;
    if (films > listing.files.length / 2) return `They are videos: npm run data -- extract --videos ${quoted} --out CLIPS`;
    const [format] = (await formatsIn(listing)).filter(({ unknown }) => unknown === undefined);
    return format === undefined ? undefined : `These are landmarks (--from ${format.format}): npm run data -- import ${quoted} --out CLIPS`;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
