// @ts-check
// Written for any Node that may meet it: the first thing a script does is to look at the version it runs on.

const SUPPORTED_NODE = '20.19 or later, 22.12 or later, or 24 and later';

/**
 * Whether Kumpas runs on this version of Node (require() of ES modules came with 20.19 and 22.12).
 * @param {string} version such as `20.19.4`
 * @returns {boolean}
 */
function isSupportedNode(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major >= 24;
}

/** Ends the process with one clear line where its Node is not supported. */
function requireSupportedNode() {
  if (isSupportedNode(process.versions.node)) return;
  console.error(`Kumpas needs Node ${SUPPORTED_NODE}; this is Node ${process.versions.node}. Install another and run the command again.`);
  process.exit(1);
}

module.exports = { isSupportedNode, requireSupportedNode };
