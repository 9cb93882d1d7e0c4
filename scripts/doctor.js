// @ts-check
// Says what is here and what is missing. `--json`: as one document on stdout. Works before anything is installed.
require('../src/engine/provision/node-version').requireSupportedNode();
const { doctorReport, inspect } = require('../src/engine/provision/doctor');
const { runScript } = require('../src/engine/provision/prepare');

runScript(async () => {
  const inspection = await inspect();
  process.stdout.write(process.argv.includes('--json') ? `${JSON.stringify(inspection, undefined, 2)}\n` : doctorReport(inspection));
});
