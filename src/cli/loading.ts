import type { TerminalStream } from './command';
import { CLEAR_LINE, draw } from './printable-stream';

/** Shows, in a terminal, how many clips have been read and checked; a pipe is left in peace. */
export function showLoading(stream: TerminalStream): (done: number, total: number) => void {
  if (stream.isTTY !== true) return () => undefined;
  let shown = -1;
  return (done, total) => {
    const percent = Math.floor((100 * done) / Math.max(1, total));
    if (percent === shown) return;
    shown = percent;
    draw(stream, done === total ? CLEAR_LINE : `${CLEAR_LINE}reading clips ${done}/${total}`);
  };
}
