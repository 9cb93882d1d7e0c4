import { readdirSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import path from 'node:path';

/** Where Kumpas keeps what it can make again: `KUMPAS_CACHE`, or `kumpas` in the user's cache folder. */
export function cacheFolder(environment: NodeJS.ProcessEnv): string {
  return environment['KUMPAS_CACHE'] ?? path.join(usersCache(environment), 'kumpas');
}

/** Where features of frames are kept, so that the next training on them finds them. @param cache from {@link cacheFolder}. */
export function featuresIn(cache: string): string {
  return path.join(cache, 'features');
}

/** Where it is kept which clips have been read and checked. @param cache from {@link cacheFolder}. */
export function checksIn(cache: string): string {
  return path.join(cache, 'checked-clips');
}

/** Where torchvision keeps ImageNet's weights once it has fetched them; undefined where it has not. */
export function fetchedBackbone(environment: NodeJS.ProcessEnv): string | undefined {
  const folder = path.join(environment['TORCH_HOME'] ?? path.join(usersCache(environment), 'torch'), 'hub/checkpoints');
  try {
    const found = readdirSync(folder).find((name) => /^inception_v3_google.*\.pth$/.test(name));
    return found === undefined ? undefined : path.join(folder, found);
  } catch {
    return undefined;
  }
}

/** Where the user's programs keep what they can make again; an empty HOME is none. */
function usersCache({ XDG_CACHE_HOME: shared = '' }: NodeJS.ProcessEnv): string {
  if (path.isAbsolute(shared)) return shared;
  return path.join(path.isAbsolute(homedir()) ? homedir() : userInfo().homedir, '.cache');
}
