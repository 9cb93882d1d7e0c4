import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { z } from 'zod';
import { ISOLATED, WORKER, type VideoEnvironment } from '../engine/provision/video-environment';
import { UserError } from '../foundation/errors';
import { excerpt, printableLine } from '../foundation/text';
import { LANDMARK_NUMBERS } from './landmarks';

/** A video that cannot be used; the message says why, without its name. */
export class UnusableVideo extends UserError {}

const videoStream = z.object({
  /** Of each frame when it is shown, in milliseconds. */
  moments: z.array(z.number()),
  /** Frames and frames a second as the container says; 0 where it does not. */
  promised: z.number(),
  rate: z.number(),
  /** Of its pictures as they are shown: turned as its metadata says. */
  height: z.int(),
  width: z.int(),
});

/** What a video is. */
export type VideoStream = z.output<typeof videoStream>;

const refusal = z.object({ error: z.string() });
const frameHeader = z.union([
  z.object({ frame: z.int(), height: z.int().positive(), width: z.int().positive() }),
  z.object({ done: z.literal(true) }),
  refusal,
]);

/** What the worker found in one of a video's frames. */
export interface VideoFrame {
  readonly landmarks: Float32Array;
  readonly height: number;
  readonly width: number;
  /** RGB, `[height, width, 3]`; undefined where they were not asked for. */
  readonly pixels: Uint8Array | undefined;
}

const KEPT_COMPLAINTS = 4000;
const LONGEST_LINE = 16 * 1024 * 1024;

/** A process that reads videos and finds landmarks in them, one video after another. What it is asked must have been answered before it is asked again. */
export class LandmarkWorker {
  private readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  private readonly answers: PipeReader;
  private complaints = '';
  private ended: string | undefined;

  constructor({ python, folder }: Pick<VideoEnvironment, 'python' | 'folder'>) {
    this.child = spawn(python, [...ISOLATED, WORKER, folder], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.answers = new PipeReader(this.child.stdout);
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.complaints = (this.complaints + text).slice(-KEPT_COMPLAINTS);
    });
    this.child.stdin.on('error', () => undefined); // That it has ended is seen where its answer is missing.
    this.child.on('error', ({ message }) => (this.ended = message));
    this.child.on('exit', (code, signal) => (this.ended ??= signal ?? `exit code ${code ?? 'unknown'}`));
  }

  /** Whether it can be asked for another video. */
  get isAlive(): boolean {
    return this.ended === undefined && !this.answers.isClosed;
  }

  /** @throws UnusableVideo where it is no video that can be decoded, or the process ended over it. */
  async look(file: string): Promise<VideoStream> {
    this.ask({ do: 'look', file });
    const answer = z.union([videoStream, refusal]).parse(await this.line());
    if ('error' in answer) throw new UnusableVideo(answer.error);
    return answer;
  }

  /**
   * Finds the landmarks of a video's frames.
   * @param frames their places in the video, rising.
   * @throws UnusableVideo where one cannot be decoded, or the process ended over it.
   */
  async *read(file: string, frames: readonly number[], pictures: boolean): AsyncGenerator<VideoFrame, void, undefined> {
    this.ask({ do: 'read', file, frames, pictures });
    for (;;) {
      const header = frameHeader.parse(await this.line());
      if ('error' in header) throw new UnusableVideo(header.error);
      if ('done' in header) return;
      const { height, width } = header;
      const landmarks = floatsOf(await this.bytes(LANDMARK_NUMBERS * 4));
      yield { landmarks, height, width, pixels: pictures ? await this.bytes(height * width * 3) : undefined };
    }
  }

  /** Ends the process, whatever it is doing. */
  end(): void {
    this.child.kill('SIGKILL');
  }

  private ask(question: object): void {
    this.child.stdin.write(`${JSON.stringify(question)}\n`);
  }

  private async line(): Promise<unknown> {
    return JSON.parse((await this.answers.line()) ?? (await this.died())) as unknown;
  }

  private async bytes(count: number): Promise<Uint8Array> {
    return (await this.answers.bytes(count)) ?? (await this.died());
  }

  private async died(): Promise<never> {
    if (this.ended === undefined) await new Promise((resolve) => this.child.once('exit', resolve));
    const last = this.complaints.trim().split('\n').at(-1) ?? '';
    const said = last === '' ? '' : `: ${excerpt(printableLine(last), 200)}`;
    throw new UnusableVideo(`the process that read it ended (${this.ended ?? 'no reason is known'}${said})`);
  }
}

/** Numbers as the worker sends them, wherever their bytes lie. */
function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

/** Takes what comes out of a pipe as lines and as counted bytes; more is read only when it is asked for. */
class PipeReader {
  private readonly chunks: AsyncIterator<Buffer>;
  private held: Buffer[] = [];
  private count = 0;
  isClosed = false;

  constructor(stream: Readable) {
    this.chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** @returns undefined where the pipe was closed before. */
  async bytes(count: number): Promise<Buffer | undefined> {
    while (this.count < count) if (!(await this.more())) return undefined;
    const all = Buffer.concat(this.held);
    this.keep(all.subarray(count));
    return all.subarray(0, count);
  }

  /** A line without its end; undefined where the pipe was closed before. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const all = Buffer.concat(this.held);
      const end = all.indexOf('\n');
      if (end !== -1) {
        this.keep(all.subarray(end + 1));
        return all.toString('utf8', 0, end);
      }
      this.keep(all);
      if (this.count > LONGEST_LINE) throw new Error(`a line of more than ${LONGEST_LINE} bytes came out of the worker`);
      if (!(await this.more())) return undefined;
    }
  }

  private async more(): Promise<boolean> {
    const next = await this.chunks.next().catch(() => undefined);
    if (next === undefined || next.done === true) {
      this.isClosed = true;
      return false;
    }
    this.held.push(next.value);
    this.count += next.value.length;
    return true;
  }

  private keep(rest: Buffer): void {
    this.held = rest.length === 0 ? [] : [rest];
    this.count = rest.length;
  }
}
