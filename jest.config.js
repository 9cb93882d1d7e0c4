// What native code reads of the environment must be set here: a test's own process.env does not reach it.
process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: '<rootDir>/test/support/environment.js',
  // `import … from 'kumpas'` is the source here, not what was built of it.
  testEnvironmentOptions: { customExportConditions: ['kumpas-source', 'node', 'node-addons'] },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/faults/'], // npm run test:faults
  transform: { '\\.ts$': ['@swc/jest', { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } }] },
  // TypeScript names the file that `import()` loads as it will be called, with .js.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  maxWorkers: 2,
  testTimeout: 180_000,
};
