import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { dataWatch } from '../../src/cli/progress';
import { CLEAR_LINE, draw, PrintableStream } from '../../src/cli/terminal';
import { TerminalReporter } from '../../src/cli/terminal-reporter';
import { trainingResult, trainingStarted } from '../support/training-events';

/** A terminal that keeps what reaches it. */
function terminal(isTTY: boolean): { stream: PrintableStream; written: () => string } {
  let text = '';
  const stream = new PrintableStream({ write: (more) => (text += more), isTTY, columns: 100 });
  return { stream, written: () => text };
}

/** Colours and what redraws a line. */
const OWN_CODE = new RegExp(String.raw`\u001b\[\d+m`, 'g');
const HOSTILE = '\u001b]0;owned\u0007\u001b[2J\u009b31m\rHELLO\u202e';

describe('the place where lines leave', () => {
  it('lets lines through, and no control code that a file has put into them', () => {
    const { stream, written } = terminal(true);
    stream.write(`label ${HOSTILE}\n\tmore\n`);
    expect(written()).toBe('label \\u001b]0;owned\\u0007\\u001b[2J\\u009b31m\\u000dHELLO\\u202e\n\tmore\n');
    expect([stream.isTTY, stream.columns]).toEqual([true, 100]);
  });

  it('has a door for the codes of the program itself', () => {
    const { stream, written } = terminal(true);
    draw(stream, `${CLEAR_LINE}reading`);
    expect(written()).toBe('\r\u001b[Kreading');
  });

  it.each([true, false])('shows a training in colours, and what it is told as text; terminal: %s', (isTTY) => {
    const { stream, written } = terminal(isTTY);
    const reporter = new TerminalReporter(stream, { now: () => 0, environment: {} });
    reporter.report(trainingStarted(`T${HOSTILE}`, HOSTILE));
    reporter.report({ kind: 'note', text: `note ${HOSTILE}` });
    reporter.report({ kind: 'warning', text: `first ${HOSTILE}\nsecond` });
    reporter.report({ kind: 'end', result: trainingResult(HOSTILE, HOSTILE) });
    const own = written().replaceAll(OWN_CODE, '');
    expect(own.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
    expect(written().includes('\u001b[1m')).toBe(isTTY);
    expect(own.split('\n')).toContain('second');
  });

  it('is passed by everything that is printed: no other file writes to the process', () => {
    const source = path.join(__dirname, '../../src');
    const writing = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.endsWith('.ts') && /process\.std(out|err)|console\./.test(readFileSync(path.join(source, name), 'utf8')),
    );
    expect(writing).toEqual([path.join('cli', 'main.ts')]);
  });
});

it('shows what is noted of data that is opened, and what is odd about it', () => {
  const { stream, written } = terminal(false);
  const watch = dataWatch({ output: stream, errors: stream });
  watch.onNote?.('the column gloss holds names');
  watch.onWarning('a clip is of zeros');
  expect(written()).toBe('note: the column gloss holds names\nwarning: a clip is of zeros\n');
});
