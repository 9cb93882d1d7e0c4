// @ts-check
// Says what is here and what is missing. `--json`: as one document on stdout. Works before anything is installed.
require('./provision/node-version').requireSupportedNode();
const { doctorReport } = require('./provision/doctor-report');
const { inspect } = require('./provision/inspection');
const { runScript } = require('./provision/prepare');

runScript(async () => {
  const inspection = await inspect();
  process.stdout.write(process.argv.includes('--json') ? `${JSON.stringify(inspection, undefined, 2)}\n` : doctorReport(inspection));
});
