// `npm run test:faults`: what breaks a run from outside, for real: full disks, killed processes, folders that cannot be written. Apart from `npm test`, for it takes minutes.
const config = require('./jest.config');

/** @type {import('jest').Config} */
module.exports = {
  ...config,
  testMatch: ['<rootDir>/test/faults/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
};
