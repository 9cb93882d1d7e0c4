// @ts-check
// Says what is here and what is missing. `--json`: as one document on stdout. Works before anything is installed; ends with 1 where something is missing.
require('../src/engine/provision/node-version').requireSupportedNode();
const { doctorReport, inspect } = require('../src/engine/provision/doctor');
const { runScript } = require('../src/engine/provision/prepare');
const { typedFlags } = require('./script-flags');

runScript(async () => {
  const flags = typedFlags({
    script: 'doctor',
    summary: 'Says what this machine has and what is missing; ends with 1 where something is.',
    flags: { json: 'Print it as one JSON document.' },
  });
  if (flags === undefined) return;
  const inspection = await inspect();
  process.stdout.write(flags.has('json') ? `${JSON.stringify(inspection, undefined, 2)}\n` : doctorReport(inspection));
  if (inspection.missing.length > 0) process.exitCode = 1;
});
