import { execFileSync } from 'node:child_process';
import path from 'node:path';
import type { Runtime } from '../engine/runtime';
import type { MachineFacts } from '../folder/config-file';
import { version } from '../foundation/version';

/** The version of Kumpas. */
export const kumpasVersion: string = version;

/** What a run is made on. */
export function machineFacts(runtime: Runtime): MachineFacts {
  return {
    versions: { kumpas: kumpasVersion, node: process.versions.node, tensorflow: runtime.tensorflowVersion },
    device: runtime.device,
    gitCommit: gitCommit(),
  };
}

/** The commit that is checked out, with `-dirty` where files differ from it; undefined outside a checkout, or where there is no git. */
function gitCommit(): string | undefined {
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
