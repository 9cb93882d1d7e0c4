// @ts-check
const { findProgram } = require('./command');

/** Why something could not be prepared, and what the user does about it. */
class SetUpProblem extends Error {
  /**
   * @param {string} reason what is missing or went wrong, as a sentence without its full stop
   * @param {string} remedy what to do, as a sentence without its full stop
   * @param {{ costly?: boolean, unsafe?: boolean }} [options]
   *   costly: finding it out took long (a download, a build), so it is not tried again at once; unsafe: what is there must not be loaded
   */
  constructor(reason, remedy, options = {}) {
    super(`${reason}. ${remedy}.`);
    this.name = 'SetUpProblem';
    this.reason = reason;
    this.remedy = remedy;
    this.costly = options.costly ?? false;
    this.unsafe = options.unsafe ?? false;
  }
}

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

/** How each package manager installs what can be missing. */
const COMMANDS = {
  'apt-get': { pip: 'sudo apt-get install python3-pip', compiler: 'sudo apt-get install g++' },
  dnf: { pip: 'sudo dnf install python3-pip', compiler: 'sudo dnf install gcc-c++' },
  pacman: { pip: 'sudo pacman -S python-pip', compiler: 'sudo pacman -S gcc' },
  zypper: { pip: 'sudo zypper install python3-pip', compiler: 'sudo zypper install gcc-c++' },
};
const ON_MAC = { pip: 'xcode-select --install, then python3 -m ensurepip', compiler: 'xcode-select --install' };

/**
 * The command that installs something on this machine; those of Debian, Fedora and macOS where its package manager is none that is known.
 * @param {'pip' | 'compiler'} what
 * @param {NodeJS.Platform} platform
 * @param {(program: string) => string | undefined} find
 * @returns {string}
 */
function installAdvice(what, platform = process.platform, find = findProgram) {
  if (platform === 'darwin') return ON_MAC[what];
  const known = Object.entries(COMMANDS).find(([manager]) => find(manager) !== undefined);
  if (known !== undefined) return known[1][what];
  return `${COMMANDS['apt-get'][what]} (Debian, Ubuntu), ${COMMANDS.dnf[what]} (Fedora), ${ON_MAC[what]} (macOS)`;
}

module.exports = { SetUpProblem, reportTo, installAdvice };
