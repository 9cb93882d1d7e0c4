// @ts-check
// TensorFlow.js takes half a second to load, and most of what a command line says needs none of it: it is loaded when `tf` is first read.
Reflect.defineProperty(exports, 'tf', {
  configurable: true,
  enumerable: true,
  get() {
    const tf = require('@tensorflow/tfjs');
    Reflect.defineProperty(exports, 'tf', { value: tf, enumerable: true });
    return tf;
  },
});
