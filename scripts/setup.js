// @ts-check
// Prepares everything on purpose: says what it finds and does, tries again what failed before, and prepares anew what does not load.
require('../src/engine/provision/node-version').requireSupportedNode();
const { runScript, setUp } = require('../src/engine/provision/prepare');
const { typedFlags } = require('./script-flags');

runScript(async () => {
  const summary = "Prepares the npm packages and TensorFlow's native library, and says what it finds and does.";
  if (typedFlags({ script: 'setup', summary, flags: {} }) !== undefined) await setUp();
});
