// @ts-check
// Prepares everything on purpose: says what it finds and does, tries again what failed before, and prepares anew what does not load.
require('./provision/node-version').requireSupportedNode();
const { nvidiaDriver } = require('../src/engine/hardware');
const { PROJECT, cacheFolder, installedVersion } = require('./provision/locations');
const { prepareNativeLibrary } = require('./provision/native-library');
const { preparePackages } = require('./provision/npm-packages');
const { runScript } = require('./provision/prepare');
const { reportTo } = require('./provision/report');
const { TENSORFLOW_VERSION, chooseBackend } = require('./provision/target');

runScript(async () => {
  const report = reportTo();
  report.line(`Node ${process.versions.node}`);
  await preparePackages({ project: PROJECT, development: true, report });
  report.line(`npm packages: in place (@tensorflow/tfjs-node-gpu ${installedVersion(PROJECT, '@tensorflow/tfjs-node-gpu') ?? 'missing'})`);
  const driver = nvidiaDriver();
  const backend = chooseBackend(process.env['KUMPAS_BACKEND'], driver);
  if (backend === 'js') {
    report.line('KUMPAS_BACKEND=js: no native library is needed.');
    return;
  }
  report.line(driver === undefined ? 'NVIDIA driver: none' : `NVIDIA driver: ${driver}`);
  await prepareNativeLibrary({ project: PROJECT, cache: cacheFolder(), backend, thorough: true, report });
  report.line(`TensorFlow ${TENSORFLOW_VERSION} for the ${backend.toUpperCase()}: in place (${cacheFolder()}). Ready.`);
});
