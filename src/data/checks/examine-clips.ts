import { availableParallelism } from 'node:os';
import path from 'node:path';
import { required } from '../../foundation/required';
import { startThread } from '../../foundation/thread';
import { mapConcurrently, Turns } from '../file-reading';
import { examineClip, type ExaminedClip } from './examined-clip';
import type { CheckedFormat } from './set-under-check';

/** What a thread that reads clips is given. */
export interface ExamineTask {
  /** Places in the list of all clips, and their files. */
  readonly clips: readonly (readonly [place: number, file: string])[];
  readonly format: CheckedFormat;
}

/** What it answers: clips with their places, or that a program is wrong. */
export type ExamineReply = { readonly examined: readonly (readonly [place: number, clip: ExaminedClip])[] } | { readonly error: Error };

/** How the reading of clips is watched and stopped. */
export interface ExamineHooks {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Threads; as many as the machine runs at once where it is left out. */
  readonly threads?: number | undefined;
}

export const READS_AT_ONCE = 4;
/** Fewer clips are read before a thread has started. */
const FEWEST_FOR_THREADS = 200;
/** Clips that a thread answers together. */
export const CLIPS_A_REPLY = 16;

/**
 * Reads and checks every clip, on several threads where there are many; their values are not kept.
 * @returns what was found, in the order of the files.
 * @throws the signal's reason where it is aborted.
 */
export async function examineClips(files: readonly string[], format: CheckedFormat, hooks: ExamineHooks): Promise<ExaminedClip[]> {
  const { signal, onProgress, threads = availableParallelism() } = hooks;
  const examined = new Array<ExaminedClip | undefined>(files.length);
  let done = 0;
  const keep = (place: number, clip: ExaminedClip): void => {
    examined[place] = clip;
    onProgress?.(++done, files.length);
  };
  if (threads < 2 || files.length < FEWEST_FOR_THREADS) {
    const turns = new Turns();
    await mapConcurrently(files, READS_AT_ONCE, async (file, place) => {
      signal?.throwIfAborted();
      keep(place, await examineClip(file, format, turns));
    });
  } else {
    const places = [...files.entries()];
    const tasks = Array.from({ length: threads }, (_, thread) => places.filter(([place]) => place % threads === thread));
    await Promise.all(tasks.map((clips) => examineOnThread({ clips, format }, keep, signal)));
  }
  return files.map((file, place) => required(examined[place], `what was found in ${file}`));
}

function examineOnThread(
  task: ExamineTask,
  keep: (place: number, clip: ExaminedClip) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const thread = startThread(path.join(__dirname, `examine-worker${path.extname(__filename)}`), task);
    const stop = (): void => {
      void thread.terminate();
      reject(signal?.reason instanceof Error ? signal.reason : new Error('stopped'));
    };
    signal?.addEventListener('abort', stop, { once: true });
    thread.on('message', (reply: ExamineReply) => {
      if ('error' in reply) reject(reply.error);
      else for (const [place, clip] of reply.examined) keep(place, clip);
    });
    thread.on('error', reject);
    thread.on('exit', (code) => {
      signal?.removeEventListener('abort', stop);
      if (code === 0) resolve();
      else reject(new Error(`a thread that reads clips ended with code ${code}`));
    });
    if (signal?.aborted === true) stop();
  });
}
