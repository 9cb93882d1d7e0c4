const vm = require('node:vm');
const { TestEnvironment } = require('jest-environment-node');

/**
 * Node's own typed arrays for the tests: native code makes its arrays in the outer realm, where a sandbox's `instanceof Float32Array` would fail.
 */
class OuterRealmEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    const outer = {
      Float32Array,
      Float64Array,
      Int8Array,
      Int16Array,
      Int32Array,
      Uint8Array,
      Uint8ClampedArray,
      Uint16Array,
      Uint32Array,
      BigInt64Array,
      BigUint64Array,
      ArrayBuffer,
      DataView,
      Error,
      TypeError,
      RangeError,
    };
    Object.assign(this.global, outer);
  }
}

const { compileFunction } = vm;

/**
 * jest loads all modules anew for each test file, and Node's `compileFunction`, by which it does, parses each of them anew. A script of the same text V8 has compiled already, so a test file that
 * imports all of Kumpas costs half a second less.
 */
vm.compileFunction = function compileOnce(code, parameters, options = {}) {
  const { filename, parsingContext } = options;
  if (filename === undefined || parsingContext === undefined) return compileFunction(code, parameters, options);
  const start = `(function (${parameters?.join(', ') ?? ''}) {`;
  return new vm.Script(`${start}${code}\n})`, { filename, columnOffset: -start.length }).runInContext(parsingContext);
};

module.exports = OuterRealmEnvironment;
