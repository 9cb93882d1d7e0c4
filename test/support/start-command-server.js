// @ts-check
// Starts `command-server.ts` from modules that an earlier start of it translated and compiled, as `scripts/run.js` starts a command.
const { PROJECT, cacheFolder } = require('../../src/engine/provision/locations');
const { keepModules } = require('../../scripts/module-loader');

keepModules({ project: PROJECT, cache: cacheFolder(), command: 'tests', translates: true });
require('./command-server');
