// @ts-check
const { performance } = require('node:perf_hooks');

const SAME_KEY_PRESS_MS = 500;

/**
 * Lets one Ctrl-C arrive once: the terminal sends it to every process it runs, and npm passes its own on to the command, which then has it twice within
 * milliseconds (whether it does depends on the shell). A second key press comes later and counts.
 * @param {{ emit: (event: any, ...rest: any[]) => boolean }} receiver the process
 * @param {() => number} now milliseconds
 */
function receiveInterruptsOnce(receiver, now = () => performance.now()) {
  const emit = receiver.emit;
  let last = -Infinity;
  receiver.emit = (event, ...rest) => {
    if (event === 'SIGINT') {
      const sinceLast = now() - last;
      last = now();
      if (sinceLast < SAME_KEY_PRESS_MS) return true;
    }
    return emit.call(receiver, event, ...rest);
  };
}

module.exports = { receiveInterruptsOnce };
