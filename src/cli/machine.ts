import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { IS_CHECKOUT } from '../engine/provision/locations';

/** The commit of Kumpas that is checked out, with `-dirty` where files differ from it; undefined outside a checkout, or where there is no git. */
export function gitCommit(): string | undefined {
  if (!IS_CHECKOUT) return undefined; // What surrounds an installed package is somebody else's repository.
  try {
    const folder = path.resolve(__dirname, '../..');
    const described = execFileSync('git', ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 5000,
    });
    return described.trim();
  } catch {
    return undefined;
  }
}
