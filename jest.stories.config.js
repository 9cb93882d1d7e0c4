// `npm run test:stories`: what a person does from beginning to end, with whole programs: the package installed, videos made into clips, a model's life, a camera. Apart from
// `npm test`, for each takes a minute or more.
const config = require('./jest.config');

/** @type {import('jest').Config} */
module.exports = {
  ...config,
  testMatch: ['<rootDir>/test/stories/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
};
