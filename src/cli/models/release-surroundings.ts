import { startRuntime } from '../../engine/runtime';
import type { ReleaseContext } from '../../zoo/release/promote';
import type { Terminal } from '../terminal';
import { dataWatch } from '../progress';
import { version } from '../../foundation/version';

/** Starts the runtime, and gives what promoting and releasing need of the world. */
export async function releaseContext(terminal: Terminal, verbose: boolean): Promise<ReleaseContext> {
  const watch = dataWatch(terminal);
  const runtime = await startRuntime({ verbose });
  if (runtime.warning !== undefined) watch.onWarning(runtime.warning);
  return { now: new Date(), kumpas: version, watch };
}
