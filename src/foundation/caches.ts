import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/** Where features of frames are kept, so that the next training on them finds them: `KUMPAS_CACHE` or the user's cache folder. */
export function featureCache(environment: NodeJS.ProcessEnv): string {
  const cache = environment['KUMPAS_CACHE'] ?? path.join(environment['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'kumpas');
  return path.join(cache, 'features');
}

/** Where torchvision keeps ImageNet's weights once it has fetched them; undefined where it has not. */
export function fetchedBackbone(environment: NodeJS.ProcessEnv): string | undefined {
  const cache = environment['TORCH_HOME'] ?? path.join(environment['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'torch');
  const folder = path.join(cache, 'hub/checkpoints');
  try {
    const found = readdirSync(folder).find((name) => /^inception_v3_google.*\.pth$/.test(name));
    return found === undefined ? undefined : path.join(folder, found);
  } catch {
    return undefined;
  }
}
