// @ts-check
// Prepares what is needed, then runs one of Kumpas's commands in this same process: no signal and no exit code is lost on the way.
require('../src/engine/provision/node-version').requireSupportedNode();
const path = require('node:path');
const { prepare, requireOpenFiles, runScript } = require('../src/engine/provision/prepare');
const { receiveInterruptsOnce } = require('./single-interrupt');

runScript(async () => {
  requireOpenFiles();
  await prepare({ development: false, native: true });
  receiveInterruptsOnce(process);
  process.argv[1] = path.resolve(__dirname, '../src/cli/main.ts');
  // @ts-expect-error tsx publishes no types for its loader (what `node --import tsx` loads).
  await import('tsx');
  require('../src/cli/main');
});
