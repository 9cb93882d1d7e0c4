// @ts-check
// TensorFlow.js takes half a second to load, and most of what a command line says needs none of it: it is loaded when `tf` is first read. Its layers, its converter
// and its browser kernels, most of it, are loaded when something of theirs is first asked for.
const Module = require('node:module');

const PARTS = ['@tensorflow/tfjs-layers', '@tensorflow/tfjs-converter', '@tensorflow/tfjs-backend-webgl'];

/** Loads TensorFlow.js with something empty in place of those parts, where Node's modules can be put in place (tests have modules of their own: all of it is loaded). */
function loadTensorFlow() {
  const files = PARTS.map((name) => require.resolve(name)).filter((file) => require.cache[file] === undefined);
  for (const file of files) require.cache[file] = Object.assign(new Module(file), { loaded: true });
  try {
    return require('@tensorflow/tfjs');
  } finally {
    for (const file of files) Reflect.deleteProperty(require.cache, file);
  }
}

/**
 * Lets an object give what those parts export.
 * @param {Record<string, unknown>} tf
 */
function completeWhenAsked(tf) {
  const rest = () => {
    Object.setPrototypeOf(tf, Object.prototype);
    for (const name of PARTS)
      Object.setPrototypeOf(tf, Object.create(Object.getPrototypeOf(tf), Object.getOwnPropertyDescriptors(require(name))));
  };
  const get = (/** @type {object} */ target, /** @type {string | symbol} */ name) => {
    if (typeof name === 'symbol' || name in target || name === 'then') return Reflect.get(target, name);
    rest();
    return tf[name];
  };
  Object.setPrototypeOf(tf, new Proxy(Object.prototype, { get }));
  return tf;
}

Reflect.defineProperty(exports, 'tf', {
  configurable: true,
  enumerable: true,
  get() {
    const tf = completeWhenAsked(loadTensorFlow());
    Reflect.defineProperty(exports, 'tf', { value: tf, enumerable: true });
    return tf;
  },
});
