import { randomBytes } from 'node:crypto';
import path from 'node:path';

/** `.NAME.0123abcd.tmp` beside a file or folder: what is written under such a name serves nobody before it is renamed. */
export function unfinishedNameOf(place: string): string {
  return path.join(path.dirname(place), `.${path.basename(place)}.${randomBytes(4).toString('hex')}.tmp`);
}

/** The name that an unfinished file or folder was to have; undefined where a name is none of those that {@link unfinishedNameOf} gives. */
export function nameOfUnfinished(name: string): string | undefined {
  return /^\.(.+)\.[0-9a-f]{8}\.tmp$/.exec(name)?.[1];
}
