import { fstatSync, writeSync } from 'node:fs';
import { reasonOf } from '../foundation/file-system-problem';
import { asTyped } from '../foundation/installation';
import { printableText } from '../foundation/text';

/** What a command needs of the process it runs in. */
export interface Terminal {
  readonly output: TerminalStream;
  readonly errors: TerminalStream;
}

/** A stream that text is written to: the process's own, or a test's. */
export interface TerminalStream {
  /** Prints text; the process's own streams make it printable first. */
  write(text: string): unknown;
  /** Prints control codes of the program's own; absent where {@link write} lets them through. */
  draw?(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number | undefined;
}

/** Columns to lay text out in: the terminal's, at most 140; 100 where there is none. */
export function widthOf(stream: TerminalStream): number {
  return Math.min(stream.columns ?? 100, 140);
}

/** What erases the line that is being redrawn. */
export const CLEAR_LINE = '\r\u001b[K';

/** The one place where lines leave: whatever a file has put into them, no control code but the program's own reaches a terminal, and commands stand as they are typed. */
export class PrintableStream implements TerminalStream {
  constructor(private readonly stream: TerminalStream) {}

  get isTTY(): boolean {
    return this.stream.isTTY === true;
  }

  get columns(): number | undefined {
    return this.stream.columns;
  }

  write(text: string): void {
    this.stream.write(printableText(asTyped(text)));
  }

  draw(text: string): void {
    this.stream.write(asTyped(text));
  }
}

/** Writes colours and what redraws a line. @param text whose other parts are printable. */
export function draw(stream: TerminalStream, text: string): void {
  if (stream.draw === undefined) stream.write(text);
  else stream.draw(text);
}

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
