// @ts-check

/** @type {Set<() => void>} */
const undoing = new Set();
let listening = false;

/** @type {Readonly<Record<string, number>>} */
const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/**
 * Registers what must be undone when the process is told to stop while it prepares something: child processes ended, temporary folders removed.
 * @param {() => void} undo called at most once, synchronously
 * @returns {() => void} takes it back
 */
function undoWhenInterrupted(undo) {
  if (!listening) {
    for (const signal of Object.keys(EXIT_CODES)) process.on(signal, stop);
    listening = true;
  }
  undoing.add(undo);
  return () => {
    undoing.delete(undo);
    if (undoing.size > 0) return;
    for (const signal of Object.keys(EXIT_CODES)) process.removeListener(signal, stop);
    listening = false;
  };
}

/** @param {NodeJS.Signals} signal */
function stop(signal) {
  for (const undo of [...undoing].reverse()) undo();
  console.error('\nStopped. Nothing half-made is left: the same command starts again.');
  process.exit(EXIT_CODES[signal]);
}

module.exports = { undoWhenInterrupted };
