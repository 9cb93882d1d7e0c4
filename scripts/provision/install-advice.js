// @ts-check
const { findProgram } = require('./command');

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

module.exports = { installAdvice };
