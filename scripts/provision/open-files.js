// @ts-check
const { closeSync, openSync } = require('node:fs');
const os = require('node:os');
const { SetUpProblem } = require('./set-up-problem');

/** Files that a command may have open beyond those that its process starts with. */
const NEEDED = 64;

/**
 * Ends in one line where the system lets a process open too few files: the translator of TypeScript would wait forever for a thread that cannot be started.
 * @throws {SetUpProblem} that says how the limit is raised
 */
function requireOpenFiles() {
  /** @type {number[]} */
  const opened = [];
  try {
    while (opened.length < NEEDED) opened.push(openSync(os.devNull, 'r'));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EMFILE')) throw error;
    throw new SetUpProblem(
      `Too few files may be open at once (EMFILE): ${opened.length} more, and a command needs ${NEEDED}`,
      'Raise the limit (`ulimit -n 1024`) and run the command again',
    );
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}

module.exports = { requireOpenFiles };
