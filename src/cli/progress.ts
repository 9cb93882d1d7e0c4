import type { DataProblem } from '../data/data-error';
import type { DataWatch } from '../evaluation/evaluate';
import type { WithModels } from '../evaluation/recognise';
import { cacheFolder } from '../foundation/caches';
import type { Hooks, WorkEvent } from '../foundation/hooks';
import { printableLine } from '../foundation/text';
import { modelsGiven } from './model-flags';
import { secondsText } from './quantities';
import { CLEAR_LINE, draw, type Terminal, type TerminalStream } from './terminal';

/** A clip that could not be used, and why. */
type ClipLeftOut = DataProblem & { readonly kind: 'clip-left-out' };

/** Shows in a terminal what a verb of the library tells while it works, and gives it what a command takes of the environment. */
export function hooksOf(
  terminal: Terminal,
  flags: Readonly<Record<string, unknown>>,
  signal?: AbortSignal,
): Hooks<ClipLeftOut> & WithModels & { readonly onEvent: (event: WorkEvent | ClipLeftOut) => void } {
  return {
    onEvent: eventsTo(terminal.errors),
    verbose: flags['verbose'] === true,
    models: modelsGiven(flags['model']).models,
    cacheFolder: cacheFolder(process.env),
    ...(signal === undefined ? {} : { signal }),
  };
}

function eventsTo(errors: TerminalStream): (event: WorkEvent | ClipLeftOut) => void {
  const loading = showLoading(errors);
  const writing = showLoading(errors, 'writing');
  return (event) => {
    switch (event.kind) {
      case 'note':
      case 'warning':
        errors.write(`${event.kind}: ${event.text}\n`);
        break;
      case 'clip-left-out':
        errors.write(`${printableLine(event.file)}: ${event.problem}\n`);
        break;
      case 'clips-read':
        loading(event.done, event.total);
        break;
      case 'clips-written':
        writing(event.done, event.total);
        break;
      case 'checkpoint-import':
        showImport(errors, event);
        break;
      case 'clips-computed':
        break; // Whoever computes features shows them in a bar.
    }
  };
}

/** Shows, in a terminal, how many clips have been read and checked, or written; a pipe is left in peace. */
export function showLoading(stream: TerminalStream, doing: 'reading' | 'writing' = 'reading'): (done: number, total: number) => void {
  if (stream.isTTY !== true) return () => undefined;
  let shown = -1;
  return (done, total) => {
    const percent = Math.floor((100 * done) / Math.max(1, total));
    if (percent === shown) return;
    shown = percent;
    draw(stream, done === total ? CLEAR_LINE : `${CLEAR_LINE}${doing} clips ${done}/${total}`);
  };
}

/** Shows, in a terminal, which checkpoint of how many is being imported. */
function showImport(stream: TerminalStream, { done, total, file }: { done: number; total: number; file?: string }): void {
  if (stream.isTTY !== true) return;
  const named = file === undefined ? '' : ` ${printableLine(file)}`;
  draw(stream, `${CLEAR_LINE}${done + 1}/${total}${named}${done + 1 === total ? CLEAR_LINE : ''}`);
}

/** Shows in a terminal what happens while data is opened. */
export function dataWatch({ errors }: Terminal): DataWatch {
  return {
    onWarning: (text) => {
      errors.write(`warning: ${text}\n`);
    },
    onNote: (text) => {
      errors.write(`note: ${text}\n`);
    },
    onProgress: showLoading(errors),
    cacheFolder: cacheFolder(process.env),
  };
}

const WIDTH = 24;
/** Lines that a pipe gets at most. */
const PIPE_LINES = 20;

/** How far the features of a folder have come: a bar in a terminal, a line now and then in a pipe. */
export class ExtractionBar {
  private readonly started = performance.now();
  private shown = 0;

  constructor(private readonly stream: TerminalStream) {}

  show(done: number, clips: number, frames: number): void {
    const seconds = (performance.now() - this.started) / 1000;
    const pace = frames === 0 ? '' : `  ${(frames / seconds).toFixed(1)} frames/s`;
    const left = done === clips || done === 0 ? '' : `  eta ${secondsText((seconds / done) * (clips - done))}`;
    const text = `${done}/${clips} clips${pace}${left}`;
    if (this.stream.isTTY === true) {
      const filled = Math.round((WIDTH * done) / clips);
      draw(this.stream, `${CLEAR_LINE}${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)}  ${text}`);
    } else if (done === clips || done >= this.shown + clips / PIPE_LINES) {
      this.shown = done;
      this.stream.write(`${text}\n`);
    }
  }

  /** Makes room for other lines. */
  clear(): void {
    if (this.stream.isTTY === true) draw(this.stream, CLEAR_LINE);
  }
}
