import { createRequire } from 'node:module';

/** Writes event files that TensorBoard reads. */
export interface SummaryWriter {
  /** A point of the curve of that name. */
  scalar(name: string, value: number, step: number): void;
  /** Puts on disk what was written so far. */
  flush(): void;
}

/** The part of tfjs-node that writes them, with TensorFlow's own operations. */
interface Tensorboard {
  readonly summaryFileWriter: (folder: string, mostPending?: number, flushMilliseconds?: number, ending?: string) => SummaryWriter;
}

/** Points that are kept before TensorFlow writes them by itself, and after how many milliseconds it does so all the same. */
const [MOST_PENDING, FLUSH_MILLISECONDS] = [100, 5000] as const;

/** Opens a new event file in a folder, which is made; earlier ones stay, and TensorBoard shows them as one run. Needs TensorFlow's native kernels. */
export function openSummaryWriter(folder: string): SummaryWriter {
  const { summaryFileWriter } = createRequire(__filename)('@tensorflow/tfjs-node-gpu/dist/tensorboard') as Tensorboard;
  return summaryFileWriter(folder, MOST_PENDING, FLUSH_MILLISECONDS, '.kumpas');
}
