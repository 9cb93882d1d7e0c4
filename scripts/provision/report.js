// @ts-check

const PLAIN_PROGRESS_EVERY_MS = 30_000;

/**
 * Where a preparation says what it does.
 * @typedef {object} Report
 * @property {(text: string) => void} line one line
 * @property {(text: string) => void} progress how far the last line has come: rewritten in place in a terminal, now and then a line elsewhere
 */

/**
 * A report on stderr, so that stdout stays the command's own.
 * @param {{ isTTY?: boolean, write: (text: string) => unknown }} stream
 * @param {() => number} now milliseconds
 * @returns {Report}
 */
function reportTo(stream = process.stderr, now = Date.now) {
  let unfinished = false;
  let lastPlain = now();
  return {
    line(text) {
      stream.write(`${unfinished ? '\r\u001b[K' : ''}${text}\n`);
      unfinished = false;
      lastPlain = now();
    },
    progress(text) {
      if (stream.isTTY === true) {
        stream.write(`\r\u001b[K${text}`);
        unfinished = true;
      } else if (now() - lastPlain >= PLAIN_PROGRESS_EVERY_MS) {
        stream.write(`${text}\n`);
        lastPlain = now();
      }
    },
  };
}

module.exports = { reportTo };
