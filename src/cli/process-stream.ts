import { fstatSync, writeSync } from 'node:fs';
import { reasonOf } from '../foundation/file-system-problem';
import type { TerminalStream } from './command';

/** What a stream of the process, as Node makes it, can do. */
export interface WrittenStream {
  readonly fd: number;
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string, done: (error?: Error | null) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** Codes of a reader that has seen enough (`| head`), or a terminal that was closed. */
const READER_HAS_GONE: ReadonlySet<unknown> = new Set(['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END']);

/**
 * Standard output or standard error that may be taken away while a command works: what can no longer be written is left out, and the command goes on to its
 * end. A reader that has gone is no error; what a full disk loses is told once, and {@link ProcessStream.isLost} says so at the end.
 */
export class ProcessStream implements TerminalStream {
  private state: 'open' | 'closed' | 'lost' = 'open';

  /** @param onLost is told, once, in a few words, why what is printed no longer arrives. */
  constructor(
    private readonly stream: WrittenStream,
    private readonly onLost: (reason: string) => void = () => undefined,
  ) {
    stream.on('error', (error) => {
      this.fail(error);
    });
  }

  get isTTY(): boolean {
    return this.stream.isTTY === true;
  }

  get columns(): number | undefined {
    return this.stream.columns;
  }

  /** Whether something that was printed has not arrived, though there is somebody to read it. */
  get isLost(): boolean {
    return this.state === 'lost';
  }

  write(text: string): void {
    if (this.state !== 'open') return;
    try {
      if (isFile(this.stream)) writeWhole(this.stream.fd, text);
      else this.stream.write(text, () => undefined);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Waits until all that was written has arrived, or cannot. */
  async settled(): Promise<void> {
    if (this.state !== 'open') return;
    await new Promise<void>((resolve) => {
      try {
        this.stream.write('', () => {
          resolve();
        });
      } catch (error) {
        this.fail(error);
        resolve();
      }
    });
  }

  private fail(error: unknown): void {
    if (this.state !== 'open') return;
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    const isClosed = READER_HAS_GONE.has(code) || (code === 'EIO' && this.isTTY);
    this.state = isClosed ? 'closed' : 'lost';
    if (!isClosed) this.onLost(reasonOf(error) ?? String(error));
  }
}

/** A file takes what there is room for and says no more of it: Node's own stream would take that for all. */
function isFile({ fd, isTTY }: WrittenStream): boolean {
  if (isTTY === true) return false;
  const status = fstatSync(fd);
  return status.isFile() || status.isCharacterDevice();
}

function writeWhole(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written);
}
