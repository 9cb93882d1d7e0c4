// @ts-check
const PINNED = require('./pinned-wheels.json');
/** @typedef {import('./target').Target} Target */

/**
 * A wheel that is taken, and no other in its place.
 * @typedef {{ requirement: string, file: string, sha256: string }} PinnedWheel requirement: with its exact version, as pip takes it
 */

/**
 * The wheels of a target, TensorFlow's own first, then the CUDA packages. `node scripts/pin-wheels.mjs` writes their list.
 * @param {Target} target
 * @returns {PinnedWheel[]}
 */
function pinnedWheels({ key }) {
  const wheels = /** @type {Record<string, PinnedWheel[]>} */ (PINNED)[key];
  if (wheels === undefined) throw new Error(`pinned-wheels.json has no wheels of ${key}: run scripts/pin-wheels.mjs`);
  return wheels;
}

module.exports = { pinnedWheels };
