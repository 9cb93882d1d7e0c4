#!/usr/bin/env node
// @ts-check
// The command `kumpas`, and what `npm run train` and its like run: installs the packages where they are missing, then runs one of Kumpas's commands in this same
// process, so that no signal and no exit code is lost on the way; a command that computes prepares TensorFlow. In a checkout it runs the source, in an installed package what was built of it.
require('../src/engine/provision/node-version').requireSupportedNode();
const path = require('node:path');
const { IS_CHECKOUT, PROJECT, cacheFolder } = require('../src/engine/provision/locations');
const { keepModules } = require('./module-loader');

/** What runs before, or instead of, everything else: the command line is not needed for it. */
const OWN_SCRIPTS = ['setup', 'doctor'];
const [name = ''] = process.argv.slice(2);

if (OWN_SCRIPTS.includes(name)) require(path.join(__dirname, name));
else {
  const { loadAhead, prepare, requireOpenFiles, runScript } = require('../src/engine/provision/prepare');
  const { receiveInterruptsOnce } = require('./single-interrupt');
  runScript(async () => {
    requireOpenFiles();
    await prepare({ development: false, native: false });
    // Only now: in a fresh clone, what translates TypeScript has just been installed.
    keepModules({ project: PROJECT, cache: cacheFolder(), command: name, translates: IS_CHECKOUT });
    loadAhead(process.argv.slice(2));
    receiveInterruptsOnce(process);
    const main = path.resolve(__dirname, IS_CHECKOUT ? '../src/cli/main.ts' : '../dist/cli/main.js');
    process.argv[1] = main;
    require(main);
  });
}
