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

module.exports = OuterRealmEnvironment;
