import { nvidiaGpus } from './hardware';
import type { Runtime } from './runtime';

/** What {@link sharingDevices} looks at. */
export interface DeviceSurroundings {
  /** The names of the GPUs that the driver lists. */
  readonly gpus: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * TensorFlow's names of the devices that can share a batch: the GPUs that CUDA_VISIBLE_DEVICES leaves, where there are several; else none.
 * Written from documentation, never run on several GPUs.
 */
export function sharingDevices(
  { usesGpu }: Pick<Runtime, 'usesGpu'>,
  { gpus, environment }: DeviceSurroundings = { gpus: nvidiaGpus(), environment: process.env },
): string[] {
  if (!usesGpu) return [];
  const visible = environment['CUDA_VISIBLE_DEVICES'];
  const count = visible === undefined ? gpus.length : visibleGpus(visible).length;
  return count < 2 ? [] : Array.from({ length: count }, (_, gpu) => `/device:GPU:${gpu}`);
}

/** CUDA takes the listed GPUs up to the first that there is none of. */
function visibleGpus(list: string): string[] {
  const names = list.split(',').map((name) => name.trim());
  const end = names.findIndex((name) => name === '' || name.startsWith('-'));
  return end === -1 ? names : names.slice(0, end);
}
