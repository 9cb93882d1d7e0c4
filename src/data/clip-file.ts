import { writeFileAtomically } from '../foundation/atomic-file';
import { clipArrays, type KeypointClip } from './keypoint-clip';
import { formatNpz } from './npz';

/** Writes a clip as an `.npz` that NumPy opens, whole or not at all; folders above it are made. */
export function writeClipFile(file: string, clip: KeypointClip): void {
  const bytes = formatNpz(clipArrays(clip));
  writeFileAtomically(file, (append) => {
    append(bytes);
  });
}
