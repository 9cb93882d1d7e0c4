// What native code reads of the environment must be set here: a test's own process.env does not reach it.
process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';

const HOT_GLOBALS = 'Math Number String BigInt Symbol Object Array Map Set JSON DataView'.split(' ');
const TYPED_ARRAYS = 'Float32 Float64 Int8 Int16 Int32 Uint8 Uint16 Uint32 BigInt64'.split(' ').map((kind) => `${kind}Array`);

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: '<rootDir>/test/support/environment.js',
  // `import … from 'kumpas'` is the source here, not what was built of it.
  testEnvironmentOptions: { customExportConditions: ['kumpas-source', 'node', 'node-addons'] },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // `npm run test:faults` and `npm run test:stories` run the others.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/faults/', '<rootDir>/test/stories/'],
  transform: { '\\.ts$': ['@swc/jest', { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } }] },
  // TypeScript names the file that `import()` loads as it will be called, with .js.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  // A file's own parameters: in a sandbox each look at a global passes through Node's interceptors, which made a loop over numbers a hundred times slower.
  sandboxInjectedGlobals: [...HOT_GLOBALS, ...TYPED_ARRAYS],
  maxWorkers: 2,
  testTimeout: 180_000,
};
