import { type TerminalStream, CLEAR_LINE, draw, type Terminal } from './terminal';
import type { DataWatch } from '../evaluation/evaluate';
import type { ExtractionProgress } from '../evaluation/frame-features/extract-features';
import { secondsText } from './quantities';

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

/** Shows in a terminal what happens while data is opened. */
export function dataWatch({ errors }: Terminal): DataWatch {
  return {
    onWarning: (text) => {
      errors.write(`warning: ${text}\n`);
    },
    onProgress: showLoading(errors),
  };
}

const WIDTH = 24;
/** Lines that a pipe gets at most. */
const PIPE_LINES = 20;

/** How far the features of a folder have come: a bar in a terminal, a line now and then in a pipe. */
export class ExtractionBar {
  private readonly started = performance.now();
  private told = 0;

  constructor(private readonly stream: TerminalStream) {}

  show({ done, clips, frames }: ExtractionProgress): void {
    const seconds = (performance.now() - this.started) / 1000;
    const pace = frames === 0 ? '' : `  ${(frames / seconds).toFixed(1)} frames/s`;
    const left = done === clips || done === 0 ? '' : `  eta ${secondsText((seconds / done) * (clips - done))}`;
    const text = `${done}/${clips} clips${pace}${left}`;
    if (this.stream.isTTY === true) {
      const filled = Math.round((WIDTH * done) / clips);
      draw(this.stream, `${CLEAR_LINE}${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)}  ${text}`);
    } else if (done === clips || done >= this.told + clips / PIPE_LINES) {
      this.told = done;
      this.stream.write(`${text}\n`);
    }
  }

  /** Makes room for other lines. */
  clear(): void {
    if (this.stream.isTTY === true) draw(this.stream, CLEAR_LINE);
  }
}
