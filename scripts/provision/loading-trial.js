// @ts-check
const { existsSync } = require('node:fs');
const path = require('node:path');
const { BINDING } = require('./binding');
const { runCommand } = require('./command');
const { TENSORFLOW_VERSION } = require('./target');

/** The library of Kumpas's own operations: own-kernels.js compiles it. */
const KERNELS = 'kernels.node';

/** Loads what the command loads, in its order, and says after each that it is in. */
const PROGRAM = `
const [standardError, binding, kernels] = process.argv.slice(1);
if (standardError !== "") require(standardError);
console.log("TensorFlow " + require(binding).TF_Version);
if (kernels !== "") console.log("registered " + require(kernels).registered);`;

/**
 * Loads a compiled binding, and Kumpas's own operations where they lie beside it, in a process of its own, where even a crash harms nobody.
 * @param {string} folder of the binding
 * @returns {Promise<{ binding: string | undefined, kernels: string | undefined }>} why each cannot be used; undefined where it can, or is not there
 */
async function tryLoading(folder) {
  const files = ['standard_error.node', BINDING, KERNELS].map((name) => path.join(folder, name));
  const there = files.map((file) => (existsSync(file) ? file : ''));
  const environment = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' };
  const { code, signal, output } = await runCommand(process.execPath, ['-e', PROGRAM, ...there], { environment });
  const why = signal ?? /Error: .*/.exec(output)?.[0] ?? output.trim().split('\n').at(-1) ?? '';
  if (!output.includes(`TensorFlow ${TENSORFLOW_VERSION}`))
    return { binding: `${path.join(folder, BINDING)} does not load (${why})`, kernels: undefined };
  if (there[2] === '' || (code === 0 && output.includes('registered true'))) return { binding: undefined, kernels: undefined };
  return { binding: undefined, kernels: `${path.join(folder, KERNELS)} does not load (${why})` };
}

module.exports = { tryLoading };
