// @ts-check

/** @type {Set<() => void>} */
const undoing = new Set();
let listening = false;

/**
 * Registers what must be undone when the process is told to stop while it prepares something: child processes ended, temporary folders removed.
 * @param {() => void} undo called at most once, synchronously
 * @returns {() => void} takes it back
 */
function undoWhenInterrupted(undo) {
  if (!listening) {
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
    listening = true;
  }
  undoing.add(undo);
  return () => {
    undoing.delete(undo);
    if (undoing.size > 0) return;
    process.removeListener('SIGINT', stop);
    process.removeListener('SIGTERM', stop);
    listening = false;
  };
}

/** @param {NodeJS.Signals} signal */
function stop(signal) {
  for (const undo of [...undoing].reverse()) undo();
  console.error('\nStopped. Nothing half-made is left: the same command starts again.');
  process.exit(signal === 'SIGINT' ? 130 : 143);
}

module.exports = { undoWhenInterrupted };
