// `npm run test:tiny`: what a person runs while typing. Of each room, tests of its rules that need neither TensorFlow nor another process.
const { existsSync } = require('node:fs');
const path = require('node:path');
const config = require('./jest.config');

const TINY = {
  foundation: ['atomic-file', 'installation', 'memory-limit', 'random', 'required', 'text'],
  config: ['documentation', 'inception-settings', 'layers', 'presets', 'resolve', 'settings-file', 'value-from-text'],
  data: ['class-use', 'clip-checks', 'csv-write', 'demo-skeleton', 'labels', 'npz', 'plan-epoch', 'transforms'],
  checkpoint: ['find-weights', 'foreign-files', 'pickle', 'safetensors', 'tensor', 'torch-file'],
  folder: ['readme'],
  engine: ['devices', 'matrix-initialisation'],
  training: ['schedules'],
  conversion: ['legacy-log'],
  zoo: ['changelog'],
  cli: ['exit', 'flags', 'quantities', 'terminal', 'terminal-reporter', 'training-lines'],
  setup: ['messages', 'npm-packages', 'target'],
};

const files = Object.entries(TINY).flatMap(([room, names]) => names.map((name) => path.join(__dirname, 'test', room, `${name}.test.ts`)));
for (const file of files)
  if (!existsSync(file))
    throw new Error(`${path.relative(__dirname, file)} is not there: jest.tiny.config.js names the tests that are run`);

/** @type {import('jest').Config} */
module.exports = { ...config, testMatch: files };
