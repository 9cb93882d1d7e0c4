// @ts-check
const { createHash } = require('node:crypto');
const { createReadStream } = require('node:fs');
const { pipeline } = require('node:stream/promises');

/**
 * The sha256 of a file, which is never in memory as a whole.
 * @param {string} file
 * @param {'hex' | 'base64url'} encoding
 * @returns {Promise<string>}
 */
async function checksumOf(file, encoding = 'hex') {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest(encoding);
}

module.exports = { checksumOf };
