// @ts-check
// Prepares what a script needs before it runs. `--packages`: the npm packages only, for scripts that do not run TensorFlow.
require('../src/engine/provision/node-version').requireSupportedNode();
const { prepare, runScript } = require('../src/engine/provision/prepare');

runScript(() => prepare({ development: true, native: !process.argv.includes('--packages') }));
