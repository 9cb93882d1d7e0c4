import { printableText } from '../foundation/text';
import type { TerminalStream } from './command';

/** What erases the line that is being redrawn. */
export const CLEAR_LINE = '\r\u001b[K';

/** The one place where lines leave: whatever a file has put into them, no control code but the program's own reaches a terminal. */
export class PrintableStream implements TerminalStream {
  constructor(private readonly stream: TerminalStream) {}

  get isTTY(): boolean {
    return this.stream.isTTY === true;
  }

  get columns(): number | undefined {
    return this.stream.columns;
  }

  write(text: string): void {
    this.stream.write(printableText(text));
  }

  draw(text: string): void {
    this.stream.write(text);
  }
}

/** Writes colours and what redraws a line. @param text whose other parts are printable. */
export function draw(stream: TerminalStream, text: string): void {
  if (stream.draw === undefined) stream.write(text);
  else stream.draw(text);
}
