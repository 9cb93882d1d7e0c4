// @ts-check
const { spawn } = require('node:child_process');
const { accessSync, constants } = require('node:fs');
const path = require('node:path');

/** Control characters but line ends and tabs, line and paragraph separators, and changes of direction. */
const STEERING = /(?![\n\r\t])\p{Cc}|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/**
 * What a program printed, safe to print: of a damaged library, a loader's message holds whatever bytes lie in it.
 * @param {string} text
 * @returns {string}
 */
function printableOutput(text) {
  return text.replace(STEERING, '\ufffd');
}

const KEPT_OUTPUT = 20_000;

/**
 * Runs a program to its end.
 * @param {string} program
 * @param {readonly string[]} programArguments
 * @param {{ cwd?: string, environment?: NodeJS.ProcessEnv, output?: 'kept' | 'shown', onLine?: (line: string) => void }} [options]
 *   output: `shown` passes both streams on to stderr, `kept` (the default) returns the end of what it printed, without what steers a terminal; onLine gets each line as it comes.
 * @returns {Promise<{ code: number | null, signal: NodeJS.Signals | null, output: string }>} code null and no signal: it could not be started
 */
function runCommand(program, programArguments, { cwd, environment, output = 'kept', onLine } = {}) {
  return new Promise((resolve) => {
    const streams = output === 'shown' ? /** @type {const} */ (['ignore', 2, 2]) : /** @type {const} */ (['ignore', 'pipe', 'pipe']);
    const child = spawn(program, programArguments, { cwd, env: environment ?? process.env, stdio: [...streams] });
    const forget = undoWhenInterrupted(() => child.kill('SIGKILL'));
    let kept = '';
    for (const stream of [child.stdout, child.stderr]) {
      let line = '';
      stream?.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
        kept = (kept + printableOutput(text)).slice(-KEPT_OUTPUT);
        const lines = (line + text).slice(-KEPT_OUTPUT).split(/\r?\n|\r/);
        line = lines.pop() ?? '';
        lines.forEach((complete) => onLine?.(printableOutput(complete)));
      });
    }
    child.on('error', (error) => {
      forget();
      resolve({ code: null, signal: null, output: error.message });
    });
    child.on('close', (code, signal) => {
      forget();
      resolve({ code, signal, output: kept });
    });
  });
}

/**
 * The path of a program that PATH leads to.
 * @param {string} name a bare name, or a path
 * @param {string | undefined} searchPath
 * @returns {string | undefined}
 */
function findProgram(name, searchPath = process.env['PATH']) {
  const candidates = name.includes(path.sep) ? [name] : (searchPath ?? '').split(path.delimiter).map((folder) => path.join(folder, name));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

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

module.exports = { runCommand, findProgram, undoWhenInterrupted };
