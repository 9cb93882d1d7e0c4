// @ts-check
const { spawn } = require('node:child_process');
const { accessSync, constants } = require('node:fs');
const path = require('node:path');
const { printableOutput } = require('./printable');
const { undoWhenInterrupted } = require('./interruption');

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

module.exports = { runCommand, findProgram };
